// A nested topology shares a segment that is there.

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
    #[topology(uplink = wam)]
    left: Site,
}

fn main() {}
