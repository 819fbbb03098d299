// A macvlan is on a switch.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", veth)]
    lan: Segment,
    #[host(lan(macvlan))]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
