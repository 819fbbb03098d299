// Only a router masquerades.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan, masquerade = wan)]
    server: Host,
}

fn main() {}
