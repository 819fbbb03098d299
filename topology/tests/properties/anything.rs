//! Drawings of anything.

use netns_test_topology::*;
use proptest::prelude::*;

/// Words that mean something now and then, and anything else.
fn words() -> impl Strategy<Value = String> {
    const WORDS: [&str; 44] = [
        "",
        "lan",
        "wan",
        "lam",
        "a",
        "b",
        "a-0",
        "x-lan",
        "default",
        "eth0",
        "eth0.1",
        "blue",
        "10.0.0.0/24",
        "10.0.0.0/8",
        "10.0.0.0/31",
        "0.0.0.0/0",
        "fd00::/64",
        "fd00::/127",
        "::/0",
        "10.0.0.1",
        "10.0.0.0",
        "10.0.0.255",
        "10.0.1.1",
        "fd00::1",
        "::",
        "255.255.255.255",
        "02:00:00:00:00:01",
        "01:00:00:00:00:01",
        "300s",
        "20ms",
        "1%",
        "gemodel 1% 30%",
        "5mbit",
        "normal",
        "dsl",
        "kernel",
        "relay",
        "802.1ad",
        "balance-rr",
        "net.ipv4.ip_forward",
        "net/ipv4",
        "net..",
        "é",
        "/",
    ];
    prop_oneof![20 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn maybe<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.3, strategy)
}

fn few<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(strategy, 0..3)
}

fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..5, Just(1280), Just(1500), any::<u32>()]
}

fn any_impairment() -> impl Strategy<Value = DrawnImpairment> {
    let words = prop::collection::vec(maybe(words()), 9);
    let any = (words, maybe(numbers()), maybe(numbers())).prop_map(|(words, limit, mtu_black_hole)| {
        let mut words = words.into_iter().map(Option::unwrap_or_default).map(|word| (!word.is_empty()).then_some(word));
        let mut word = || words.next().flatten();
        DrawnImpairment {
            preset: word(),
            delay: word(),
            jitter: word(),
            distribution: word(),
            loss: word(),
            duplicate: word(),
            reorder: word(),
            corrupt: word(),
            rate: word(),
            limit,
            mtu_black_hole,
        }
    });
    let delay = Just(DrawnImpairment { delay: Some("20ms".to_owned()), ..DrawnImpairment::new() });
    prop_oneof![6 => Just(DrawnImpairment::new()), 2 => delay, 1 => any]
}

fn media() -> impl Strategy<Value = Medium> {
    prop_oneof![
        4 => Just(Medium::Switch),
        1 => Just(Medium::Veth),
        1 => Just(Medium::Dummy),
        2 => (numbers(), maybe(words())).prop_map(|(id, protocol)| Medium::Vlan { id, protocol }),
        1 => numbers().prop_map(|vni| Medium::Vxlan { vni }),
        1 => Just(Medium::WireGuard),
        1 => Just(Medium::Gre),
        1 => Just(Medium::Ipip),
    ]
}

fn any_segment() -> impl Strategy<Value = DrawnSegment> {
    let bridge = (maybe(any::<bool>()), maybe(any::<bool>()), maybe(words()))
        .prop_map(|(vlan_filtering, stp, ageing)| DrawnBridge { vlan_filtering, stp, ageing });
    let pairs = (words(), words(), any::<bool>(), any_impairment())
        .prop_map(|(from, to, both_ways, impairment)| DrawnPair { from, to, both_ways, impairment });
    let frames = (any_impairment(), maybe(words()), few(pairs));
    (words(), few(words()), maybe(numbers()), maybe(any::<bool>()), media(), maybe(words()), bridge, frames).prop_map(
        |(name, subnets, mtu, offload, medium, over, bridge, (impairment, engine, pairs))| DrawnSegment {
            name,
            subnets,
            mtu,
            offload,
            medium,
            over,
            bridge,
            impairment,
            engine,
            pairs,
        },
    )
}

fn any_device() -> impl Strategy<Value = DrawnDevice> {
    prop_oneof![
        4 => Just(DrawnDevice::Plain),
        1 => Just(DrawnDevice::Macvlan),
        1 => Just(DrawnDevice::Ipvlan),
        1 => Just(DrawnDevice::Macvtap),
        1 => Just(DrawnDevice::Tap),
        1 => (numbers(), maybe(words())).prop_map(|(legs, mode)| DrawnDevice::Bond { legs, mode }),
    ]
}

fn any_interface() -> impl Strategy<Value = DrawnInterface> {
    (
        words(),
        few(words()),
        (maybe(words()), maybe(words()), maybe(words()), maybe(words())),
        maybe(numbers()),
        maybe(any::<bool>()),
        any_device(),
        (any_impairment(), any_impairment(), any_impairment()),
    )
        .prop_map(
            |(segment, addresses, (name, mac, gateway, vrf), mtu, offload, device, (impairment, egress, ingress))| {
                DrawnInterface {
                    segment,
                    addresses,
                    name,
                    mac,
                    mtu,
                    offload,
                    gateway,
                    device,
                    vrf,
                    impairment,
                    egress,
                    ingress,
                }
            },
        )
}

fn any_host() -> impl Strategy<Value = DrawnHost> {
    let counts = prop_oneof![0usize..4, any::<usize>()];
    let routes = (words(), maybe(words())).prop_map(|(to, via)| DrawnRoute { to, via });
    let neighbours = (words(), words()).prop_map(|(address, mac)| DrawnNeighbour { address, mac });
    let source = (words(), words()).prop_map(|(segment, address)| DrawnSourceNat { segment, address });
    let forwards = (numbers(), words(), maybe(numbers())).prop_map(|(port, to, to_port)| DrawnPortForward {
        protocol: Transport::Udp,
        port,
        to,
        to_port,
    });
    (
        (words(), maybe(counts), any::<[bool; 3]>()),
        prop::collection::vec(any_interface(), 0..4),
        (few(routes), few(neighbours), few((words(), words()))),
        (few(words()), few(source), few(forwards)),
    )
        .prop_map(
            |(
                (name, count, [router, isolated, hairpin]),
                interfaces,
                (routes, neighbours, sysctls),
                (masquerade, source_nat, forwards),
            )| {
                DrawnHost {
                    name,
                    count,
                    role: if router { Role::Router } else { Role::Host },
                    isolated,
                    interfaces,
                    routes,
                    neighbours,
                    sysctls,
                    masquerade,
                    source_nat,
                    forwards,
                    hairpin,
                }
            },
        )
}

pub(crate) fn any_drawing() -> impl Strategy<Value = Drawing> {
    let leaf = (prop::collection::vec(any_segment(), 0..4), prop::collection::vec(any_host(), 0..4), any::<bool>())
        .prop_map(|(segments, hosts, routed)| Drawing {
            segments,
            hosts,
            nested: Vec::new(),
            routes: if routed { Routes::Automatic } else { Routes::None },
            needs: Vec::new(),
        })
        .boxed();
    leaf.clone().prop_recursive(2, 6, 2, move |inner| {
        let nested = (words(), few((words(), words())), prop::option::of(inner))
            .prop_map(|(name, shares, drawing)| DrawnNested { name, shares, drawing });
        (leaf.clone(), few(nested)).prop_map(|(drawing, nested)| Drawing { nested, ..drawing })
    })
}
