// A VLAN is not over itself by way of another.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24", vlan = 10, over = blue)]
    red: Segment,
    #[segment("10.2.0.0/24", vlan = 20, over = red)]
    blue: Segment,
    #[host(lan, red, blue)]
    a: Host,
    #[host(lan, red, blue)]
    b: Host,
}

fn main() {}
