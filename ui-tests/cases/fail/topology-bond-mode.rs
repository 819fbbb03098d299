// The mode of a bond is one that the kernel has.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(bond = 2, mode = "active-standby"))]
    b: Host,
}

fn main() {}
