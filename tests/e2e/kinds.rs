//! Every kind of wire that most kernels have: what was drawn is what is there, and it carries packets.
//!
//! The others are in `full_kernel.rs`.

use netns_test::prelude::*;
use netns_test::{MacAddr, Topology};
use netns_test_tests::reach::assert_all_reach_all;
use netns_test_tests::realised::assert_realised;

async fn check<T: Topology>(lab: &Lab) {
    assert_realised(lab, &T::drawing().plan().unwrap());
    assert_all_reach_all(lab).await;
}

#[derive(Topology)]
struct Pair {
    #[segment("10.0.0.0/30", "fd00::/126", veth)]
    wire: Segment,
    #[host(wire)]
    left: Host,
    #[host(wire(address = "10.0.0.1", mac = "02:aa:00:00:00:01", mtu = 1400, name = "uplink"))]
    right: Host,
}

#[netns_test]
async fn a_wire(net: Pair, lab: Lab) {
    assert_eq!((net.left.addr().to_string(), net.right.addr().to_string()), ("10.0.0.2".into(), "10.0.0.1".into()));
    check::<Pair>(&lab).await;
}

#[derive(Topology)]
struct Switch {
    #[segment("10.0.0.0/24", "fd00::/64", mtu = 9000, bridge(ageing = "30s"))]
    lan: Segment,
    #[host(lan)]
    hosts: [Host; 4],
    #[host(lan(mtu = 1300, offload = false))]
    small: Host,
}

#[netns_test]
async fn a_switch(net: Switch, lab: Lab) {
    check::<Switch>(&lab).await;
    net.hosts[0].assert_ping(&net.hosts[1]).size(8000).dont_fragment(true).await;
    let [bridge] = &bridges()[..] else { panic!("{:?}", bridges()) };
    let data = &bridge["linkinfo"]["info_data"];
    // In hundredths of a second.
    assert_eq!((&data["ageing_time"], &data["stp_state"]), (&3000.into(), &0.into()));
    // With snooping, who has not been heard to join a group hears nothing of it.
    assert_eq!((&data["mcast_snooping"], &data["forward_delay"]), (&0.into(), &0.into()));
    assert_eq!(bridge["mtu"], 9000);
}

/// Without offloads a checksum is on the wire as it is to be (RFC 768), whichever way a datagram goes; with them it is left to a device
/// that is not there.
#[netns_test]
fn checksums_without_offloads(net: Switch) -> TestResult {
    let [first, second, ..] = &net.hosts;
    assert!(!checksum_on_the_wire(first, second)?, "nobody computes it between hosts with offloads");
    assert!(checksum_on_the_wire(first, &net.small)?);
    assert!(checksum_on_the_wire(&net.small, first)?);
    Ok(())
}

/// Whether a datagram arrives with its checksum, for somebody who looks at frames.
fn checksum_on_the_wire(from: &Host, to: &Host) -> TestResult<bool> {
    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};
    use std::os::fd::AsRawFd;
    let frames =
        to.run(|| socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll))?;
    from.udp_socket()?.send_to(b"an even text", (to.addr(), 9))?;
    loop {
        let mut frame = [0; 2048];
        let length = recv(frames.as_raw_fd(), &mut frame, MsgFlags::empty())?;
        // Ethernet's 14 bytes, IPv4's 20 and UDP's 8.
        if frame[12..14] == [8, 0] && frame[23] == 17 && frame[..length].ends_with(b"an even text") {
            let udp = &frame[34..length];
            let pseudo_header = [&frame[26..34], &[0, 17], &udp[4..6]].concat();
            let words =
                pseudo_header.chunks(2).chain(udp.chunks(2)).map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
            let sum: u32 = words.sum();
            return Ok((sum & 0xffff) + (sum >> 16) == 0xffff);
        }
    }
}

