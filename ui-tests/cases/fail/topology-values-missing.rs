// An option that needs a value has one.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net {
    #[segment("10.0.0.0/24", mtu, offload, bridge(vlan_filtering, stp =, ageing), over)]
    lan: Segment,
    #[host(lan(address, addresses, name, mac, mtu, offload, gateway, vrf, bond, mode))]
    a: Host,
    #[router(lan, masquerade, route, neighbour, sysctl, snat, forward)]
    b: Host,
    #[router(lan, route(default, via), forward(tcp, udp, to, port))]
    c: Host,
}

fn main() {}
