// The attribute draws a network, or a topology does, not both.

use netns_test::prelude::*;

#[derive(Topology)]
struct Pair {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan)]
    b: Host,
}

#[netns_test(topology = Pair, namespaces = 2, veth = true, subnet = "10.0.0.0/24", ipv6 = true, mtu = 1400)]
fn test(a: Host, b: Host) {}

fn main() {}
