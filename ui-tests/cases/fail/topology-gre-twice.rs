// The kernel tells GRE tunnels by their ends.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/30", gre, over = lan)]
    first: Segment,
    #[segment("10.2.0.0/30", gre, over = lan)]
    second: Segment,
    #[host(lan, first, second)]
    a: Host,
    #[host(lan, first, second)]
    b: Host,
}

fn main() {}
