// An MTU is at least 1280 with IPv6.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("fd00::/64", mtu = 1279)]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

fn main() {}
