//! What pictures look like.

mod common;

use common::*;
use netns_test_topology::*;

/// That of the README.
fn home() -> Plan {
    let wan = DrawnSegment {
        impairment: DrawnImpairment { loss: Some("1%".into()), ..delay() },
        ..segment("wan", &["203.0.113.0/24"])
    };
    let segments = vec![segment("lan", &["10.0.1.0/24", "fd00:1::/64"]), wan];
    let hosts = vec![
        host("laptop", &["lan"]),
        host_with("printer", vec![with_address("lan", "10.0.1.77")]),
        masquerading("router", &["lan", "wan"]),
        host_with("server", vec![with_address("wan", "203.0.113.9")]),
    ];
    draw(segments, hosts).plan().unwrap()
}

fn marks() -> Marks {
    let way = [("laptop", "eth0"), ("router", "eth0"), ("router", "eth1"), ("server", "eth0")];
    let way = way.into_iter().fold(Marks::new(), |marks, (host, interface)| marks.over(host, interface));
    way.died_in("server", "dropped by `tcp dport 80 drop` in chain input of table inet filter")
}

/// Some of everything that a network can have.
fn odd() -> Plan {
    let bond = DrawnDevice::Bond { legs: 2, mode: Some("802.3ad".into()) };
    let uplink = DrawnInterface { device: bond, egress: delay(), ..on("trunk") };
    let far = DrawnPair { from: "a".into(), to: "b".into(), both_ways: true, impairment: delay() };
    let trunk = DrawnSegment {
        mtu: Some(9000),
        bridge: DrawnBridge { ageing: Some("30s".into()), ..DrawnBridge::default() },
        pairs: vec![far],
        ..segment("trunk", &["10.0.0.0/24"])
    };
    let filtering = DrawnBridge { vlan_filtering: Some(true), stp: Some(true), ageing: None };
    let segments = vec![
        trunk,
        over("trunk", Medium::Vlan { id: 10, protocol: Some("802.1ad".into()) }, "outer", &["10.0.10.0/24"]),
        over("outer", vlan(20), "inner", &["10.0.20.0/24", "fd00:20::/64"]),
        over("trunk", Medium::Gre, "gre", &["10.1.0.0/30"]),
        over("trunk", Medium::Ipip, "ipip", &["10.2.0.0/30"]),
        over("trunk", Medium::Vxlan { vni: 42 }, "overlay", &["10.3.0.0/24"]),
        over("trunk", Medium::WireGuard, "mesh", &["10.4.0.0/24"]),
        made_of(Medium::Veth, "cable", &["10.5.0.0/29"]),
        made_of(Medium::Dummy, "nowhere", &["10.6.0.1/32"]),
        DrawnSegment { bridge: filtering, ..segment("core", &["10.7.0.0/24"]) },
    ];
    let small = DrawnInterface { mtu: Some(1400), ..on("core") };
    let virtual_lan = DrawnInterface { device: DrawnDevice::Macvlan, ..on("core") };
    let blue = DrawnInterface { vrf: Some("blue".into()), ..on("cable") };
    let nat = DrawnSourceNat { segment: "cable".into(), address: "10.5.0.6".into() };
    let web = DrawnPortForward { port: 8080, to: "c".into(), to_port: Some(80), ..DrawnPortForward::default() };
    let hosts = vec![
        host_with("a", vec![uplink, on("outer"), on("inner"), on("gre"), on("ipip")]),
        host("b", &["trunk", "outer", "inner", "gre", "ipip", "overlay", "mesh"]),
        host_with("c", vec![on("trunk"), on("overlay"), on("mesh"), small]),
        DrawnHost { source_nat: vec![nat], forwards: vec![web], hairpin: true, ..router("gate", &["core", "cable"]) },
        host_with("d", vec![virtual_lan, on("nowhere")]),
        host_with("e", vec![blue]),
        DrawnHost { isolated: true, ..host("alone", &[]) },
    ];
    Drawing { routes: Routes::None, ..draw(segments, hosts) }.plan().unwrap_or_else(|e| panic!("{e:#?}"))
}

/// The style is the same in all of them.
fn without_style(svg: &str) -> String {
    let (before, style) = svg.split_once("<style>").unwrap();
    format!("{before}<style/>{}", style.split_once("</style>").unwrap().1)
}

