// Nothing is between the ends of a veth pair, on neither side.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", veth)]
    lan: Segment,
    #[host(lan(loss = "1%"))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
