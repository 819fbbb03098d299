// A segment with the name of an option is written raw.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    route: Segment,
    #[host(route)]
    a: Host,
    #[host(route = "10.0.0.9")]
    b: Host,
}

fn main() {}