#[test]
fn a_home_as_text() {
    insta::assert_snapshot!(Picture::of(&home()), @r"
    lan  switch, 10.0.1.0/24, fd00:1::/64
    ├─ laptop   eth0  10.0.1.2/24   fd00:1::2/64
    ├─ printer  eth0  10.0.1.77/24  fd00:1::3/64
    └─ router   eth0  10.0.1.1/24   fd00:1::1/64  router, also on wan

    wan  switch, 203.0.113.0/24, delay 20ms, loss 1%
    ├─ router  eth1  203.0.113.1/24  router, masquerades, also on lan
    └─ server  eth0  203.0.113.9/24
    ");
}

#[test]
fn a_home_as_svg() {
    insta::assert_snapshot!(without_style(&Picture::of(&home()).svg()));
}

#[test]
fn a_home_for_graphviz() {
    insta::assert_snapshot!(Picture::of(&home()).graphviz(), @r#"
    graph network {
      rankdir=LR
      node [fontname="monospace", fontsize=11]
      edge [fontname="monospace", fontsize=9]
      h0 [shape=box, style=rounded, label="laptop\leth0 10.0.1.2/24 fd00:1::2/64\l"]
      h1 [shape=box, style=rounded, label="printer\leth0 10.0.1.77/24 fd00:1::3/64\l"]
      h2 [shape=box, style=rounded, label="router (router)\leth0 10.0.1.1/24 fd00:1::1/64\leth1 203.0.113.1/24 (masquerades)\l"]
      h3 [shape=box, style=rounded, label="server\leth0 203.0.113.9/24\l"]
      s0 [shape=box, style="filled", fillcolor=aliceblue, label="lan\nswitch\n10.0.1.0/24\nfd00:1::/64\n"]
      s1 [shape=box, style="filled", fillcolor=aliceblue, label="wan\nswitch\n203.0.113.0/24\ndelay 20ms, loss 1%\n"]
      h0 -- s0 [label="eth0"]
      h1 -- s0 [label="eth0"]
      s0 -- h2 [label="eth0"]
      h2 -- s1 [label="eth1"]
      s1 -- h3 [label="eth0"]
    }
    "#);
}

#[test]
fn a_home_for_mermaid() {
    insta::assert_snapshot!(Picture::of(&home()).mermaid(), @r#"
    flowchart LR
      h0("laptop<br/>eth0 10.0.1.2/24 fd00:1::2/64")
      h1("printer<br/>eth0 10.0.1.77/24 fd00:1::3/64")
      h2("router (router)<br/>eth0 10.0.1.1/24 fd00:1::1/64<br/>eth1 203.0.113.1/24 (masquerades)")
      h3("server<br/>eth0 203.0.113.9/24")
      s0[["lan<br/>switch<br/>10.0.1.0/24<br/>fd00:1::/64"]]
      s1[["wan<br/>switch<br/>203.0.113.0/24<br/>delay 20ms, loss 1#37;"]]
      h0 ---|"eth0"| s0
      h1 ---|"eth0"| s0
      s0 ---|"eth0"| h2
      h2 ---|"eth1"| s1
      s1 ---|"eth0"| h3
    "#);
}

#[test]
fn a_marked_home_as_text() {
    insta::assert_snapshot!(Picture::of(&home()).mark(&marks()), @r"
        lan  switch, 10.0.1.0/24, fd00:1::/64
      1 ├─ laptop   eth0  10.0.1.2/24   fd00:1::2/64
        ├─ printer  eth0  10.0.1.77/24  fd00:1::3/64
      2 └─ router   eth0  10.0.1.1/24   fd00:1::1/64  router, also on wan

        wan  switch, 203.0.113.0/24, delay 20ms, loss 1%
      3 ├─ router  eth1  203.0.113.1/24  router, masquerades, also on lan
      4 └─ server  eth0  203.0.113.9/24
      ✗      ✗ dropped by `tcp dport 80 drop` in chain input of table inet filter

    way  laptop eth0 → router eth0 → router eth1 → server eth0 → ✗ server
    ");
}

#[test]
fn a_marked_home_as_svg() {
    insta::assert_snapshot!(without_style(&Picture::of(&home()).mark(&marks()).svg()));
}

#[test]
fn some_of_everything_as_text() {
    insta::assert_snapshot!(Picture::of(&odd()), @r"
    trunk  switch, 10.0.0.0/24, ageing 30s, mtu 9000, a ↔ b: delay 20ms
    ├─ a  eth0  10.0.0.1/24  bond of 2, 802.3ad, sent: delay 20ms, also on outer, inner, gre, ipip
    ├─ b  eth0  10.0.0.2/24  also on outer, inner, gre, ipip, 2 more segments
    └─ c  eth0  10.0.0.3/24  also on overlay, mesh, core

    outer  vlan 10 (802.1ad) over trunk, 10.0.10.0/24
    ├─ a  eth0.10  10.0.10.1/24  on eth0, also on trunk, inner, gre, ipip
    └─ b  eth0.10  10.0.10.2/24  on eth0, also on trunk, inner, gre, ipip, 2 more segments

    inner  vlan 20 over outer, 10.0.20.0/24, fd00:20::/64
    ├─ a  eth0.10.20  10.0.20.1/24  fd00:20::1/64  on eth0.10, also on trunk, outer, gre, ipip
    └─ b  eth0.10.20  10.0.20.2/24  fd00:20::2/64
           on eth0.10, also on trunk, outer, gre, ipip, 2 more segments

    gre  gre over trunk, 10.1.0.0/30
    ├─ a  gre1  10.1.0.1/30  on eth0, also on trunk, outer, inner, ipip
    └─ b  gre1  10.1.0.2/30  on eth0, also on trunk, outer, inner, ipip, 2 more segments

    ipip  ipip over trunk, 10.2.0.0/30
    ├─ a  ipip1  10.2.0.1/30  on eth0, also on trunk, outer, inner, gre
    └─ b  ipip1  10.2.0.2/30  on eth0, also on trunk, outer, inner, gre, 2 more segments

    overlay  vxlan 42 over trunk, 10.3.0.0/24
    ├─ b  vxlan42  10.3.0.1/24  on eth0, also on trunk, outer, inner, gre, 2 more segments
    └─ c  vxlan42  10.3.0.2/24  on eth0, also on trunk, mesh, core

    mesh  wireguard over trunk, 10.4.0.0/24
    ├─ b  wg0  10.4.0.1/24  on eth0, also on trunk, outer, inner, gre, 2 more segments
    └─ c  wg0  10.4.0.2/24  on eth0, also on trunk, overlay, core

    cable  wire, 10.5.0.0/29
    ├─ gate  eth1  10.5.0.1/29  router, snat 10.5.0.6, also on core
    └─ e     eth0  10.5.0.2/29  vrf blue

    nowhere  dummy, 10.6.0.1/32
    └─ d  dummy0  10.6.0.1/32  also on core

    core  switch, 10.7.0.0/24, vlan filtering, stp
    ├─ c     eth1  10.7.0.2/24  mtu 1400, also on trunk, overlay, mesh
    ├─ gate  eth0  10.7.0.1/24  router, tcp 8080 to 10.7.0.2 port 80, hairpin, also on cable
    └─ d     eth0  10.7.0.3/24  macvlan, also on nowhere

    on no segment
    └─ alone
    ");
}

#[test]
fn some_of_everything_as_svg() {
    insta::assert_snapshot!(without_style(&Picture::of(&odd()).svg()));
}

/// Marks are instead of others, not beside them.
#[test]
fn a_picture_that_is_marked_again_has_the_new_marks_only() {
    let picture = Picture::of(&home());
    let again = picture.clone().mark(&marks()).mark(&Marks::new());
    assert_eq!(again.svg(), picture.svg());
    assert_eq!(again.to_string(), picture.to_string());
}

/// A packet that goes in circles takes the same wires again and again.
#[test]
fn a_way_may_be_long() {
    let marks = (0..200).fold(Marks::new(), |marks, _| marks.over("router", "eth0").over("router", "eth1"));
    let text = Picture::of(&home()).mark(&marks.died_in("router", "its TTL was over")).to_string();
    let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("router   eth0  10.0.1.1/24").starts_with("1,3… └─ "), "{text}");
    assert!(line("✗ its TTL was over").trim_start().starts_with('✗'), "{text}");
    let beginning = |line: &str| line.find(['├', '└']).map(|at| line[..at].chars().count());
    let beginnings: Vec<_> = text.lines().filter_map(beginning).collect();
    assert!(beginnings.len() == 5 && beginnings.windows(2).all(|two| two[0] == two[1]), "{text}");
}

/// Many pairs of hosts would bury what a segment is.
#[test]
fn the_first_pairs_of_many_are_told() {
    let from = DrawnHost { count: Some(10), ..host("a", &["lan"]) };
    let pairs = (0..9).map(|n| DrawnPair {
        from: format!("b{n}"),
        to: format!("b{}", n + 1),
        both_ways: false,
        impairment: delay(),
    });
    let lan = DrawnSegment { pairs: pairs.collect(), ..segment("lan", &["10.0.0.0/24"]) };
    let hosts = (0..10).map(|n| host(&format!("b{n}"), &["lan"])).chain([from]).collect();
    let text = Picture::of(&draw(vec![lan], hosts).plan().unwrap()).to_string();
    assert!(text.contains("b0 → b1: delay 20ms, b1 → b2: delay 20ms"), "{text}");
    assert!(text.contains("b5 → b6: delay 20ms, 3 more between hosts") && !text.contains("b6 → b7"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
