// Somebody is on every segment.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24")]
    spare: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
