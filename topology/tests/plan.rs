//! What follows from a drawing: names, addresses, devices.

mod common;

use common::*;
use netns_test_topology::*;

fn plan(drawing: &Drawing) -> Plan {
    drawing.plan().unwrap_or_else(|complaints| panic!("{complaints}"))
}

fn addresses(plan: &Plan, host: &str) -> Vec<String> {
    plan.host(host).unwrap().addresses().map(|address| address.to_string()).collect()
}

fn names(plan: &Plan, host: &str) -> Vec<String> {
    plan.host(host).unwrap().interfaces.iter().map(|interface| interface.name.to_string()).collect()
}

#[test]
fn routers_have_the_first_addresses_and_hosts_follow_in_order() {
    let segments = vec![segment("lan", &["10.0.1.0/24", "fd00:1::/64"]), segment("wan", &["203.0.113.0/24"])];
    let hosts = vec![
        host("laptop", &["lan"]),
        host_with("printer", vec![with_address("lan", "10.0.1.3")]),
        router("router", &["lan", "wan"]),
        host("phone", &["lan"]),
        host("server", &["wan"]),
    ];
    let plan = plan(&draw(segments, hosts));
    assert_eq!(addresses(&plan, "router"), ["10.0.1.1", "fd00:1::1", "203.0.113.1"]);
    assert_eq!(addresses(&plan, "laptop"), ["10.0.1.2", "fd00:1::2"]);
    assert_eq!(addresses(&plan, "printer"), ["10.0.1.3", "fd00:1::3"], "a written address is of its family only");
    assert_eq!(addresses(&plan, "phone"), ["10.0.1.4", "fd00:1::4"], "a written address is out of the pool");
    assert!(plan.host("router").unwrap().forwarding);
    assert!(!plan.host("laptop").unwrap().forwarding);
}

#[test]
fn families_have_pools_of_their_own() {
    let segments = vec![segment("lan", &["fd00:1::/64", "10.0.1.0/24", "10.0.2.0/24"])];
    let hosts = vec![host_with("a", vec![with_address("lan", "10.0.1.9")]), host("b", &["lan"])];
    let plan = plan(&draw(segments, hosts));
    assert_eq!(addresses(&plan, "a"), ["fd00:1::1", "10.0.1.9", "10.0.2.1"], "in the order of the subnets");
    assert_eq!(addresses(&plan, "b"), ["fd00:1::2", "10.0.1.1", "10.0.2.2"]);
}

#[test]
fn a_small_subnet_is_used_up() {
    for (subnet, first, second) in [
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1"),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2"),
        ("fd00::/127", "fd00::", "fd00::1"),
    ] {
        let plan = plan(&draw(vec![segment("lan", &[subnet])], vec![host("a", &["lan"]), host("b", &["lan"])]));
        assert_eq!((addresses(&plan, "a"), addresses(&plan, "b")), (vec![first.into()], vec![second.into()]));
    }
}

#[test]
fn an_array_is_so_many_hosts() {
    let clients = |count| DrawnHost { count: Some(count), ..host("client", &["lan"]) };
    let segments = || vec![segment("lan", &["10.0.0.0/24"])];
    let three = plan(&draw(segments(), vec![clients(3), host("server", &["lan"])]));
    let names: Vec<_> = three.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client-0", "client-1", "client-2", "server"]);
    assert_eq!(addresses(&three, "server"), ["10.0.0.4"]);
    assert_eq!(three.segments[0].members, [(0, 0), (1, 0), (2, 0), (3, 0)]);
    let none = plan(&draw(segments(), vec![clients(0)]));
    assert!(none.hosts.is_empty() && none.segments[0].members.is_empty());
    let nobodys = DrawnHost { count: Some(0), ..host_with("nobody", vec![with_address("lan", "10.0.0.1")]) };
    let full =
        plan(&draw(vec![segment("lan", &["10.0.0.0/30"])], vec![nobodys, host("a", &["lan"]), host("b", &["lan"])]));
    assert_eq!(addresses(&full, "b"), ["10.0.0.2"], "an array of no hosts takes no address");
}

