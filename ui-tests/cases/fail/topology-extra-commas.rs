// Commas separate things.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan,, wan, route("10.9.0.0/16",, via = "10.0.0.9"), snat(,wan = "203.0.113.7"), sysctl(,), forward(,))]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
