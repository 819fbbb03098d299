// A quantity has a unit, and stands in a string, wherever it is.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", delay = 20)]
    lan: Segment,
    #[host(lan(loss = 1))]
    a: Host,
    #[host(lan(egress(rate = 5)))]
    b: Host,
}

fn main() {}
