// What can be required of the machine.

use netns_test::{Host, netns_test};

#[netns_test(requires(vlan))]
fn one(alice: Host) {}

#[netns_test(requires(
    veth, bridge, vlan_filtering, vlan, vxlan, macvlan, ipvlan, macvtap, tap, dummy, bond, vrf, wireguard, gre, ipip, ifb, netem,
    sctp, nftables, ipv6, time_namespace, program = "nft", program = "wg-quick",
))]
fn all(alice: Host) {}

fn main() {}
