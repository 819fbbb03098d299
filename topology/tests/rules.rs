//! One mistake, one complaint: what it is, where it points, and what it says.

mod common;

use common::*;
use netns_test_topology::*;

const V4: &str = "10.0.1.0/24";
const V6: &str = "fd00:1::/64";

/// Two hosts on a dual-stack segment.
fn lan() -> Drawing {
    draw(vec![segment("lan", &[V4, V6])], vec![host("a", &["lan"]), host("b", &["lan"])])
}

/// The same, changed.
fn lan_but(change: impl FnOnce(&mut Drawing)) -> Drawing {
    let mut drawing = lan();
    change(&mut drawing);
    drawing
}

/// The interface of `a`, changed.
fn a_but(change: impl FnOnce(&mut DrawnInterface)) -> Drawing {
    lan_but(|drawing| change(&mut drawing.hosts[0].interfaces[0]))
}

/// The two hosts are on a second segment, too.
fn and_on(segment: DrawnSegment) -> Drawing {
    lan_but(|drawing| {
        for host in &mut drawing.hosts {
            host.interfaces.push(on(&segment.name));
        }
        drawing.segments.push(segment);
    })
}

fn at_segment(segment: usize, part: SegmentPart) -> Place {
    Place::Segment(segment, part)
}

fn at_host(host: usize, part: HostPart) -> Place {
    Place::Host(host, part)
}

fn at(host: usize, interface: usize, part: InterfacePart) -> Place {
    at_host(host, HostPart::Interface(interface, part))
}

/// Claims that there is this one complaint and no other.
#[track_caller]
fn refused(drawing: &Drawing, place: Place, message: &str) {
    let found = drawing.check();
    assert!(
        matches!(&found[..], [only] if only.place == place && only.to_string().contains(message)),
        "expected {place:?}: {message:?}\nfound {found:#?}"
    );
}

#[track_caller]
fn accepted(drawing: &Drawing) -> Plan {
    drawing.plan().unwrap_or_else(|complaints| panic!("{complaints}"))
}

#[track_caller]
fn good_as_far_as_seen(drawing: &Drawing) {
    assert_eq!(drawing.check(), []);
}

#[test]
fn names() {
    accepted(&lan());
    let whole = HostPart::Whole;
    refused(&lan_but(|d| d.hosts[1].name = "a".into()), at_host(1, whole), "two hosts named `a`");
    refused(&lan_but(|d| d.hosts[1].name = "a b".into()), at_host(1, whole), "\"a b\" contains ' '");
    let dup = lan_but(|d| d.segments.push(segment("lan", &["10.0.2.0/24"])));
    refused(&dup, at_segment(1, SegmentPart::Whole), "two segments named `lan`");
    let bad = draw(vec![segment("l n", &[V4])], vec![host("a", &["l n"])]);
    refused(&bad, at_segment(0, SegmentPart::Whole), "segment name \"l n\" contains ' '");
    let clients = |name: &str, count| DrawnHost { count: Some(count), ..host(name, &["lan"]) };
    refused(&lan_but(|d| d.hosts.extend([clients("c", 3), host("c-2", &["lan"])])), at_host(3, whole), "named `c-2`");
    refused(&lan_but(|d| d.hosts.push(clients(&"n".repeat(62), 2))), at_host(2, whole), "has 64 bytes");
    refused(&lan_but(|d| d.hosts.push(clients("c", HOSTS))), at_host(2, HostPart::Count), "at most 65536");
    accepted(&lan_but(|d| d.hosts.push(clients("none", 0))));
}

