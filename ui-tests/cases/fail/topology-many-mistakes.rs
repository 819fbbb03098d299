// All mistakes in a topology are reported in one build, and nothing is accused that another mistake has caused.

use netns_test::prelude::*;

#[derive(Topology)]
#[topology(routs = "none")]
struct Net {
    #[segment("10.0.1.0/33", mtu = 3)]
    lan: Segment,
    #[segment(vlan = 4095, over = lam)]
    red: Segment,
    #[segment("10.0.2.0/24", vni = 1, gre, over = lan)]
    overlay: Segment,
    #[host(lan(mac = "02:00", name = "a-name-that-is-too-long", gateway = rooter), red)]
    laptop: Host,
    #[host(lan = "10.0.1.77", colour = 3)]
    printer: Host,
    #[router(lan, wan, forward(tcp = 8080, to = labtop), masquerade = wan)]
    router: Host,
    #[host(lan)]
    uplink: Segment,
    server: Host,
    #[host(overlay, sysctl("kernel.panic" = 1), sysctl("net.ipv4.ip_default_ttl"))]
    #[router(overlay)]
    client: Host,
}

#[netns_test]
fn test(net: Net) {
    net.laptop.addr();
}

fn main() {}
