// A subnet has no host bits.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.1/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