/// The switches of the lab, which are where the body is.
fn bridges() -> Vec<serde_json::Value> {
    let output =
        std::process::Command::new("ip").args(["-json", "-details", "link", "show", "type", "bridge"]).output();
    serde_json::from_slice(&output.expect("iproute2 is installed").stdout).expect("JSON")
}

#[derive(Topology)]
struct Stp {
    #[segment("10.0.0.0/24", bridge(stp = true))]
    lan: Segment,
    #[host(lan)]
    left: Host,
    #[host(lan)]
    right: Host,
}

#[netns_test]
async fn a_switch_with_spanning_tree_forwards_when_the_body_begins(lab: Lab, _net: Stp) {
    assert_eq!(bridges()[0]["linkinfo"]["info_data"]["stp_state"], 1);
    check::<Stp>(&lab).await;
}

#[derive(Topology)]
struct Macvlans {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[host(lan)]
    plain: Host,
    #[host(lan(macvlan))]
    first: Host,
    #[host(lan(macvlan, mac = "02:aa:00:00:00:02"))]
    second: Host,
}

#[netns_test]
async fn macvlans(lab: Lab, _net: Macvlans) {
    check::<Macvlans>(&lab).await;
}

/// What macvlans and tunnels stand on takes frames as large as theirs.
#[derive(Topology)]
struct Jumbo {
    #[segment("10.0.0.0/24", mtu = 9000)]
    lan: Segment,
    #[segment("10.1.0.0/24", vni = 42, over = lan, mtu = 8900)]
    overlay: Segment,
    #[host(lan, overlay)]
    plain: Host,
    #[host(lan(macvlan), overlay)]
    first: Host,
    #[host(lan(macvlan))]
    second: Host,
}

#[netns_test]
async fn large_frames(net: Jumbo, lab: Lab) {
    assert_realised(&lab, &Jumbo::drawing().plan().unwrap());
    let whole = |from: &Host, to: std::net::IpAddr, mtu: u16| from.assert_ping(to).size(mtu - 28).dont_fragment(true);
    whole(&net.first, net.second.addr_on(&net.lan), 9000).await;
    whole(&net.first, net.plain.addr_on(&net.lan), 9000).await;
    whole(&net.plain, net.first.addr_on(&net.overlay), 8900).await;
    whole(&net.first, net.plain.addr_on(&net.overlay), 8900).await;
}

#[derive(Topology)]
struct Overlaid {
    #[segment("10.0.0.0/24", "fd00::/64")]
    underlay: Segment,
    #[segment("10.1.0.0/24", "fd01::/64", vni = 42, over = underlay)]
    overlay: Segment,
    #[host(underlay, overlay)]
    hosts: [Host; 3],
}

#[netns_test]
async fn a_vxlan(lab: Lab, net: Overlaid) {
    check::<Overlaid>(&lab).await;
    assert_eq!(net.hosts[1].addr_on(&net.overlay).to_string(), "10.1.0.2");
}

#[derive(Topology)]
#[topology(routes = "none")]
struct Details {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[segment("10.9.0.0/24", "fd09::/64")]
    beyond: Segment,
    #[host(
        lan,
        route("10.9.0.0/16", via = peer),
        route("fd09::/64", via = "fd00::1"),
        route("10.66.0.0/16"),
        route(default, via = peer),
        neighbour("10.0.0.200" = "02:00:00:00:00:99"),
        sysctl("net.ipv4.ip_default_ttl" = "65"),
        sysctl("net.ipv4.conf.eth0.arp_ignore" = 1)
    )]
    host: Host,
    #[router(lan(name = "up.link"), beyond, sysctl("net/ipv4/conf/up.link/arp_ignore" = 1))]
    peer: Host,
}

