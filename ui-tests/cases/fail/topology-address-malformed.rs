// An address is one of IPv4 or IPv6, without a prefix length.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan = ["10.0.0.256", "10.0.0.5/24"])]
    b: Host,
}

fn main() {}
