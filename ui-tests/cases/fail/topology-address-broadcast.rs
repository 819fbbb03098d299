// The last address of a subnet is for all.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = "10.0.0.255")]
    b: Host,
}

fn main() {}
