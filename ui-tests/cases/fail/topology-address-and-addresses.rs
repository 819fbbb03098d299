// Addresses are written in one way.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(address = "10.0.0.5", addresses = ["10.0.0.6"]))]
    b: Host,
}

fn main() {}
