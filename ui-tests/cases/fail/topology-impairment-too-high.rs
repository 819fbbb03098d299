// A host has one for each of its interfaces.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan, delay = "1ms")]
    a: Host,
    #[host(lan, egress(rate = "1mbit"))]
    b: Host,
}

fn main() {}
