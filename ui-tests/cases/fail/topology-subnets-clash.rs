// Subnets that are seen from one place do not overlap.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/16")]
    lan: Segment,
    #[segment("10.0.1.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