#[test]
fn interfaces_are_named_by_what_they_are() {
    let segments = vec![
        segment("lan", &["10.0.0.0/24"]),
        made_of(Medium::Dummy, "loopback", &["10.255.0.1/32"]),
        over("lan", vlan(10), "v10", &["10.0.10.0/24"]),
        over("v10", vlan(20), "v20", &["10.0.20.0/24"]),
        over("lan", Medium::Vxlan { vni: 42 }, "overlay", &["10.0.42.0/24"]),
        over("lan", Medium::WireGuard, "wg", &["10.1.0.0/24"]),
        over("lan", Medium::Gre, "gre", &["10.2.0.0/24"]),
        over("lan", Medium::Ipip, "ipip", &["10.3.0.0/24"]),
        segment("wan", &["10.4.0.0/24"]),
        segment("dmz", &["10.5.0.0/24"]),
    ];
    let all = ["v20", "v10", "lan", "loopback", "overlay", "wg", "gre", "ipip", "wan", "dmz"];
    let mut a = host("a", &all);
    a.interfaces[8].name = Some("eth1".into());
    let b = host("b", &["lan", "v10", "v20", "overlay", "wg", "gre", "ipip", "wan", "dmz"]);
    let plan = plan(&draw(segments, vec![a, b]));
    let expected = ["eth0", "eth0.10", "eth0.10.20", "dummy0", "vxlan42", "wg0", "gre1", "ipip1", "eth1", "eth2"];
    assert_eq!(names(&plan, "a"), expected, "lower ones first, and a name that is written is skipped");
    let lower: Vec<_> = plan.hosts[0].interfaces.iter().map(|interface| interface.lower).collect();
    assert_eq!(lower, [None, Some(0), Some(1), None, Some(0), Some(0), Some(0), Some(0), None, None]);
    assert_eq!(plan.segments[3].kind.over(), Some(2));
    assert_eq!(plan.segments[3].members, [(0, 2), (1, 2)]);
}

#[test]
fn an_order_in_which_lower_ones_come_first_is_kept() {
    let of = |order: &[&str]| {
        let lan = segment("lan", &["10.0.0.0/24"]);
        let segments = vec![lan, over("lan", vlan(10), "v10", &["10.0.10.0/24"]), segment("wan", &["10.4.0.0/24"])];
        names(&plan(&draw(segments, vec![host("a", order)])), "a")
    };
    assert_eq!(of(&["lan", "v10", "wan"]), ["eth0", "eth0.10", "eth1"]);
    assert_eq!(of(&["v10", "wan", "lan"]), ["eth1", "eth1.10", "eth0"], "they are named in the order of joining");
}

#[test]
fn mac_addresses_are_different_and_those_of_ipvlans_are_their_devices() {
    let mut drawing =
        draw(vec![segment("lan", &["10.0.0.0/24"])], (0..6).map(|n| host(&format!("h{n}"), &["lan"])).collect());
    drawing.hosts[3].interfaces[0].mac = Some("02:00:00:00:00:02".into());
    drawing.hosts[4].interfaces[0].device = DrawnDevice::Ipvlan;
    drawing.hosts[5].interfaces[0].device = DrawnDevice::Ipvlan;
    let plan = plan(&drawing);
    let macs: Vec<_> = plan.hosts.iter().map(|host| host.interfaces[0].mac.0[5]).collect();
    assert_eq!(macs, [1, 3, 4, 2, 5, 5]);
}

#[test]
fn what_an_interface_does_not_say_its_segment_does() {
    let lan = DrawnSegment { mtu: Some(1400), offload: Some(false), ..segment("lan", &["10.0.0.0/24"]) };
    let own = DrawnInterface { mtu: Some(1300), offload: Some(true), vrf: Some("blue".into()), ..on("lan") };
    let plan = plan(&draw(vec![lan], vec![host("a", &["lan"]), host_with("b", vec![own])]));
    let [a, b] = [&plan.hosts[0].interfaces[0], &plan.hosts[1].interfaces[0]];
    assert_eq!((a.mtu, a.offload, a.vrf), (Some(1400), false, None));
    assert_eq!((b.mtu, b.offload, b.vrf), (Some(1300), true, Some(0)));
    assert_eq!((plan.hosts[1].vrfs[0].name.as_str(), plan.hosts[1].vrfs[0].table), ("blue", 1001));
}

