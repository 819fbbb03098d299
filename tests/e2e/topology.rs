//! Networks that are drawn as structs: what was declared is there, under its name and with its addresses.

use netns_test::prelude::*;
use netns_test_tests::routes::{Route, forward};

fn addresses(host: &Host) -> Vec<String> {
    let addresses = [host.try_addr_v4().map(Into::into), host.try_addr_v6().map(Into::into)];
    addresses.into_iter().flatten().map(|address: std::net::IpAddr| address.to_string()).collect()
}

fn names(hosts: &[Host]) -> Vec<&str> {
    hosts.iter().map(Host::name).collect()
}

fn segment_names(lab: &Lab) -> Vec<&str> {
    lab.segments().iter().map(Segment::name).collect()
}

/// What the kernel says of an interface of a host.
fn of_interface(host: &Host, file: &str) -> String {
    let path = format!("/sys/class/net/{file}");
    host.run(|| std::fs::read_to_string(&path)).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

/// A home, and a server that it is not joined to.
#[derive(Clone, Debug, Topology)]
#[topology(routes = "none")]
struct Home {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24", mtu = 1400)]
    wan: Segment,
    #[host(lan)]
    laptop: Host,
    #[host(lan = "10.0.1.77")]
    printer: Host,
    #[host(lan = ["fd00:1::5", "10.0.1.5"], wan)]
    gateway: Host,
    #[host(wan = "203.0.113.9")]
    server: Host,
    #[host(alone)]
    _nobody: Host,
}

#[netns_test]
async fn the_fields_are_as_declared(net: Home, lab: Lab) {
    assert_eq!(names(lab.hosts()), ["laptop", "printer", "gateway", "server", "nobody"]);
    assert_eq!(segment_names(&lab), ["lan", "wan"]);
    for host in lab.hosts() {
        assert_eq!(of_interface(host, "lo/ifindex"), "1");
    }
    assert_eq!(net.laptop, *lab.host("laptop"));
    assert_eq!(net.wan, *lab.segment("wan"));
    assert_ne!(net.wan, net.lan);
    assert_eq!(addresses(&net.laptop), ["10.0.1.1", "fd00:1::1"]);
    assert_eq!(addresses(&net.printer), ["10.0.1.77", "fd00:1::2"]);
    assert_eq!(addresses(&net.gateway), ["10.0.1.5", "fd00:1::5"]);
    assert_eq!(addresses(&net.server), ["203.0.113.9"]);
    assert_eq!(addresses(lab.host("nobody")), [""; 0]);
    assert_eq!(of_interface(&net.server, "eth0/mtu"), "1400");
    assert_eq!(of_interface(&net.gateway, "eth1/mtu"), "1400");
    let subnets: Vec<_> = net.lan.subnets().iter().map(ToString::to_string).collect();
    assert_eq!(subnets, ["10.0.1.0/24", "fd00:1::/64"]);
}

#[netns_test]
async fn who_is_on_a_segment_is_reached_and_nobody_else(net: Home) {
    net.laptop.assert_ping(&net.printer).await;
    net.laptop.assert_ping("fd00:1::5").await;
    net.server.assert_ping("203.0.113.1").await;
    // A way there and back, but nobody who forwards.
    Route::via("203.0.113.0/24", net.gateway.addr_on(&net.lan)).add_to(&net.laptop).await;
    Route::via("10.0.1.0/24", net.gateway.addr_on(&net.wan)).add_to(&net.server).await;
    net.laptop.assert_no_ping(&net.server).await;
    forward(&net.gateway);
    net.laptop.assert_ping(&net.server).await;
    let copy = net.clone();
    copy.printer.assert_ping("gateway").await;
}

#[netns_test]
fn addresses_are_told_by_segment_and_family(net: Home) {
    let Home { gateway, lan, wan, .. } = &net;
    assert_eq!(
        (gateway.addr_v4_on(lan).to_string(), gateway.addr_v4_on(wan).to_string()),
        ("10.0.1.5".into(), "203.0.113.1".into())
    );
    assert_eq!(gateway.addr_v6_on(lan).to_string(), "fd00:1::5");
    assert_eq!(gateway.addr_on(wan), gateway.addr_v4_on(wan));
    assert_eq!((gateway.try_addr_v6_on(wan), net.laptop.try_addr_v4_on(wan)), (None, None));
}

#[netns_test]
#[should_panic(expected = "host `gateway` has no IPv6 address on segment `wan`")]
fn an_address_that_is_missing_on_a_segment_is_said(net: Home) {
    net.gateway.addr_v6_on(&net.wan);
}

#[netns_test(topology = Home)]
#[should_panic(expected = "host `nobody` has no address: it is on no segment")]
fn who_is_on_no_segment_has_no_address(nobody: Host) {
    nobody.addr();
}

#[netns_test(topology = Home)]
async fn hosts_and_segments_are_bound_by_name(server: Host, lab: Lab, _laptop: Host, lan: Segment) {
    assert_eq!(server.addr().to_string(), "203.0.113.9");
    assert_eq!(lan, *lab.segment("lan"));
    assert_eq!(lab.hosts().len(), 5);
}

#[netns_test]
async fn a_topology_may_be_joined_by_parameters_of_other_types(lab: Lab, net: Home, printer: Host, wan: Segment) {
    assert_eq!((&printer, &wan), (&net.printer, &net.wan));
    assert_eq!(lab.host("printer"), &printer);
}

#[netns_test(veth = true)]
fn the_segment_of_the_attribute_is_bound_by_name(alice: Host, bob: Host, lan: Segment) {
    assert_eq!(lan.subnets().len(), addresses(&alice).len());
    assert_ne!(alice, bob);
}

/// As many clients as one likes.
#[derive(Topology)]
struct Crowd<const CLIENTS: usize> {
    #[segment("10.0.0.0/16")]
    lan: Segment,
    #[host(lan = "10.0.9.9")]
    server: Host,
    #[host(lan)]
    clients: [Host; CLIENTS],
    #[host(lan)]
    pair: [Host; 2],
}

#[netns_test]
async fn an_array_has_as_many_hosts_as_elements(net: Crowd<3>, lab: Lab) {
    assert_eq!(names(&net.clients), ["clients-0", "clients-1", "clients-2"]);
    assert_eq!(names(lab.hosts()), ["server", "clients-0", "clients-1", "clients-2", "pair-0", "pair-1"]);
    let clients: Vec<_> = net.clients.iter().map(|client| client.addr().to_string()).collect();
    assert_eq!(clients, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    for client in &net.clients {
        client.assert_ping(&net.server).await;
    }
    net.server.assert_ping("pair-1").await;
    assert_eq!(net.lan.name(), "lan");
}

#[netns_test(topology = Crowd<0>)]
fn an_array_may_be_empty(lab: Lab) {
    assert_eq!(names(lab.hosts()), ["server", "pair-0", "pair-1"]);
}

/// A site with a segment that it may share, and one that it does not.
#[derive(Topology)]
#[topology(routes = "none", requires(bridge))]
struct Site {
    #[segment("10.0.1.0/24")]
    lan: Segment,
    #[segment("192.0.2.0/24")]
    uplink: Segment,
    #[host(lan, uplink)]
    edge: Host,
    #[host(lan)]
    desks: [Host; 2],
}

/// Two sites on one wire.
#[derive(Topology)]
#[topology(routes = "none")]
struct Sites {
    #[segment("198.51.100.0/24")]
    wan: Segment,
    #[host(wan)]
    middle: Host,
    #[topology(uplink = wan)]
    left: Site,
    #[topology(uplink = wan)]
    right: Site,
}

#[netns_test]
async fn nested_topologies_keep_their_names_apart(net: Sites, lab: Lab) {
    let sites = [&net.left, &net.right];
    let of_sites = |prefix: &str| ["edge", "desks-0", "desks-1"].map(|name| format!("{prefix}-{name}"));
    let all: Vec<_> = ["middle".to_owned()].into_iter().chain(of_sites("left")).chain(of_sites("right")).collect();
    assert_eq!(names(lab.hosts()), all);
    assert_eq!(segment_names(&lab), ["wan", "left-lan", "right-lan"]);
    assert_eq!(sites.map(|site| site.edge.name()), ["left-edge", "right-edge"]);
    assert_eq!(sites.map(|site| site.desks[1].name()), ["left-desks-1", "right-desks-1"]);
    assert_eq!(sites.map(|site| site.lan.name()), ["left-lan", "right-lan"]);
    assert_eq!(sites.map(|site| &site.uplink), [&net.wan; 2]);
}

#[netns_test]
async fn a_shared_segment_is_one_and_others_are_not(net: Sites) {
    net.left.edge.assert_ping("198.51.100.3").await;
    net.middle.assert_ping("198.51.100.2").await;
    // Both have the same subnet behind them, and each sees its own.
    net.left.desks[0].assert_ping(&net.left.desks[1]).await;
    net.right.desks[0].assert_ping(&net.right.desks[1]).await;
    assert_eq!(net.left.desks[1].addr(), net.right.desks[1].addr());
    // Behind each is another segment: there is a way there and back, but nobody who forwards.
    let (desk, edge, middle) = (&net.left.desks[0], &net.left.edge, &net.middle);
    Route::via("198.51.100.0/24", edge.addr_on(&net.left.lan)).add_to(desk).await;
    Route::via("10.0.1.0/24", edge.addr_on(&net.wan)).add_to(middle).await;
    desk.assert_no_ping(middle).await;
    forward(edge);
    desk.assert_ping(middle).await;
}

/// One within another within another.
#[derive(Topology)]
#[topology(routes = "none")]
struct World {
    #[segment("198.18.0.0/24")]
    backbone: Segment,
    #[topology(wan = backbone)]
    north: Sites,
}

#[netns_test]
async fn what_is_shared_twice_is_the_outermost(net: World, lab: Lab) {
    assert_eq!(net.north.left.uplink, net.backbone);
    assert_eq!(net.north.wan, *lab.segment("backbone"));
    assert_eq!(net.north.left.edge.name(), "north-left-edge");
    assert_eq!(segment_names(&lab), ["backbone", "north-left-lan", "north-right-lan"]);
    net.north.middle.assert_ping("198.18.0.2").await;
}

#[netns_test(topology = World)]
fn some_of_a_lab_is_bound_by_name_too(backbone: Segment, lab: Lab) {
    assert_eq!(backbone.subnets()[0].to_string(), "198.18.0.0/24");
    assert_eq!(lab.host("north-right-desks-0").addr().to_string(), "10.0.1.2");
}

#[netns_test(namespaces = 0)]
fn a_lab_may_be_empty(lab: Lab) {
    assert_eq!((lab.hosts(), lab.segments()), (&[][..], &[][..]));
}

#[derive(Topology)]
struct Hidden {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24", "2001:db8:1::/64")]
    wan: Segment,
    #[host(lan)]
    inside: Host,
    #[router(lan, wan)]
    router: Host,
    #[host(wan)]
    stranger: Host,
}

#[netns_test]
async fn a_host_is_asked_for_at_the_address_next_door(net: Hidden) {
    // Its first address is the one on the other side.
    for report in [net.stranger.ping(&net.router).ttl(1).await, net.stranger.ping("router").ttl(1).await] {
        assert!(report.is_ok(), "{report:?}");
    }
    assert!(net.stranger.ping(&net.router).ipv6().ttl(1).await.is_ok());
    assert!(net.inside.ping(&net.router).ttl(1).await.is_ok());
    net.inside.assert_ping(&net.stranger).await;
}
