// Above the struct stand its own options.

use netns_test::prelude::*;

#[derive(Topology)]
#[topology(route = "none")]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
