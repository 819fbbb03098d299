// The attribute draws a network, or the type of a parameter does, not both.

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

#[netns_test(veth = true)]
fn test(_net: Pair) {}

fn main() {}