#[netns_test]
async fn routes_neighbours_and_sysctls(net: Details, lab: Lab) {
    check::<Details>(&lab).await;
    match net.host.ping("10.66.1.1").await {
        Err(PingError::NoRoute { .. } | PingError::Unreachable { .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// What is written for interfaces to come is what the host's interfaces have.
#[derive(Topology)]
struct Defaults {
    #[segment("10.0.0.0/24", "fd00::/64")]
    lan: Segment,
    #[host(
        lan,
        sysctl("net.ipv4.conf.default.arp_announce" = 2),
        sysctl("net.ipv6.conf.default.hop_limit" = 33),
        sysctl("net.ipv4.neigh.lo.ucast_solicit" = 7),
        sysctl("net.ipv4.neigh.default.ucast_solicit" = 5),
        sysctl("net.ipv6.neigh.default.mcast_solicit" = 9)
    )]
    host: Host,
    #[host(lan)]
    other: Host,
}

#[netns_test]
fn sysctls_of_interfaces_to_come(net: Defaults) {
    let read = |host: &Host, path: &str| {
        let path = format!("/proc/sys/net/{path}");
        host.run(|| std::fs::read_to_string(&path)).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
    };
    for (path, value, others) in [
        ("ipv4/conf/eth0/arp_announce", "2", "0"),
        ("ipv4/conf/default/arp_announce", "2", "0"),
        ("ipv6/conf/eth0/hop_limit", "33", "64"),
        ("ipv4/neigh/eth0/ucast_solicit", "5", "3"),
        ("ipv4/neigh/lo/ucast_solicit", "7", "3"),
        ("ipv6/neigh/eth0/mcast_solicit", "9", "3"),
    ] {
        assert_eq!((&*read(&net.host, path), &*read(&net.other, path)), (value, others), "{path}");
    }
}

/// Two networks of each family and a router, and a host behind another.
macro_rules! routed {
    ($name:ident, $test:ident, $first:tt, $second:tt, $third:tt) => {
        #[derive(Topology)]
        struct $name {
            #[segment $first]
            a: Segment,
            #[segment $second]
            b: Segment,
            #[segment $third]
            c: Segment,
            #[host(a)]
            left: Host,
            #[host(b)]
            middle: Host,
            #[host(c)]
            right: Host,
            #[router(a, b)]
            near: Host,
            #[router(b, c)]
            far: Host,
        }

        #[netns_test]
        async fn $test(lab: Lab, _net: $name) {
            check::<$name>(&lab).await;
        }
    };
}

routed!(RoutedV4, routed_ipv4, ("10.0.0.0/24"), ("10.0.1.0/24"), ("10.0.2.0/24"));
routed!(RoutedV6, routed_ipv6, ("fd00::/64"), ("fd00:1::/64"), ("fd00:2::/64"));
routed!(
    RoutedDual,
    routed_dual_stack,
    ("10.0.0.0/24", "fd00::/64"),
    ("10.0.1.0/24", "fd00:1::/64"),
    ("10.0.2.0/24", "fd00:2::/64")
);

/// Labs of two and of three hosts, in each family.
macro_rules! flat {
    ($name:ident, $test:ident, $($subnets:tt)*) => {
        #[derive(Topology)]
        struct $name<const N: usize> {
            #[segment($($subnets)*)]
            lan: Segment,
            #[host(lan)]
            hosts: [Host; N],
        }

        #[netns_test]
        async fn $test(lab: Lab, _net: $name<3>) {
            check::<$name<3>>(&lab).await;
        }
    };
}

flat!(FlatV4, a_switch_with_ipv4_only, "10.0.0.0/24");
flat!(FlatV6, a_switch_with_ipv6_only, "fd00::/64");
flat!(FlatDual, a_switch_of_both, "10.0.0.0/24", "fd00::/64");

#[netns_test]
async fn a_mac_address_is_as_written(net: Pair) {
    let seen = net.right.run(|| std::fs::read_to_string("/sys/class/net/uplink/address")).unwrap();
    assert_eq!(seen.trim(), MacAddr([2, 0xaa, 0, 0, 0, 1]).to_string());
}
