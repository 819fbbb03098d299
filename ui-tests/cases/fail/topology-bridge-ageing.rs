// A time has a unit.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", bridge(ageing = "300"))]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
