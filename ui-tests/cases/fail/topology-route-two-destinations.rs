// A route has one destination.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, route("10.1.0.0/24", "10.2.0.0/24"))]
    b: Host,
}

fn main() {}
