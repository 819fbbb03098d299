//! What is said about a topology, and what is not. The words and places are in the UI cases.

use super::{complaints_in, tokens};
use crate::derive::{expand, tables};
use crate::parse::WORDS;

fn complaints(item: &str) -> Vec<String> {
    complaints_in(expand(tokens(item)))
}

#[track_caller]
fn good(item: &str) {
    assert_eq!(complaints(item), [""; 0], "{item}");
}

/// A segment and two hosts on it, one of them a router.
fn network(segment: &str, host: &str) -> String {
    format!(
        "struct Net {{
            #[segment({segment})] lan: Segment,
            #[segment(\"203.0.113.0/24\")] wan: Segment,
            #[host({host})] a: Host,
            #[router(lan, wan)] router: Host,
            #[host(wan)] server: Host,
        }}"
    )
}

const LAN: &str = "\"10.0.1.0/24\", \"fd00:1::/64\"";

/// What the reader says, who leaves the rules to others.
fn misread(item: &str) -> Vec<String> {
    let of_the_reader =
        ["expected", "unknown option", "needs a value", "in parentheses", "stands alone", "written twice"];
    let mut found = complaints(item);
    found.retain(|complaint| of_the_reader.iter().any(|words| complaint.contains(words)));
    found
}

#[test]
fn every_example_can_be_read() {
    let mut items = Vec::new();
    items.extend(tables::SEGMENT.iter().map(|option| network(&format!("{LAN}, {}", option.example), "lan")));
    let words = WORDS.map(|word| word.example);
    items.extend(words.map(|word| network(&format!("{LAN}, {word}"), "lan")));
    items.extend(words.map(|word| network(&format!("{LAN}, pair(a, router, {word})"), "lan")));
    items.extend(words.map(|word| network(LAN, &format!("lan({word})"))));
    items.extend(words.map(|word| network(LAN, &format!("lan(egress({word}), ingress({word}))"))));
    items.extend(tables::BRIDGE.iter().map(|option| network(&format!("{LAN}, bridge({})", option.example), "lan")));
    items.extend(tables::INTERFACE.iter().map(|option| network(LAN, &format!("lan({})", option.example))));
    items.extend(tables::HOST.iter().map(|option| network(LAN, &format!("lan, {}", option.example))));
    items.extend(tables::ROUTE.iter().map(|option| network(LAN, &format!("lan, route(wan, {})", option.example))));
    items.extend(tables::FORWARD.iter().map(|option| network(LAN, &format!("lan, forward({})", option.example))));
    items
        .extend(tables::STRUCT.iter().map(|option| format!("#[topology({})] {}", option.example, network(LAN, "lan"))));
    for item in items {
        assert_eq!(misread(&item), [""; 0], "{item}");
    }
}

#[test]
fn a_mistake_costs_its_own_option_only() {
    for wrong in [
        "mtu",
        "mtu =",
        "mtu = 1 2",
        "mtuu = 1",
        "7",
        "",
        "bridge(x = 1)",
        "veth = true",
        "r#mtu = 1",
        "'a'",
        "delay",
        "delay = 20",
        "delay = 20ms",
        "loss = 1%",
        "loss = -1",
        "mtu_black_hole = \"5\"",
        "r#delay = \"1ms\"",
        "engine = relay",
        "pair",
        "pair()",
        "pair(a)",
        "pair(a, router)",
        "pair(a, delay = \"1ms\")",
        "pair(a, router, delay)",
        "pair(a, router, server, delay = \"1ms\")",
        "pair(a, 5, delay = \"1ms\")",
        "path(a router, delay = \"1ms\")",
    ] {
        let item = network(&format!("\"10.0.1.0/33\", {wrong}, offload = 1"), "lan");
        let found = complaints(&item);
        assert_eq!(found.len(), 3, "{wrong}: {found:#?}");
    }
    for wrong in [
        "wan(delay = 5)",
        "wan(egress)",
        "wan(egress())",
        "wan(ingress(5))",
        "wan(egress(mtu = 1))",
        "delay = \"1ms\"",
        "lan foo",
        "foo = 1",
        "wan = 1",
        "route()",
        "route",
        "alone()",
        "wan(foo)",
        "\"lan\"",
        "",
        "forward(tcp = 1)",
    ] {
        let item = network(LAN, &format!("lan(mac = \"x\"), {wrong}, neighbour(1)"));
        let found = complaints(&item);
        assert_eq!(found.len(), 3, "{wrong}: {found:#?}");
    }
}

