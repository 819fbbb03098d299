// What shares a port is in no pair.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", pair(a, b, delay = "20ms"))]
    lan: Segment,
    #[host(lan(macvlan))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
