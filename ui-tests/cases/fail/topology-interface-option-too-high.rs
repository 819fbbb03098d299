// What an interface is like stands behind the segment that it is on.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan, mtu = 1400)]
    a: Host,
    #[host(lan, address = "10.0.0.9", macvlan)]
    b: Host,
    #[host(lan, gateway = a)]
    c: Host,
}

fn main() {}
