// A topology has no lifetime parameters.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net<'a> {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