#[test]
fn a_mistake_of_the_reader_accuses_nothing_else() {
    // Each of these would have been on `lan`, been its router, had its subnet.
    for item in [
        "struct Net { #[segment(10.0.0.0/24)] lan: Segment, #[host(lan = \"10.0.0.1\", route(lan, via = b))] a: Host, \
         #[host(lan)] b: Host }",
        "struct Net { #[segment(vlan = ten, over = trunk)] lan: Segment, #[segment] trunk: Segment, #[host(trunk, lan)] a: Host }",
        "struct Net { #[segment(vlan = 10, over = \"trunk\")] lan: Segment, #[segment] trunk: Segment, #[host(trunk, lan)] a: Host }",
        "struct Net { #[segment(veth)] lan: Segment, #[host(lan)] a: Host, #[host(\"lan\")] b: Host }",
        "struct Net { #[segment] lan: Segment, #[host(\"lan\")] a: Host }",
        "struct Net { #[segment] lan: Segment, #[host = lan] a: Host }",
        "struct Net { #[segment(\"10.0.0.0/24\")] lan: Segment, #[segment(\"10.1.0.0/24\")] wan: Segment, #[host(lan)] a: Host, \
         #[host(wan)] b: Host, #[router(lan, \"wan\")] r: Host }",
        "struct Net { #[segment(\"10.0.0.0/24\")] lan: Segment, #[segment(\"10.1.0.0/24\")] wan: Segment, #[host(lan)] a: Host, \
         #[host(wan)] b: Host, r: Host }",
        "struct Net { lan: Segment, #[host(lan)] a: Host }",
        "struct Net { #[host] lan: Segment, #[host(lan, route(lan, via = b))] a: Host, #[host(lan)] b: Host }",
        "struct Net { #[segment] lan: Segment, #[host(lan, route(default, via = r))] a: Host, _r: Host }",
        "struct Net { #[segment] lan: Segment, #[topology(uplink)] site: Site }",
        // Each of these would have been an engine, a delay, a host, a switch.
        "struct Net { #[segment(delay = \"1ms\", bridge(stp = true), engine = kernel)] lan: Segment, #[host(lan)] a: Host }",
        "struct Net { #[segment(delay = 1, reorder = \"1%\")] lan: Segment, #[host(lan)] a: Host }",
        "struct Net { #[segment(pair(a, b, delay = \"1ms\"))] lan: Segment, #[host(lan)] a: Host, #[host(\"lan\")] b: Host }",
        "struct Net { #[segment(pair(a, b, delay = \"1ms\"))] lan: Segment, #[host(lan)] a: Host, b: Host }",
        "struct Net { #[segment(vlan = ten, over = trunk, delay = \"1ms\")] lan: Segment, #[segment] trunk: Segment, \
         #[host(trunk, lan)] a: Host }",
    ] {
        let found = complaints(item);
        assert_eq!(found.len(), 1, "{item}: {found:#?}");
    }
}

#[test]
fn mistakes_that_are_independent_are_reported_together() {
    let found = complaints(
        "#[topology(routes = 1)] struct Net<T> { #[segment(\"x\", mtu = 1, bad)] lan: Segment, what: Segment, \
         #[host(lan(mac = \"x\", name = \"a/b\"), unknown)] a: Host, #[host] b: Segment }",
    );
    assert_eq!(found.len(), 10, "{found:#?}");
}

#[test]
fn what_stands_one_level_too_high_is_sent_down() {
    for knob in tables::BRIDGE {
        let found = complaints(&network(&format!("{LAN}, {}", knob.example), "lan"));
        let words = format!("`{}` is a knob of a bridge\nhelp: write `bridge({})`", knob.name, knob.example);
        assert_eq!(found, [words]);
    }
}

#[test]
fn an_address_stands_behind_its_segment() {
    for (host, help) in [
        ("lan(\"10.0.1.9\")", "write `lan = \"10.0.1.9\"`"),
        ("lan(\"10.0.1.9\",)", "write `lan = \"10.0.1.9\"`"),
        ("lan(\"10.0.1.9\", \"fd00:1::9\")", "write `lan = [\"10.0.1.9\", \"fd00:1::9\"]`"),
        ("lan(\"10.0.1.9\", name = \"x\")", "write `address = \"10.0.1.9\"`"),
    ] {
        let found = complaints(&network(LAN, host));
        assert!(matches!(&found[..], [only] if only.ends_with(help)), "{host}: {found:#?}");
    }
}

