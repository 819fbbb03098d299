// `snat` has segments and addresses.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan, snat("203.0.113.7"))]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
