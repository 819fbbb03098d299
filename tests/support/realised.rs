//! Whether a lab is what was planned, by a reader that is not ours: iproute2.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netns_test::{Host, Lab};
use netns_test_topology::{Device, HostPlan, InterfacePlan, IpNet, Plan, SegmentKind, Way};
use serde_json::Value;

/// Asserts that links, addresses, routes, neighbours and sysctls of every host are those of the plan, and that there are no others.
pub fn assert_realised(lab: &Lab, plan: &Plan) {
    assert_eq!(lab.hosts().len(), plan.hosts.len());
    for planned in &plan.hosts {
        let host = lab.host(planned.name.as_str());
        links(host, planned, plan);
        routes(host, planned);
        neighbours(host, planned);
        for sysctl in &planned.sysctls {
            assert_eq!(
                read(host, &format!("/proc/sys/{}", sysctl.path)),
                sysctl.value,
                "{}: {}",
                planned.name,
                sysctl.path
            );
        }
        let forwarding = read(host, "/proc/sys/net/ipv4/conf/all/forwarding");
        assert_eq!(forwarding, u8::from(planned.forwarding).to_string(), "{}: forwarding", planned.name);
    }
}

fn links(host: &Host, planned: &HostPlan, plan: &Plan) {
    let found = ip(host, &["-details", "address", "show"]);
    let mut names: BTreeSet<String> = found.iter().map(|link| text(link, "ifname")).collect();
    // Some kernels put these into every new namespace.
    for fallback in ["lo", "tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"] {
        names.remove(fallback);
    }
    for (nth, interface) in planned.interfaces.iter().enumerate() {
        let what = format!("{}:{}", planned.name, interface.name);
        if interface.device == Device::Tap {
            assert!(!names.contains(interface.name.as_str()), "{what} is the test's");
            continue;
        }
        assert!(names.remove(interface.name.as_str()), "{what} is missing among {names:?}");
        let link = found.iter().find(|link| text(link, "ifname") == interface.name.as_str()).expect("it is there");
        link_is_as_planned(&what, link, interface, plan);
        if matches!(plan.segments[interface.segment].kind, SegmentKind::Vxlan { .. }) {
            vxlan_is_over(&what, link, &planned.interfaces[interface.lower.expect("it is over another")]);
        }
        if let Some(vrf) = interface.vrf {
            assert_eq!(text(link, "master"), planned.vrfs[vrf].name.as_str(), "{what}");
        }
        if let Device::Bond { legs, .. } = interface.device {
            for leg in 0..legs {
                let leg = format!("leg{nth}-{leg}");
                assert!(names.remove(&leg), "{what} has no leg {leg}");
                let link = found.iter().find(|link| text(link, "ifname") == leg).expect("it is there");
                assert_eq!(text(link, "master"), interface.name.as_str(), "{what}");
            }
        }
    }
    for vrf in &planned.vrfs {
        assert!(names.remove(vrf.name.as_str()), "{} has no VRF {}", planned.name, vrf.name);
        let link = found.iter().find(|link| text(link, "ifname") == vrf.name.as_str()).expect("it is there");
        assert_eq!(link["linkinfo"]["info_data"]["table"], vrf.table);
    }
    assert!(names.is_empty(), "{} has more: {names:?}", planned.name);
}

fn link_is_as_planned(what: &str, link: &Value, interface: &InterfacePlan, plan: &Plan) {
    let flags: Vec<&str> = list(&link["flags"]).iter().filter_map(Value::as_str).collect();
    assert!(flags.contains(&"UP") && flags.contains(&"LOWER_UP"), "{what}: {flags:?}");
    let segment = &plan.segments[interface.segment];
    let data = &link["linkinfo"]["info_data"];
    let kind = match (&segment.kind, interface.device) {
        (SegmentKind::Dummy, _) => "dummy",
        (SegmentKind::Vlan { id, protocol, .. }, _) => {
            assert_eq!(data["id"], *id, "{what}");
            let protocol =
                if *protocol == netns_test_topology::VlanProtocol::Ieee8021Ad { "802.1ad" } else { "802.1Q" };
            assert_eq!(text(data, "protocol"), protocol, "{what}");
            "vlan"
        }
        (SegmentKind::Vxlan { vni, .. }, _) => {
            assert_eq!((&data["id"], &data["port"]), (&(*vni).into(), &4789.into()), "{what}");
            "vxlan"
        }
        (SegmentKind::WireGuard { .. }, _) => "wireguard",
        (SegmentKind::Gre { .. }, _) => "gre",
        (SegmentKind::Ipip { .. }, _) => "ipip",
        (_, Device::Macvlan) => "macvlan",
        (_, Device::Macvtap) => "macvtap",
        (_, Device::Ipvlan) => "ipvlan",
        (_, Device::Bond { .. }) => "bond",
        _ => "veth",
    };
    assert_eq!(text(&link["linkinfo"], "info_kind"), kind, "{what}");
    if !matches!(kind, "gre" | "ipip" | "wireguard") {
        assert_eq!(text(link, "address"), interface.mac.to_string(), "{what}");
    }
    if let Some(mtu) = interface.mtu {
        assert_eq!(link["mtu"], mtu, "{what}");
    }
    let addresses = list(&link["addr_info"]).iter().filter(|address| address["scope"] != "link");
    let addresses: BTreeSet<String> =
        addresses.map(|address| format!("{}/{}", text(address, "local"), address["prefixlen"])).collect();
    assert_eq!(addresses, interface.addresses.iter().map(ToString::to_string).collect(), "{what}");
}

