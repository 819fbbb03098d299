// A pair is of one host and another, not of an array.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", pair(server, clients, delay = "1ms"))]
    lan: Segment,
    #[host(lan)]
    server: Host,
    #[host(lan)]
    clients: [Host; 3],
}

fn main() {}
