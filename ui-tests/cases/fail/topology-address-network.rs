// The first address of a subnet is the subnet's.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = "10.0.0.0")]
    b: Host,
}

fn main() {}
