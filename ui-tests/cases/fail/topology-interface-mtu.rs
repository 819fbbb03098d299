// The MTU of an interface is 68 to 65535.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan(mtu = 67))]
    b: Host,
}

fn main() {}
