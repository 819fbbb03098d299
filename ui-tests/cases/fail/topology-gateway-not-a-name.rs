// A gateway is the name of a host or an address.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(gateway = 1))]
    b: Host,
}

fn main() {}
