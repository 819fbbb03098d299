//! What follows from a mistake is not reported beside it.

mod common;

use common::*;
use netns_test_topology::*;

/// Claims that there is this one complaint and no other.
#[track_caller]
fn only(drawing: &Drawing, message: &str) {
    let complaints = drawing.check();
    let found: Vec<_> = complaints.iter().map(|complaint| complaint.message.as_str()).collect();
    assert!(matches!(&found[..], [only] if only.contains(message)), "expected {message:?}\nfound {found:#?}");
}

const BAD: &str = "10.0.1.0/42";

/// `a` on `lan`, `b` on `wan`, `r` between them.
fn routed(lan: &[&str], wan: &[&str]) -> Drawing {
    let hosts = vec![host("a", &["lan"]), host("b", &["wan"]), router("r", &["lan", "wan"])];
    draw(vec![segment("lan", lan), segment("wan", wan)], hosts)
}

#[test]
fn of_a_subnet_that_is_none() {
    let bad = || routed(&[BAD, "fd00:1::/64"], &["10.0.2.0/24"]);
    only(&bad(), "is not a subnet");
    let with = |change: &dyn Fn(&mut Drawing)| {
        let mut drawing = bad();
        change(&mut drawing);
        drawing
    };
    only(&with(&|d| d.hosts[0].interfaces[0].addresses.push("10.0.1.7".into())), "is not a subnet");
    only(&with(&|d| d.hosts[0].interfaces[0].gateway = Some("10.0.1.7".into())), "is not a subnet");
    only(&with(&|d| d.hosts[0].interfaces[0].gateway = Some("r".into())), "is not a subnet");
    let route = |via: &str| DrawnRoute { to: "10.9.0.0/16".into(), via: Some(via.into()) };
    only(&with(&|d| d.hosts[0].routes.push(route("r"))), "is not a subnet");
    only(&with(&|d| d.hosts[0].routes.push(route("10.0.1.7"))), "is not a subnet");
    let neighbour = DrawnNeighbour { address: "10.0.1.7".into(), mac: "02:00:00:00:00:07".into() };
    only(&with(&|d| d.hosts[0].neighbours.push(neighbour.clone())), "is not a subnet");
    let source = DrawnSourceNat { segment: "lan".into(), address: "10.0.1.7".into() };
    only(&with(&|d| d.hosts[2].source_nat.push(source.clone())), "is not a subnet");
    let tunnelled = |medium| {
        with(&|d| {
            d.segments.push(over("lan", Medium::clone(&medium), "t", &["10.9.0.0/24"]));
            d.hosts[0].interfaces.push(on("t"));
            d.hosts[2].interfaces.push(on("t"));
        })
    };
    only(&tunnelled(Medium::Gre), "is not a subnet");
    let mut all_bad = tunnelled(Medium::WireGuard);
    all_bad.segments[0].subnets.truncate(1);
    only(&all_bad, "is not a subnet");
    let mut forward = routed(&["10.0.1.0/24"], &[BAD]);
    forward.hosts[2].forwards.push(DrawnPortForward { port: 80, to: "b".into(), ..Default::default() });
    only(&forward, "is not a subnet");
}

#[test]
fn of_a_segment_that_is_not_there() {
    let good = || routed(&["10.0.1.0/24"], &["10.0.2.0/24"]);
    let with = |change: &dyn Fn(&mut Drawing)| {
        let mut drawing = good();
        change(&mut drawing);
        drawing
    };
    only(&with(&|d| d.hosts[2].interfaces[1].segment = "wam".into()), "`wam`, which is no segment");
    let apart = with(&|d| {
        d.segments.push(segment("dmz", &["10.0.3.0/24"]));
        d.hosts.push(host("c", &["dmz", "wam"]));
    });
    only(&apart, "host `c`: it is on `wam`, which is no segment");
    let lower = with(&|d| {
        d.segments.push(over("wan", vlan(10), "v", &["10.0.3.0/24"]));
        d.hosts[2].interfaces.push(on("v"));
        d.hosts.push(host("c", &["wam", "v"]));
    });
    only(&lower, "host `c`: it is on `wam`, which is no segment");
    let masquerade = with(&|d| {
        d.hosts[2].interfaces[1].segment = "wam".into();
        d.hosts[2].masquerade.push("wan".into());
    });
    only(&masquerade, "`wam`, which is no segment");
    let gateway = with(&|d| {
        d.hosts[1].interfaces[0].gateway = Some("r".into());
        d.hosts[2].interfaces[1].segment = "wam".into();
    });
    only(&gateway, "`wam`, which is no segment");
    let route = with(&|d| {
        d.hosts[1].routes.push(DrawnRoute { to: "lan".into(), via: Some("r".into()) });
        d.hosts[2].interfaces[1].segment = "wam".into();
    });
    only(&route, "`wam`, which is no segment");
    let forward = with(&|d| {
        d.hosts[2].forwards.push(DrawnPortForward { port: 80, to: "b".into(), ..Default::default() });
        d.hosts[1].interfaces[0].segment = "wam".into();
    });
    only(&forward, "`wam`, which is no segment");
    let over = with(&|d| {
        d.segments.push(over("trunkk", vlan(10), "v", &["10.0.3.0/24"]));
        d.segments.push(segment("trunk", &[]));
        d.hosts[2].interfaces.push(on("v"));
    });
    only(&over, "it is over `trunkk`, which is no segment");
    let alone = with(&|d| {
        d.segments[1].medium = Medium::Veth;
        d.hosts[1].interfaces[0].segment = "wam".into();
    });
    only(&alone, "`wam`, which is no segment");
}

#[test]
fn of_other_words() {
    let good = || routed(&["10.0.1.0/24"], &["10.0.2.0/24"]);
    let with = |change: &dyn Fn(&mut Drawing)| {
        let mut drawing = good();
        change(&mut drawing);
        drawing
    };
    only(&with(&|d| d.hosts[2].interfaces[1].segment = "lan".into()), "it is on `lan` twice");
    let ids = with(&|d| {
        d.segments.push(over("wan", vlan(5000), "v", &["10.0.3.0/24"]));
        d.segments[2].mtu = Some(1500);
        d.hosts[1].interfaces.push(on("v"));
        d.hosts[1].interfaces[0].mtu = Some(20);
    });
    let complaints = ids.plan().unwrap_err();
    assert_eq!(complaints.iter().count(), 2, "an MTU of 20 is not also too small for the VLAN: {complaints}");
    let count = with(&|d| {
        d.segments[1].medium = Medium::Veth;
        d.hosts[1].count = Some(HOSTS);
    });
    let complaints = count.plan().unwrap_err();
    assert!(complaints.iter().any(|complaint| complaint.place == Place::Host(1, HostPart::Count)), "{complaints}");
    assert!(complaints.iter().all(|complaint| !complaint.message.contains("addresses for")), "{complaints}");
}
