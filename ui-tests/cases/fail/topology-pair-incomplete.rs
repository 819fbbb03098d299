// A pair has two hosts, and something happens between them.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", pair, pair(a), pair(a, b), path(a, delay = "1ms"))]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
