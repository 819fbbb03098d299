// A host has one default route.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan(gateway = router), route(default, via = "10.0.0.9"))]
    laptop: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