#[test]
fn media_devices_and_knobs_are_as_they_were_drawn() {
    let bridge = DrawnBridge { vlan_filtering: Some(true), stp: None, ageing: Some("5s".into()) };
    let mut a = host("a", &["lan", "p2p"]);
    a.interfaces[0].device = DrawnDevice::Bond { legs: 2, mode: None };
    a.sysctls.push(("net.ipv4.ip_default_ttl".into(), "65".into()));
    a.neighbours.push(DrawnNeighbour { address: "10.0.0.9".into(), mac: "02:00:00:00:00:99".into() });
    let lan = DrawnSegment { bridge, ..segment("lan", &["10.0.0.0/24"]) };
    let p2p = made_of(Medium::Veth, "p2p", &["10.1.0.0/24"]);
    let plan = plan(&draw(vec![lan, p2p], vec![a, host("b", &["lan", "p2p"])]));
    let SegmentKind::Switch(knobs) = &plan.segments[0].kind else { panic!("{plan:?}") };
    assert!(knobs.vlan_filtering && !knobs.stp);
    assert_eq!(knobs.ageing, Some(std::time::Duration::from_secs(5)));
    assert_eq!(plan.segments[1].kind, SegmentKind::Wire);
    let a = &plan.hosts[0];
    assert_eq!(a.interfaces[0].device, Device::Bond { legs: 2, mode: BondMode::ActiveBackup });
    assert_eq!((a.sysctls[0].path.as_str(), a.sysctls[0].value.as_str()), ("net/ipv4/ip_default_ttl", "65"));
    assert_eq!((a.neighbours[0].interface, a.neighbours[0].mac), (0, MacAddr([2, 0, 0, 0, 0, 0x99])));
}

#[test]
fn nested_topologies_come_last_with_their_names_in_front() {
    let site = draw(
        vec![segment("lan", &["192.168.1.0/24"]), segment("uplink", &["10.0.9.0/24"])],
        vec![host("laptop", &["lan"]), masquerading("home", &["lan", "uplink"])],
    );
    let nested = |name: &str| DrawnNested {
        name: name.into(),
        shares: vec![("uplink".into(), "wan".into())],
        drawing: Some(site.clone()),
    };
    let nested = vec![nested("left"), nested("right")];
    let drawing = Drawing { nested, ..draw(vec![segment("wan", &["203.0.113.0/24"])], vec![host("server", &["wan"])]) };
    let plan = plan(&drawing);
    let hosts: Vec<_> = plan.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(hosts, ["server", "left-laptop", "left-home", "right-laptop", "right-home"]);
    let segments: Vec<_> = plan.segments.iter().map(|segment| segment.name.as_str()).collect();
    assert_eq!(segments, ["wan", "left-lan", "right-lan"]);
    assert_eq!(addresses(&plan, "left-home"), ["192.168.1.1", "203.0.113.1"]);
    assert_eq!(addresses(&plan, "right-home"), ["192.168.1.1", "203.0.113.2"]);
    assert_eq!(addresses(&plan, "right-laptop"), ["192.168.1.2"]);
}

#[test]
fn a_segment_may_be_shared_through_several_levels() {
    let inner = draw(vec![segment("up", &["10.0.8.0/24"])], vec![host("deep", &["up"])]);
    let share = |inner: &str, outer: &str| vec![(inner.into(), outer.into())];
    let inner = DrawnNested { name: "b".into(), shares: share("up", "middle"), drawing: Some(inner) };
    let middle = Drawing { nested: vec![inner], ..draw(vec![segment("middle", &["10.0.9.0/24"])], vec![]) };
    let middle = DrawnNested { name: "a".into(), shares: share("middle", "top"), drawing: Some(middle) };
    let top = draw(vec![segment("top", &["10.0.0.0/24"])], vec![host("shallow", &["top"])]);
    let plan = plan(&Drawing { nested: vec![middle], ..top });
    assert_eq!(plan.segments.len(), 1);
    assert_eq!(addresses(&plan, "a-b-deep"), ["10.0.0.2"]);
}

#[test]
fn a_mac_address_is_read_as_it_is_shown() {
    let mac: MacAddr = "02:00:5e:10:00:Ff".parse().unwrap();
    assert_eq!(mac, MacAddr([0x02, 0x00, 0x5e, 0x10, 0x00, 0xff]));
    assert_eq!(mac.to_string().parse(), Ok(mac));
    for bad in ["", "02:00:00:00:00", "02:00:00:00:00:01:", "2:0:0:0:0:1", "02-00-00-00-00-01", "+2:00:00:00:00:01"] {
        let error = bad.parse::<MacAddr>().unwrap_err();
        let message = format!("`{bad}` is not a MAC address; one looks like `02:00:00:00:00:01`");
        assert_eq!(error.to_string(), message);
    }
}
