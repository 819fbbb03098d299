// An address is that of one host, not of all in an array.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = "10.0.0.5")]
    clients: [Host; 3],
}

fn main() {}
