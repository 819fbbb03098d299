// Somebody answers to an address of source NAT: it is of the segment, or there is a route to it.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan, snat(wan = "192.0.2.7"))]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
