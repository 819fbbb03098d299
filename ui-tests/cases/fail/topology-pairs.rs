// Neighbours and sysctls are pairs.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    a: Host,
    #[host(lan, neighbour("10.0.0.9"), sysctl("net.ipv4.ip_default_ttl" = true, net.ipv4 = 1))]
    b: Host,
}

fn main() {}
