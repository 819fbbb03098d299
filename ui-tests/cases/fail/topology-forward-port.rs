// A port is 1 to 65535.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[router(lan, wan, forward(udp = 65536, to = laptop, port = 0))]
    router: Host,
    #[host(wan)]
    server: Host,
}

fn main() {}
