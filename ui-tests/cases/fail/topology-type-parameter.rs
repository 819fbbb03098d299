// A topology has no type parameters.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net<T, const N: usize> {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
