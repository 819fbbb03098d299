// The MTU of a tunnel leaves room for its headers.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.1.0.0/24", vni = 42, over = lan, mtu = 1500)]
    upper: Segment,
    #[host(lan, upper)]
    a: Host,
    #[host(lan, upper)]
    b: Host,
}

fn main() {}
