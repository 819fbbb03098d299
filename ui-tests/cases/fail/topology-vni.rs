// The identifier of a VXLAN has 24 bits.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24", vni = 16777216, over = lan)]
    upper: Segment,
    #[host(lan, upper)]
    a: Host,
    #[host(lan, upper)]
    b: Host,
}

fn main() {}
