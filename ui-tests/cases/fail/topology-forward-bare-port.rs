// A port is one of TCP or of UDP.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan, forward(80, to = laptop))]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
