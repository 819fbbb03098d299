// A field has its attribute once.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    #[host(route(default, via = "10.0.0.9"))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
