// A subnet is a range that hosts can have addresses from.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("224.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
