// Whoever is on a segment is not alone.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, alone)]
    b: Host,
}

fn main() {}
