// An address is that of one host.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan = "10.0.0.5")]
    a: Host,
    #[host(lan = "10.0.0.5")]
    b: Host,
}

fn main() {}
