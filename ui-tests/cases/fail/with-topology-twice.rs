// A test has its topology as a parameter or as an option, not both.

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

#[netns_test(topology = Pair)]
fn test(_net: Pair) {}

fn main() {}
