// Who is on a VLAN is on what it is over.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24", vlan = 10, over = lan)]
    upper: Segment,
    #[host(upper)]
    a: Host,
    #[host(upper)]
    b: Host,
}

fn main() {}
