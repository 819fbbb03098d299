// An address is a string.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = a)]
    b: Host,
}

fn main() {}
