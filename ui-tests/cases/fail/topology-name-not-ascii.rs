// The name of a field is one that a host can have.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    café: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