/// What it sends comes from the address that others send to (RFC 7348 section 4.1), and by the way that was drawn.
fn vxlan_is_over(what: &str, link: &Value, lower: &InterfacePlan) {
    let data = &link["linkinfo"]["info_data"];
    let first = lower.addresses.iter().map(IpNet::addr).min_by_key(IpAddr::is_ipv6).expect("an underlay has addresses");
    let local = if first.is_ipv4() { "local" } else { "local6" };
    assert_eq!((text(data, local), text(data, "link")), (first.to_string(), lower.name.to_string()), "{what}");
}

/// Everything but what comes with an address.
fn routes(host: &Host, planned: &HostPlan) {
    let mut found = BTreeSet::new();
    for family in ["-4", "-6"] {
        let table = ip(host, &["-details", family, "route", "show", "table", "all"]);
        for route in table.iter().filter(|route| route["protocol"] != "kernel" && route["table"] != "local") {
            let whatever_is_left = route["metric"] == 4_278_198_272_u32;
            if !whatever_is_left {
                let kind = if route["type"] == "unreachable" { "unreachable" } else { "unicast" };
                // IPv6 shows a refusal on the loopback.
                let device = if kind == "unicast" { text(route, "dev") } else { String::new() };
                found.insert((family, text(route, "dst"), text(route, "gateway"), device, kind));
            }
        }
    }
    let wanted = planned.routes.iter().map(|route| {
        let family = if route.to.addr().is_ipv4() { "-4" } else { "-6" };
        let (gateway, device, kind) = match route.way {
            Way::Via { gateway, interface } => {
                (gateway.to_string(), planned.interfaces[interface].name.to_string(), "unicast")
            }
            _ => (String::new(), String::new(), "unreachable"),
        };
        (family, destination(&route.to), gateway, device, kind)
    });
    assert_eq!(found, wanted.collect(), "routes of {}", planned.name);
}

/// As iproute2 shows it.
fn destination(to: &IpNet) -> String {
    match to.prefix_len() {
        0 => "default".to_owned(),
        length if length == to.max_prefix_len() => to.addr().to_string(),
        _ => to.to_string(),
    }
}

fn neighbours(host: &Host, planned: &HostPlan) {
    let found = ip(host, &["neighbour", "show", "nud", "permanent"]);
    let found: BTreeSet<_> =
        found.iter().map(|entry| (text(entry, "dev"), text(entry, "dst"), text(entry, "lladdr"))).collect();
    let wanted = planned.neighbours.iter().map(|neighbour| {
        let device = planned.interfaces[neighbour.interface].name.to_string();
        (device, neighbour.address.to_string(), neighbour.mac.to_string())
    });
    assert_eq!(found, wanted.collect(), "neighbours of {}", planned.name);
}

fn read(host: &Host, path: &str) -> String {
    host.run(|| std::fs::read_to_string(path)).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

/// What `ip -json` says in a host.
pub fn ip(host: &Host, arguments: &[&str]) -> Vec<Value> {
    let output = host.command("ip").arg("-json").args(arguments).output().expect("iproute2 is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
    if text.trim().is_empty() {
        return Vec::new();
    }
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let list = list(&value);
    // iproute2 6.1 puts an empty object into a list for what a filter has left out.
    list.iter().filter(|entry| entry.as_object().is_some_and(|entry| !entry.is_empty())).cloned().collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
