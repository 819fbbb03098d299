// An interface is of one kind.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(macvlan, bond = 2))]
    b: Host,
}

fn main() {}