#[test]
fn a_port_has_a_protocol() {
    let found = complaints(&network(LAN, "lan, forward(80, to = server)"));
    assert_eq!(found, ["a port is one of TCP or of UDP\nhelp: write `tcp = 80` or `udp = 80`"]);
}

#[test]
fn the_length_of_an_array_may_be_unknown() {
    let item = |length: &str, medium: &str, host: &str| {
        format!(
            "struct Net<const N: usize> {{ #[segment(\"10.0.0.0/29\", {medium})] lan: Segment, #[host(lan {host})] many: [Host; {length}] }}"
        )
    };
    // It may be right, by what is known.
    good(&item("N", "veth", ""));
    good(&item("N", "dummy", ""));
    good(&item("N", "bridge", "= \"10.0.0.1\""));
    good(&item("{ 2 + 2 }", "bridge", ""));
    good(&item("2", "veth", ""));
    good(&item("6usize", "bridge", ""));
    // It cannot, whatever the length is.
    assert_eq!(complaints(&item("N", "bridge", "= \"10.0.1.1\"")).len(), 1);
    let to = |name: &str| {
        good(&format!(
            "struct Net<const N: usize> {{ #[segment(\"10.0.0.0/24\")] lan: Segment, #[segment(\"10.1.0.0/24\")] wan: Segment, \
             #[host(lan, route(\"10.9.0.0/16\", via = \"many-7\"))] a: Host, #[router(lan, wan)] many: [Host; N], \
             #[host(wan)] servers: [Host; N], #[router(lan, wan, forward(tcp = 80, to = \"{name}\"))] router: Host }}"
        ));
    };
    to("servers-0");
    to("servers-7");
    // A number is known.
    assert_eq!(complaints(&item("3", "veth", "")).len(), 1);
    assert_eq!(complaints(&item("7", "bridge", "")).len(), 1);
    assert_eq!(complaints(&item("2", "bridge", "= \"10.0.0.1\"")).len(), 1);
}

#[test]
fn names_have_neither_raw_marks_nor_underscores_in_front() {
    good(
        "struct Net { #[segment] r#type: Segment, #[host(r#type)] _a: Host, #[host(_type, route(\"10.0.0.0/8\"))] r#_b: Host }",
    );
    good(
        "struct Net { #[segment(\"10.0.0.0/8\")] _lan: Segment, #[segment] wan: Segment, #[host(lan(gateway = b))] a: Host, \
         #[router(_lan, wan)] _b: Host }",
    );
    good("struct Net { #[segment] __: Segment, #[host(__)] a: Host }");
}

#[test]
fn a_word_is_an_option_before_it_is_a_segment() {
    for option in tables::HOST.iter().map(|option| option.name) {
        good(&format!("struct Net {{ #[segment] {option}: Segment, #[host(r#{option})] a: Host }}"));
        good(&format!("struct Net {{ #[segment] {option}: Segment, #[host(r#{option}(name = \"x\"))] a: Host }}"));
        let found = complaints(&format!(
            "struct Net {{ #[segment] {option}: Segment, #[host({option} = \"10.0.0.1\")] a: Host }}"
        ));
        assert_eq!(found.len(), 1, "{found:#?}");
    }
}

#[test]
fn other_attributes_and_types_with_paths_are_none_of_ours() {
    good(
        "#[doc = \"x\"] #[derive(Clone)] #[serde(host)] pub(crate) struct Net {
            /// A segment.
            #[segment] pub lan: ::netns_test::Segment,
            #[cfg_attr(all(), allow(unused))] #[host(lan)] #[allow(dead_code)] a: netns_test::Host,
            #[host(lan)] b: (Host),
            #[host(lan)] c: [netns_test::Host; 2],
            #[host(lan)] d: Alias,
            #[topology] e: some::Site<3>,
        }",
    );
}

#[test]
fn something_comes_out_whatever_goes_in() {
    for item in [
        "struct Net;",
        "struct Net(Host);",
        "enum Net { A(Host) }",
        "union Net { a: Host }",
        "struct Net<'a, T: 'a, const N: usize = 3> where T: Clone { x: &'a T }",
        "struct Net { #[host(lam)] a: Host }",
    ] {
        let expansion = expand(tokens(item)).to_string();
        assert!(expansion.contains("compile_error") && expansion.contains(":: Topology for Net"), "{expansion}");
    }
    let nonsense = expand(tokens("fn net() {}")).to_string();
    assert!(nonsense.contains("compile_error"), "{nonsense}");
}