#[test]
fn a_segment_that_is_not_there() {
    let segment_of = |host| at(host, 0, InterfacePart::Segment);
    refused(&lan_but(|d| d.hosts[1].interfaces[0].segment = "lam".into()), segment_of(1), "did you mean `lan`?");
    refused(
        &lan_but(|d| d.hosts[1].interfaces[0].segment = "internet".into()),
        segment_of(1),
        "the segments are `lan`",
    );
    let only_user = draw(vec![segment("lan", &[V4])], vec![host("a", &["lam"])]);
    refused(&only_user, segment_of(0), "host `a`: it is on `lam`, which is no segment");
    let first = draw(vec![], vec![host("a", &["lan"])]);
    refused(&first, segment_of(0), r#"draw it: `#[segment("10.0.0.0/24")] lan: Segment`"#);
}

#[test]
fn how_many_are_on_a_segment() {
    let whole = at_segment(1, SegmentPart::Whole);
    refused(&lan_but(|d| d.segments.push(segment("dmz", &[]))), whole, "nobody is on the segment `dmz`");
    let medium = at_segment(0, SegmentPart::Medium);
    let of = |medium: Medium, hosts: &[&str]| {
        let hosts = hosts.iter().map(|name| host(name, &["s"]));
        draw(vec![made_of(medium, "s", &[V4])], hosts.collect())
    };
    accepted(&of(Medium::Veth, &["a", "b"]));
    refused(&of(Medium::Veth, &["a"]), medium, "a veth pair is for two, and only `a` is on it");
    refused(&of(Medium::Veth, &["a", "b", "c"]), medium, "a veth pair is for two, 3 hosts are on it");
    accepted(&of(Medium::Dummy, &["a"]));
    refused(&of(Medium::Dummy, &["a", "b"]), medium, "a dummy is for one, 2 hosts are on it");
    for tunnel in [Medium::Gre, Medium::Ipip] {
        let mut twice = and_on(over("lan", tunnel.clone(), "t", &["10.9.0.0/24"]));
        twice.segments.push(over("lan", tunnel.clone(), "u", &["10.10.0.0/24"]));
        twice.hosts[1].interfaces.insert(0, on("u"));
        let mut between_others = twice.clone();
        twice.hosts[0].interfaces.push(on("u"));
        let message = "between the same two over `lan`\nhelp: write `vni = 42` in its place";
        refused(&twice, at_segment(2, SegmentPart::Medium), message);
        between_others.hosts.push(host("c", &["lan", "u"]));
        accepted(&between_others);
        let mut of_both_kinds = twice.clone();
        (of_both_kinds.segments[1].medium, of_both_kinds.segments[2].medium) = (Medium::Gre, Medium::Ipip);
        accepted(&of_both_kinds);
        let mut array = twice.clone();
        array.hosts.truncate(1);
        array.hosts[0].count = Some(2);
        refused(&array, at_segment(2, SegmentPart::Medium), message);
        let mut elsewhere = twice;
        elsewhere.segments.push(segment("wan", &["10.0.2.0/24"]));
        elsewhere.hosts.iter_mut().for_each(|host| host.interfaces.push(on("wan")));
        elsewhere.segments[2].over = Some("wan".into());
        accepted(&elsewhere);
        let third = |tunnel: &Medium| {
            let mut drawing = and_on(over("lan", tunnel.clone(), "t", &["10.9.0.0/24"]));
            drawing.hosts.push(host("c", &["lan", "t"]));
            drawing
        };
        accepted(&and_on(over("lan", tunnel.clone(), "t", &["10.9.0.0/24"])));
        refused(&third(&tunnel), at_segment(1, SegmentPart::Medium), "is for two, 3 hosts are on it");
    }
    let many = |count| DrawnHost { count: Some(count), ..host("c", &["s"]) };
    let switch = |hosts| draw(vec![segment("s", &["10.0.0.0/16"])], hosts);
    accepted(&switch(vec![many(SWITCH_PORTS)]));
    refused(&switch(vec![many(1024)]), at_segment(0, SegmentPart::Whole), "at most 1023 ports, 1024 hosts are on this");
    let with = |device| {
        let mut drawing = switch(vec![many(600)]);
        drawing.hosts[0].interfaces[0].device = device;
        drawing
    };
    let bond = with(DrawnDevice::Bond { legs: 2, mode: None });
    refused(&bond, at_segment(0, SegmentPart::Whole), "at most 1023 ports, this one needs 1200 for 600 hosts");
    let mut macvlans = with(DrawnDevice::Macvlan);
    macvlans.hosts[0].count = Some(2000);
    accepted(&macvlans);
}

#[test]
fn a_host_and_its_segments() {
    let alone = lan_but(|d| d.hosts.push(host("c", &[])));
    refused(
        &alone,
        at_host(2, HostPart::Whole),
        "host `c`: it is on no segment\nhelp: if this is meant, say so: `#[host(alone)]`",
    );
    accepted(&lan_but(|d| d.hosts.push(DrawnHost { isolated: true, ..host("c", &[]) })));
    refused(
        &lan_but(|d| d.hosts[1].isolated = true),
        at_host(1, HostPart::Isolated),
        "host `b`: it is on `lan`, and said to be on no segment\nhelp: leave out `alone`",
    );
    refused(
        &lan_but(|d| d.hosts.push(DrawnHost { isolated: true, ..router("r", &[]) })),
        at_host(2, HostPart::Whole),
        "a router, and on no segment",
    );
    refused(&lan_but(|d| d.hosts.push(host("c", &["lan", "lan"]))), at(2, 1, InterfacePart::Segment), "`lan` twice");
    refused(
        &lan_but(|d| d.hosts.push(router("r", &["lan"]))),
        at_host(2, HostPart::Whole),
        "a router, and only on `lan`",
    );
    refused(&lan_but(|d| d.hosts.push(router("r", &[]))), at_host(2, HostPart::Whole), "a router, and on no segment");
}

#[test]
fn subnets() {
    let place = at_segment(0, SegmentPart::Subnet(0));
    let with = |subnet: &str| lan_but(|d| d.segments[0].subnets = vec![subnet.into()]);
    for (subnet, message) in [
        ("10.0.0.0", "segment `lan`: `10.0.0.0` is not a subnet"),
        ("10.0.0.1/24", "the subnet it is in is `10.0.0.0/24`"),
        ("128.0.0.0/1", "not a range"),
        ("fe80::/64", "not a range"),
        ("10.0.0.0/32", "for 1 hosts, 2 are on it"),
        ("10.0.0.0/32", "`10.0.0.0/30` is large enough"),
    ] {
        refused(&with(subnet), place, message);
    }
    let overlap = lan_but(|d| d.segments[0].subnets.push("10.0.0.0/16".into()));
    refused(&overlap, at_segment(0, SegmentPart::Subnet(2)), "`10.0.0.0/16` overlaps `10.0.1.0/24`");
    let ipip = and_on(over("lan", Medium::Ipip, "t", &["10.9.0.0/24", "fd00:9::/64"]));
    refused(&ipip, at_segment(1, SegmentPart::Subnet(1)), "carries IPv4 only, `fd00:9::/64` is IPv6");
}

#[test]
fn mtus() {
    let with = |mtu| lan_but(|d| d.segments[0].mtu = Some(mtu));
    let place = at_segment(0, SegmentPart::Mtu);
    refused(&with(67), place, "segment `lan`: an MTU of 67 is out of range");
    refused(&with(65_536), place, "out of range");
    refused(&with(1279), place, "too small for IPv6");
    accepted(&with(1280));
    let place = at(0, 0, InterfacePart::Mtu);
    refused(&a_but(|i| i.mtu = Some(67)), place, "host `a`: an MTU of 67 is out of range");
    refused(&a_but(|i| i.mtu = Some(1000)), place, "too small for IPv6");
    for (medium, most) in [
        (vlan(10), 1500),
        (Medium::Vxlan { vni: 7 }, 1450),
        (Medium::WireGuard, 1440),
        (Medium::Gre, 1476),
        (Medium::Ipip, 1480),
    ] {
        let with = |mtu| {
            let upper = DrawnSegment { mtu: Some(mtu), ..over("lan", medium.clone(), "upper", &["10.9.0.0/24"]) };
            and_on(upper)
        };
        accepted(&with(most));
        let message = format!("an MTU of {} is too large for", most + 1);
        refused(&with(most + 1), at_segment(1, SegmentPart::Mtu), &message);
        let mut drawing = and_on(over("lan", medium.clone(), "upper", &["10.9.0.0/24"]));
        drawing.hosts[1].interfaces[1].mtu = Some(most + 1);
        refused(&drawing, at(1, 1, InterfacePart::Mtu), &message);
        let mut drawing = with(most);
        drawing.hosts[1].interfaces[0].mtu = Some(1400);
        refused(&drawing, at(1, 0, InterfacePart::Mtu), &format!("an MTU of {most} is too large for"));
    }
    let mut v6 =
        and_on(DrawnSegment { mtu: Some(1431), ..over("lan", Medium::Vxlan { vni: 7 }, "x", &["10.9.0.0/24"]) });
    v6.segments[0].subnets = vec![V6.into()];
    refused(&v6, at_segment(1, SegmentPart::Mtu), "which leaves 1430 bytes");
}

#[test]
fn what_a_segment_is_over() {
    let over_part = at_segment(1, SegmentPart::Over);
    let nothing = and_on(made_of(vlan(10), "v", &["10.9.0.0/24"]));
    refused(&nothing, at_segment(1, SegmentPart::Medium), "a VLAN is over another segment");
    refused(
        &and_on(over("lan", Medium::Switch, "s", &["10.9.0.0/24"])),
        over_part,
        "a switch is over no other segment",
    );
    refused(&and_on(over("lam", vlan(10), "v", &["10.9.0.0/24"])), over_part, "did you mean `lan`?");
    refused(&and_on(over("v", vlan(10), "v", &["10.9.0.0/24"])), over_part, "a VLAN cannot be over itself");
    let mut cycle = and_on(over("w", vlan(10), "v", &["10.9.0.0/24"]));
    cycle.segments.push(over("v", vlan(11), "w", &[]));
    for host in &mut cycle.hosts {
        host.interfaces.push(on("w"));
    }
    refused(&cycle, over_part, "as it is by way of `w`");
    let mut missing = and_on(over("lan", vlan(10), "v", &["10.9.0.0/24"]));
    missing.hosts[1].interfaces.remove(0);
    refused(
        &missing,
        at(1, 0, InterfacePart::Segment),
        "on `v`, but not on `lan`, which that is over\nhelp: put it on both, `lan, v`",
    );
    for hosts in &mut missing.hosts {
        hosts.interfaces.truncate(1);
        hosts.interfaces[0].segment = "v".into();
    }
    assert_eq!(missing.plan().unwrap_err().iter().count(), 2, "nobody is accused of not being on `lan`");
    let tall = draw(
        (0..10)
            .map(|n| {
                if n == 0 { segment("v0", &[V4]) } else { over(&format!("v{}", n - 1), vlan(n), &format!("v{n}"), &[]) }
            })
            .collect(),
        vec![DrawnHost {
            interfaces: (0..10)
                .map(|n| DrawnInterface { name: Some(format!("if{n}")), ..on(&format!("v{n}")) })
                .collect(),
            ..host("a", &[])
        }],
    );
    refused(&tall, at_segment(8, SegmentPart::Over), "over 8 segments, at most 7");
    let bare = |medium| {
        let mut drawing = and_on(over("lan", medium, "t", &["10.9.0.0/24"]));
        drawing.segments[0].subnets.clear();
        drawing
    };
    accepted(&bare(vlan(10)));
    refused(&bare(Medium::Vxlan { vni: 1 }), over_part, "a VXLAN is between addresses, and `lan` has none");
    refused(&bare(Medium::WireGuard), over_part, "is between addresses");
    let mut gre = bare(Medium::Gre);
    gre.segments[0].subnets.push(V6.into());
    refused(&gre, over_part, "a GRE tunnel is between IPv4 addresses, and `lan` has none");
    let mut on_tunnel = and_on(over("lan", Medium::Gre, "t", &["10.9.0.0/24"]));
    on_tunnel.segments.push(over("t", vlan(10), "v", &[]));
    on_tunnel.hosts.iter_mut().for_each(|host| host.interfaces.push(on("v")));
    refused(&on_tunnel, at_segment(2, SegmentPart::Over), "a GRE tunnel has no frames");
}

#[test]
fn ids() {
    let medium = at_segment(1, SegmentPart::Medium);
    let with = |medium| and_on(over("lan", medium, "upper", &["10.9.0.0/24"]));
    for id in [0, 4095, u32::MAX] {
        refused(&with(vlan(id)), medium, &format!("the VLAN id {id} is out of range: it is between 1 and 4094"));
    }
    for vni in [0, 1 << 24] {
        refused(&with(Medium::Vxlan { vni }), medium, &format!("the VNI {vni} is out of range"));
    }
    let protocol = |text: &str| with(Medium::Vlan { id: 10, protocol: Some(text.into()) });
    accepted(&protocol("802.1ad"));
    let place = at_segment(1, SegmentPart::Protocol);
    refused(&protocol("802.1AD"), place, "write `protocol = \"802.1Q\"` or `protocol = \"802.1ad\"`");
    for medium in [vlan(10), Medium::Vxlan { vni: 10 }] {
        let mut twice = with(medium.clone());
        twice.segments.push(over("lan", medium, "again", &["10.10.0.0/24"]));
        twice.hosts.iter_mut().for_each(|host| host.interfaces.push(on("again")));
        refused(&twice, at_segment(2, SegmentPart::Medium), "`upper` has the ");
    }
}

#[test]
fn bridges() {
    let place = at_segment(0, SegmentPart::Bridge);
    let stp = DrawnBridge { stp: Some(true), ..Default::default() };
    let mut veth = lan_but(|d| d.segments[0].bridge = stp);
    accepted(&veth);
    veth.segments[0].medium = Medium::Veth;
    refused(&veth, place, "is about a switch, and this is a veth pair");
    let ageing = DrawnBridge { ageing: Some("300".into()), ..Default::default() };
    refused(&lan_but(|d| d.segments[0].bridge = ageing), place, "`300` has no unit");
}

#[test]
fn addresses() {
    let address = at(0, 0, InterfacePart::Address(0));
    let with = |address: &str| a_but(|i| i.addresses = vec![address.into()]);
    accepted(&with("10.0.1.254"));
    for (text, message) in [
        ("10.0.1.300", "host `a`: `10.0.1.300` is not an address"),
        ("10.0.1.5/24", "write `\"10.0.1.5\"`"),
        ("10.0.2.5", "`10.0.2.5` is in no subnet of `lan`\nhelp: its subnets are `10.0.1.0/24`, `fd00:1::/64`"),
        ("10.0.1.0", "is the network address of `10.0.1.0/24`"),
        (
            "10.0.1.255",
            "is the broadcast address of `10.0.1.0/24`\nhelp: hosts have addresses from `10.0.1.1` to `10.0.1.254`",
        ),
        ("fd00:1::", "is the routers' anycast address of"),
    ] {
        refused(&with(text), address, message);
    }
    let second = at(0, 0, InterfacePart::Address(1));
    let two = a_but(|i| i.addresses = vec!["10.0.1.5".into(), "10.0.1.6".into()]);
    refused(&two, second, "`10.0.1.5` and `10.0.1.6` are two addresses from `10.0.1.0/24`");
    let both = lan_but(|d| d.hosts.iter_mut().for_each(|h| h.interfaces[0].addresses = vec!["10.0.1.5".into()]));
    refused(&both, at(1, 0, InterfacePart::Address(0)), "host `b`: `10.0.1.5` is the address of `a` already");
    let mut array = with("10.0.1.5");
    array.hosts[0].count = Some(8);
    refused(&array, address, "its 8 hosts cannot all have the address `10.0.1.5`");
    let none = lan_but(|d| {
        d.segments[0].subnets.clear();
        d.hosts[0].interfaces[0].addresses = vec!["10.0.1.5".into()];
    });
    refused(&none, address, "give it one, `#[segment(\"10.0.1.0/24\")]`");
    let mut doubt = with("10.0.2.5");
    doubt.segments[0].subnets[0] = "10.0.2.0/42".into();
    refused(&doubt, at_segment(0, SegmentPart::Subnet(0)), "is not a subnet");
}

#[test]
fn macs() {
    let mac = at(0, 0, InterfacePart::Mac);
    let with = |mac: &str| a_but(|i| i.mac = Some(mac.into()));
    accepted(&with("02:00:00:00:00:01"));
    for (text, message) in [
        ("02:00:00:00:00", "is not a MAC address"),
        ("02:00:00:00:00:0g", "is not a MAC address"),
        ("02-00-00-00-00-01", "is not a MAC address"),
        ("01:00:00:00:00:01", "of a group"),
        ("00:00:00:00:00:00", "nobody's"),
    ] {
        refused(&with(text), mac, message);
    }
    let both = lan_but(|d| d.hosts.iter_mut().for_each(|h| h.interfaces[0].mac = Some("02:00:00:00:00:01".into())));
    refused(&both, at(1, 0, InterfacePart::Mac), "is that of `a` on `lan` already");
    let mut array = with("02:00:00:00:00:01");
    array.hosts[0].count = Some(2);
    refused(&array, mac, "its 2 hosts cannot all have the MAC address");
    let mut ipvlan = with("02:00:00:00:00:01");
    ipvlan.hosts[0].interfaces[0].device = DrawnDevice::Ipvlan;
    refused(&ipvlan, mac, "an ipvlan has the MAC address of the device that it is on");
    let mut tunnel = and_on(over("lan", Medium::WireGuard, "t", &["10.9.0.0/24"]));
    tunnel.hosts[0].interfaces[1].mac = Some("02:00:00:00:00:01".into());
    refused(&tunnel, at(0, 1, InterfacePart::Mac), "an interface of a WireGuard mesh has no MAC address");
}

#[test]
fn devices() {
    let device = at(0, 0, InterfacePart::Device);
    let with = |kind: DrawnDevice| a_but(|i| i.device = kind);
    let bond = |legs, mode: &str| with(DrawnDevice::Bond { legs, mode: Some(mode.into()) });
    for kind in [DrawnDevice::Macvlan, DrawnDevice::Ipvlan, DrawnDevice::Macvtap, DrawnDevice::Tap] {
        accepted(&with(kind.clone()));
        let mut veth = with(kind);
        veth.segments[0].medium = Medium::Veth;
        refused(&veth, device, "can be on a switch only, and `lan` is a veth pair");
    }
    accepted(&bond(16, "802.3ad"));
    refused(&bond(1, "802.3ad"), device, "a bond has 2 to 16 legs, not 1");
    refused(&bond(17, "802.3ad"), device, "not 17");
    let mode = at(0, 0, InterfacePart::Mode);
    refused(&bond(2, "active-backups"), mode, "did you mean `mode = \"active-backup\"`?");
    refused(&bond(2, "fast"), mode, "the modes are `active-backup`");
    let mut tap = lan_but(|d| {
        d.segments.push(segment("wan", &["10.0.2.0/24"]));
        d.hosts.push(router("r", &["lan", "wan"]));
    });
    tap.hosts[2].interfaces[1].device = DrawnDevice::Tap;
    refused(&tap, at(2, 1, InterfacePart::Device), "it forwards nothing on a tap");
    let mut over_tap = and_on(over("lan", vlan(10), "v", &["10.0.2.0/24"]));
    over_tap.hosts[0].interfaces[0].device = DrawnDevice::Tap;
    refused(
        &over_tap,
        at(0, 1, InterfacePart::Segment),
        "nothing arrives on `v`: its interface on `lan` is for the test",
    );
}

#[test]
fn names_of_interfaces() {
    let name = at(0, 0, InterfacePart::Name);
    let with = |name: &str| a_but(|i| i.name = Some(name.into()));
    accepted(&with("uplink0"));
    refused(&with("a/b"), name, "contains '/'");
    refused(&with("sixteen-bytes-16"), name, "has 16 bytes, at most 15");
    refused(&with("tunl0"), name, "the kernel may have an interface named `tunl0`");
    let mut two = and_on(segment("wan", &["10.0.2.0/24"]));
    two.hosts[0].interfaces[0].name = Some("x".into());
    two.hosts[0].interfaces[1].name = Some("x".into());
    refused(&two, at(0, 1, InterfacePart::Name), "the name `x` is that of its interface on `lan` already");
    let mut long = and_on(over("lan", vlan(4000), "v", &["10.0.2.0/24"]));
    long.hosts[0].interfaces[0].name = Some("uplink-eleven".into());
    refused(
        &long,
        at(0, 1, InterfacePart::Segment),
        "`uplink-eleven.4000`, which has 18 of at most 15 bytes\nhelp: give it another: `v(name",
    );
    let mut taken = and_on(over("lan", vlan(10), "v", &["10.0.2.0/24"]));
    taken.segments.push(segment("wan", &["10.0.3.0/24"]));
    taken.hosts[0].interfaces.push(DrawnInterface { name: Some("eth0.10".into()), ..on("wan") });
    refused(&taken, at(0, 1, InterfacePart::Segment), "would be named `eth0.10`, as is its interface on `wan`");
    refused(&a_but(|i| i.vrf = Some("a b".into())), at(0, 0, InterfacePart::Vrf), "contains ' '");
    let mut vrf = with("blue");
    vrf.hosts[0].interfaces[0].vrf = Some("blue".into());
    refused(&vrf, at(0, 0, InterfacePart::Vrf), "the VRF `blue` has the name of its interface on `lan`");
}

#[test]
fn sysctls() {
    let with = |sysctls: &[(&str, &str)]| {
        let sysctls = sysctls.iter().map(|&(name, value)| (name.into(), value.into()));
        lan_but(|d| d.hosts[0].sysctls = sysctls.collect())
    };
    let place = at_host(0, HostPart::Sysctl(0));
    accepted(&with(&[("net.ipv4.ip_default_ttl", "65")]));
    let path = |name: &str| accepted(&with(&[(name, "1")])).hosts[0].sysctls[0].path.clone();
    assert_eq!(path("net.ipv4.conf.eth0.rp_filter"), "net/ipv4/conf/eth0/rp_filter");
    assert_eq!(path("net/ipv4/conf/eth0/rp_filter"), "net/ipv4/conf/eth0/rp_filter");
    assert_eq!(path("net/ipv4/conf/eth0.10/rp_filter"), "net/ipv4/conf/eth0.10/rp_filter");
    for (name, value, message) in [
        ("net.ipv4/../../kernel", "65", "has dots and slashes between its words\nhelp: write for example `net.ipv4."),
        ("net.ipv4.conf.eth0/10.rp_filter", "1", "`net/ipv4/conf/eth0.10/rp_filter`"),
        ("net/../kernel/panic", "65", "is not the name of a sysctl"),
        ("net/./ipv4", "65", "is not the name of a sysctl"),
        ("net//ipv4", "65", "is not the name of a sysctl"),
        ("net/ipv4/", "65", "is not the name of a sysctl"),
        ("/proc/sys/net/ipv4", "65", "is not the name of a sysctl"),
        ("kernel/hostname", "x", "the sysctl `kernel/hostname` is not a host's own: those begin with `net.`"),
        ("net", "x", "is not a host's own"),
        ("net..ipv4", "65", "is not the name of a sysctl"),
        ("", "65", "is not the name of a sysctl"),
        ("net.ipv4.\0", "65", "is not the name of a sysctl"),
        ("kernel.hostname", "x", "host `a`: the sysctl `kernel.hostname` is not a host's own: those begin with `net.`"),
        ("net.ipv4.ip_default_ttl", "65\n66", "is not one line"),
    ] {
        refused(&with(&[(name, value)]), place, message);
    }
    let twice = with(&[("net.ipv4.ip_default_ttl", "65"), ("net.ipv4.ip_default_ttl", "66")]);
    refused(&twice, at_host(0, HostPart::Sysctl(1)), "written twice");
    let twice = with(&[("net.ipv4.ip_default_ttl", "65"), ("net/ipv4/ip_default_ttl", "66")]);
    refused(&twice, at_host(0, HostPart::Sysctl(1)), "written twice");
}

#[test]
fn a_dot_in_the_name_of_an_interface_separates_nothing() {
    let with = |sysctl: &str| {
        let mut drawing = and_on(over("lan", vlan(10), "v", &["10.9.0.0/24"]));
        drawing.hosts[0].interfaces[0].vrf = Some("b.lue".into());
        drawing.hosts[0].sysctls = vec![(sysctl.into(), "1".into())];
        drawing
    };
    let place = at_host(0, HostPart::Sysctl(0));
    accepted(&with("net.ipv4.conf.eth0.rp_filter"));
    accepted(&with("net/ipv4/conf/eth0.10/rp_filter"));
    for (name, message) in [
        (
            "net.ipv4.conf.eth0.10.rp_filter",
            "a dot of `net.ipv4.conf.eth0.10.rp_filter` is one of the name `eth0.10`\nhelp: write `net/ipv4/conf/eth0.10/rp_filter`",
        ),
        ("net.ipv6.neigh.b.lue.app_solicit", "write `net/ipv6/neigh/b.lue/app_solicit`"),
    ] {
        refused(&with(name), place, message);
    }
}

#[test]
fn nested_topologies() {
    let site = || {
        let segments = vec![segment("lan", &["192.168.1.0/24"]), segment("uplink", &["10.0.9.0/24"])];
        draw(segments, vec![host("laptop", &["lan"]), masquerading("home", &["lan", "uplink"])])
    };
    let nested = |name: &str, shares: (&str, &str), drawing| DrawnNested {
        name: name.into(),
        shares: vec![(shares.0.into(), shares.1.into())],
        drawing,
    };
    let with = |sites: Vec<DrawnNested>| lan_but(|d| d.nested = sites);
    let both = with(vec![nested("left", ("uplink", "lan"), Some(site())), nested("right", ("uplink", "lan"), None)]);
    good_as_far_as_seen(&both);
    let outer = |n| Place::Nested(n, NestedPart::Outer(0));
    let inner = |n| Place::Nested(n, NestedPart::Inner(0));
    let whole = |n| Place::Nested(n, NestedPart::Whole);
    for drawing in [None, Some(site())] {
        let unknown = with(vec![nested("left", ("uplink", "lam"), drawing)]);
        refused(&unknown, outer(0), "`left` shares `lam`, which is no segment\nhelp: did you mean `lan`?");
    }
    good_as_far_as_seen(&with(vec![nested("left", ("uplinks", "lan"), None)]));
    let unknown = with(vec![nested("left", ("uplinks", "lan"), Some(site()))]);
    refused(&unknown, inner(0), "`left` has no segment `uplinks`\nhelp: did you mean `uplink`?");
    let mut twice = nested("left", ("uplink", "lan"), Some(site()));
    twice.shares.push(("uplink".into(), "lan".into()));
    refused(&with(vec![twice]), Place::Nested(0, NestedPart::Inner(1)), "`uplink` is shared twice");
    let named = |name: &str| with(vec![nested(name, ("uplink", "lan"), Some(site()))]);
    refused(&named("l ft"), whole(0), "\"l ft\" cannot be the name of a nested topology");
    refused(&named(&"n".repeat(58)), whole(0), "at most 63 are possible");
    let same = nested("left", ("uplink", "lan"), Some(site()));
    refused(&with(vec![same.clone(), same]), whole(1), "two nested topologies named `left`");
    let mut wrong = site();
    wrong.hosts[0].interfaces[0].addresses = vec!["10.0.0.1".into()];
    let wrong = with(vec![nested("left", ("uplink", "lan"), Some(wrong))]);
    refused(&wrong, whole(0), "host `left-laptop`: `10.0.0.1` is in no subnet of `left-lan`");
    let alone = draw(vec![segment("wan", &[V4])], vec![host("a", &["wan"])]);
    let unseen = |drawing: Drawing| Drawing { nested: vec![nested("left", ("uplink", "wan"), None)], ..drawing };
    good_as_far_as_seen(&unseen(draw(vec![segment("wan", &[V4])], vec![])));
    good_as_far_as_seen(&unseen(draw(vec![made_of(Medium::Veth, "wan", &[V4])], alone.hosts.clone())));
}

#[test]
fn what_nobody_has_seen_is_checked_and_not_planned() {
    let nested = |name: &str, drawing| DrawnNested { name: name.into(), shares: vec![], drawing };
    let drawing = lan_but(|d| d.nested = vec![nested("left", Some(Drawing::default())), nested("right", None)]);
    assert_eq!(drawing.check(), []);
    let complaints = drawing.plan().unwrap_err();
    assert_eq!(complaints.to_string(), "nobody has seen what is in `right`\nhelp: say what its `drawing` is");
    assert_eq!(complaints.iter().next().unwrap().place, Place::Nested(1, NestedPart::Whole));
    let ill_named = lan_but(|d| d.nested = vec![nested("", None)]);
    assert_eq!(ill_named.plan().unwrap_err().iter().count(), 1, "the name is what is wrong");
}

#[test]
fn independent_mistakes_are_all_reported_in_the_order_of_the_drawing() {
    let drawing = lan_but(|d| {
        d.segments[0].mtu = Some(1);
        d.segments[0].subnets.push("x".into());
        d.segments.push(segment("dmz", &[]));
        d.hosts[0].interfaces[0].mac = Some("x".into());
        d.hosts[0].sysctls.push(("x".into(), String::new()));
        d.hosts[1].interfaces[0].addresses = vec!["1.1.1.1".into(), "x".into()];
        d.hosts.push(host("c", &[]));
        d.nested.push(DrawnNested { name: String::new(), ..Default::default() });
    });
    let places: Vec<_> = drawing.plan().unwrap_err().iter().map(|complaint| complaint.place).collect();
    let expected = [
        at_segment(0, SegmentPart::Subnet(2)),
        at_segment(0, SegmentPart::Mtu),
        at_segment(1, SegmentPart::Whole),
        at(0, 0, InterfacePart::Mac),
        at_host(0, HostPart::Sysctl(0)),
        at(1, 0, InterfacePart::Address(1)),
        at_host(2, HostPart::Whole),
        Place::Nested(0, NestedPart::Whole),
    ];
    assert_eq!(places, expected, "whether 1.1.1.1 is in the subnet that was refused is not known");
}
