// What a nested topology shares has two names.

use netns_test::prelude::*;

#[derive(Topology)]
struct Site {
    #[segment("10.0.0.0/24")]
    uplink: Segment,
    #[host(uplink)]
    server: Host,
}

#[derive(Topology)]
struct Net {
    #[segment("10.1.0.0/24")]
    wan: Segment,
    #[host(wan)]
    client: Host,
    #[topology(uplink)]
    left: Site,
    #[topology("uplink" = wan)]
    right: Site,
}

fn main() {}
