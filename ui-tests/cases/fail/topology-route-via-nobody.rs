// The gateway of a route is there.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan, route(wan, via = rooter))]
    laptop: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
