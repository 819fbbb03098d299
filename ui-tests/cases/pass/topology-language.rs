// All that can be said of a topology.

use netns_test::prelude::*;

#[derive(Topology)]
struct Media {
    #[segment("10.0.1.0/24", "fd00:1::/64", mtu = 1600, offload = false)]
    lan: Segment,
    #[segment]
    bare: Segment,
    #[segment()]
    empty: Segment,
    #[segment("10.9.0.0/24", veth)]
    p2p: Segment,
    #[segment("10.8.0.0/24", bridge)]
    switch: Segment,
    #[segment("10.7.0.0/24", bridge(vlan_filtering = true, stp = true, ageing = "300s"),)]
    trunk: Segment,
    #[segment("10.6.0.0/24", dummy)]
    nowhere: Segment,
    #[segment("10.10.0.0/24", vlan = 10, over = trunk, protocol = "802.1ad")]
    v10: Segment,
    #[segment(vlan = 20, over = v10)]
    v20: Segment,
    #[segment("10.20.0.0/24", vni = 42, over = lan)]
    overlay: Segment,
    #[segment("10.30.0.0/24", "fd00:30::/64", wireguard, over = lan)]
    mesh: Segment,
    #[segment("10.40.0.0/30", gre, over = lan)]
    gre: Segment,
    #[segment("10.50.0.0/30", ipip, over = lan)]
    ipip: Segment,
    #[host(lan, bare, empty, p2p, switch, trunk, nowhere, v10, v20, overlay, mesh, gre, ipip)]
    a: Host,
    #[host(lan, bare, empty, p2p, switch, trunk, v10, v20, overlay, mesh, gre, ipip)]
    b: Host,
}

#[derive(Topology)]
#[topology(routes = "automatic", requires(bridge, program = "ls"), crate = ::netns_test)]
struct Machines {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    lan: Segment,
    #[segment("203.0.113.0/24")]
    wan: Segment,
    #[segment("10.0.3.0/24")]
    r#route: Segment,
    #[host(lan)]
    laptop: Host,
    #[host(lan = "10.0.1.77")]
    printer: Host,
    #[host(lan = ["10.0.1.78", "fd00:1::78"])]
    scanner: Host,
    #[host(lan(address = "10.0.1.5", name = "uplink0", mac = "02:00:00:00:00:01", mtu = 1300, offload = false))]
    a: Host,
    #[host(lan(addresses = ["10.0.1.6", "fd00:1::6"], gateway = router))]
    b: Host,
    #[host(lan(gateway = "10.0.1.200"), sysctl("net.ipv4.ip_default_ttl" = "65", "net/ipv6/conf/all/hop_limit" = 65))]
    c: Host,
    #[host(lan(bond = 2), wan(bond = 4, mode = "802.3ad"))]
    bonds: Host,
    #[host(lan(macvlan), wan(ipvlan))]
    virtual_devices: Host,
    #[host(lan(tap), wan(macvtap))]
    taps: Host,
    #[host(lan(vrf = "blue"), wan(vrf = "red"))]
    vrfs: Host,
    #[host(
        wan,
        route("10.99.0.0/16", via = router),
        route(lan, via = "203.0.113.200"),
        route("10.98.0.1"),
        route("default", via = router),
        neighbour("203.0.113.99" = "02:00:00:00:00:99", "203.0.113.98" = "02:00:00:00:00:98"),
        sysctl("net.ipv4.ip_default_ttl" = "65"),
        sysctl("net.ipv4.tcp_sack" = 0),
    )]
    d: Host,
    #[host(lan, route(default, via = "10.0.1.200"))]
    e: Host,
    #[host(lan(gateway = "routers-1"), route("10.97.0.0/16", via = "routers-0"))]
    f: Host,
    #[host(alone)]
    nobody: Host,
    #[host(r#route)]
    raw: Host,
    #[host(lan)]
    clients: [Host; 8],
    #[router(
        lan,
        wan,
        r#route,
        masquerade = wan,
        forward(tcp = 8080, to = laptop, port = 80),
        forward(udp = 53, to = printer),
        forward(udp = 54, to = "clients-0"),
        hairpin
    )]
    router: Host,
    #[router(lan, wan, snat(wan = "203.0.113.7"))]
    second: Host,
    #[router(lan, wan, masquerade = [wan, lan])]
    third: Host,
    #[router(lan, wan, masquerade = wan)]
    routers: [Host; 2],
}

#[derive(Topology)]
struct Links {
    #[segment(
        "10.0.1.0/24",
        preset = "wifi",
        delay = "20ms",
        jitter = "500us",
        distribution = "normal",
        loss = "gemodel 1% 30%",
        duplicate = "1%",
        reorder = "0.5%",
        corrupt = "0%",
        rate = "1.5mbit",
        limit = 100,
        mtu_black_hole = 1400,
        engine = "automatic"
    )]
    lan: Segment,
    #[segment(
        "10.0.2.0/24",
        pair(a, "clients-0", delay = "5ms"),
        path(b, a, loss = "1%", rate = "1gbit"),
        path(a, b, preset = "lossy"),
        engine = "relay"
    )]
    wan: Segment,
    #[segment("10.0.3.0/24", bridge(stp = true), delay = "1ms", engine = "kernel")]
    tree: Segment,
    #[router(lan(delay = "1ms"), wan(egress(rate = "1mbit"), ingress(rate = "16mbit")), tree(egress(loss = "1%")))]
    a: Host,
    #[host(wan(address = "10.0.2.9", preset = "dsl", egress(rate = "1mbit")))]
    b: Host,
    #[host(wan(delay = "1ms"))]
    clients: [Host; 2],
}

#[netns_test(
    veth = true,
    preset = "4g",
    delay = "20ms",
    jitter = "5ms",
    distribution = "normal",
    loss = "1%",
    duplicate = "1%",
    reorder = "1%",
    corrupt = "0.5%",
    rate = "5mbit",
    limit = 100,
    mtu_black_hole = 1400,
    engine = "relay"
)]
fn links(alice: Host, bob: Host, net: Lab) {
    let _ = (alice, bob, net);
}

#[netns_test]
fn media(net: Media) {
    let _ = (net.a.name(), net.lan.name());
}

#[netns_test]
async fn more(net: Links) {
    net.a.assert_ping(&net.b).await;
}

#[netns_test]
async fn machines(net: Machines, lab: Lab) -> TestResult {
    let [first, ..] = net.clients;
    first.assert_ping(&net.laptop).await;
    let _ = lab;
    Ok(())
}

#[netns_test(topology = Machines)]
fn by_name(laptop: Host, _printer: netns_test::Host, lan: Segment, lab: Lab) {
    let _ = (laptop, lan, lab);
}

fn main() {}
