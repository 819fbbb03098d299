// A body that draws its own network has no other.

use netns_test::prelude::*;

#[derive(Topology)]
struct Pair {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

#[netns_test(namespaces = 0)]
fn test(_net: Pair) {}

fn main() {}
