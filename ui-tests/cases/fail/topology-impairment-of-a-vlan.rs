// What is over another segment is impaired there.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", vlan = 10, over = trunk, delay = "20ms")]
    lan: Segment,
    #[segment]
    trunk: Segment,
    #[host(trunk, lan)]
    a: Host,
    #[host(trunk, lan(loss = "1%"))]
    b: Host,
}

fn main() {}
