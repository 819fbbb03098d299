// A subnet has an address for each host.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/29")]
    lan: Segment,
    #[host(lan)]
    server: Host,
    #[host(lan)]
    clients: [Host; 6],
}

fn main() {}
