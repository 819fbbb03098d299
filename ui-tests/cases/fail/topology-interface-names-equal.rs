// The name of an interface is its own.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan(name = "port0"), wan(name = "port0"))]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
