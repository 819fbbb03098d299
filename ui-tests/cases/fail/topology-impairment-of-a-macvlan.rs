// What shares a port is not impaired by itself.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan(macvlan, delay = "20ms"))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
