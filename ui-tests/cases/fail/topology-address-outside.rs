// An address is in a subnet of the segment.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = "10.0.1.5")]
    b: Host,
}

fn main() {}
