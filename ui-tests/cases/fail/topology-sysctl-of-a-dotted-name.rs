// The name of an interface may have a dot, and then slashes separate the words of its sysctls.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[segment("10.10.0.0/24", vlan = 10, over = lan)]
    red: Segment,
    #[host(lan, red, sysctl("net.ipv4.conf.eth0.10.rp_filter" = 1))]
    a: Host,
    #[host(lan, red, sysctl("net/ipv4/conf/eth0.10/rp_filter" = 1, "net.ipv4.conf.eth0/10.arp_ignore" = 1))]
    b: Host,
}

fn main() {}
