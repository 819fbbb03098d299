// A neighbour has a MAC address.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, neighbour("10.0.0.9" = "02-09"))]
    b: Host,
}

fn main() {}
