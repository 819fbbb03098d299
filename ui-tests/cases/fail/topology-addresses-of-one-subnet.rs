// An interface has one address of each subnet.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = ["10.0.0.5", "10.0.0.6"])]
    b: Host,
}

fn main() {}
