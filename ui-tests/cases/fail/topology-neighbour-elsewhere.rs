// A neighbour is in a subnet of the host.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, neighbour("10.0.1.9" = "02:00:00:00:00:09"))]
    b: Host,
}

fn main() {}
