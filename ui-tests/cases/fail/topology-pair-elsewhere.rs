// The hosts of a pair are on the segment.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", pair(a, server, delay = "1ms"))]
    lan: Segment,
    #[segment("10.1.0.0/24")]
    wan: Segment,
    #[host(lan)]
    a: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
