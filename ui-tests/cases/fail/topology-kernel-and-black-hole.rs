// The kernel has no MTU black holes.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", engine = "kernel")]
    lan: Segment,
    #[host(lan(egress(mtu_black_hole = 1400)))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
