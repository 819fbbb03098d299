// What happens in one direction is a list.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan(egress = "1mbit"))]
    a: Host,
    #[host(lan(ingress()))]
    b: Host,
}

fn main() {}
