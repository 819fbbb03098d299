// The id of a VLAN is its own.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24", vlan = 10, over = lan)]
    red: Segment,
    #[segment("10.2.0.0/24", vlan = 10, over = lan)]
    blue: Segment,
    #[host(lan, red, blue)]
    a: Host,
    #[host(lan, red, blue)]
    b: Host,
}

fn main() {}
