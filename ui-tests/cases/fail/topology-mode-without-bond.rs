// `mode` is that of a bond.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(mode = "802.3ad"))]
    b: Host,
}

fn main() {}
