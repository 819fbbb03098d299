//! Whole implementations, as they would be written by hand.

#![expect(clippy::too_many_lines, reason = "a snapshot has as many as it has")]

use super::tokens;
use crate::derive::expand;

fn expansion(item: &str) -> String {
    prettyplease::unparse(&syn::parse2(expand(tokens(item))).expect("an expansion is made of items"))
}

#[test]
fn a_plain_topology() {
    let expansion = expansion(
        r#"
        /// A home behind a masquerading router.
        struct Home {
            #[segment("10.0.1.0/24", "fd00:1::/64")] lan: Segment,
            #[segment("203.0.113.0/24")] wan: Segment,
            #[host(lan)] laptop: Host,
            #[host(lan = "10.0.1.77")] printer: Host,
            #[router(lan, wan, masquerade = wan)] router: Host,
        }"#,
    );
    insta::assert_snapshot!(expansion, @r#"
    #[automatically_derived]
    impl ::netns_test::__private::Topology for Home {
        fn drawing() -> ::netns_test::__private::Drawing {
            ::netns_test::__private::Drawing {
                segments: ::core::convert::From::from([
                    ::netns_test::__private::DrawnSegment {
                        name: ::std::borrow::ToOwned::to_owned("lan"),
                        subnets: ::core::convert::From::from([
                            ::std::borrow::ToOwned::to_owned("10.0.1.0/24"),
                            ::std::borrow::ToOwned::to_owned("fd00:1::/64"),
                        ]),
                        ..::core::default::Default::default()
                    },
                    ::netns_test::__private::DrawnSegment {
                        name: ::std::borrow::ToOwned::to_owned("wan"),
                        subnets: ::core::convert::From::from([
                            ::std::borrow::ToOwned::to_owned("203.0.113.0/24"),
                        ]),
                        ..::core::default::Default::default()
                    },
                ]),
                hosts: ::core::convert::From::from([
                    ::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("laptop"),
                        count: <Host as ::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("lan"),
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                    ::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("printer"),
                        count: <Host as ::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("lan"),
                                addresses: ::core::convert::From::from([
                                    ::std::borrow::ToOwned::to_owned("10.0.1.77"),
                                ]),
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                    ::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("router"),
                        count: <Host as ::netns_test::__private::HostField>::COUNT,
                        role: ::netns_test::__private::Role::Router,
                        interfaces: ::core::convert::From::from([
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("lan"),
                                ..::core::default::Default::default()
                            },
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("wan"),
                                ..::core::default::Default::default()
                            },
                        ]),
                        masquerade: ::core::convert::From::from([
                            ::std::borrow::ToOwned::to_owned("wan"),
                        ]),
                        ..::core::default::Default::default()
                    },
                ]),
                ..::core::default::Default::default()
            }
        }
        fn bind(__netns_test_scope: &::netns_test::__private::Scope<'_>) -> Self {
            let __netns_test_topology = Self {
                lan: <Segment as ::netns_test::__private::SegmentField>::bind(
                    __netns_test_scope,
                    "lan",
                ),
                wan: <Segment as ::netns_test::__private::SegmentField>::bind(
                    __netns_test_scope,
                    "wan",
                ),
                laptop: <Host as ::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "laptop",
                ),
                printer: <Host as ::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "printer",
                ),
                router: <Host as ::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "router",
                ),
            };
            let _ = (
                &__netns_test_topology.lan,
                &__netns_test_topology.wan,
                &__netns_test_topology.laptop,
                &__netns_test_topology.printer,
                &__netns_test_topology.router,
            );
            __netns_test_topology
        }
    }
    "#);
}

#[test]
fn a_topology_with_everything() {
    let expansion = expansion(
        r#"
        #[topology(routes = "none", requires(vlan, program = "nft"), crate = ::testing::netns_test)]
        pub(crate) struct Net<const N: usize = 2> where Assert<N>: True {
            #[segment("10.0.1.0/24", mtu = 1400, offload = false, bridge(vlan_filtering = true, ageing = "300s"))]
            trunk: Segment,
            #[segment("10.10.0.0/24", vlan = 10, over = trunk, protocol = "802.1ad")] v10: Segment,
            #[host(trunk(address = "10.0.1.5", name = "uplink0", mac = "02:00:00:00:00:01", mtu = 1300, gateway = b,
                bond = 2, mode = "802.3ad", vrf = "blue"))]
            r#type: Host,
            #[router(trunk, v10, route("10.99.0.1", via = type), route("10.98.0.0/16"),
                neighbour("10.0.1.200" = "02:00:00:00:00:99"), sysctl("net.ipv4.ip_default_ttl" = 65),
                snat(v10 = "10.10.0.7"), forward(udp = 53, to = type, port = 5353), hairpin)]
            b: Host,
            #[host(alone)] _nobody: Host,
            #[host(trunk(macvlan))] clients: [Host; N],
            #[topology(uplink = trunk)] left: Site,
        }"#,
    );
    insta::assert_snapshot!(expansion, @r#"
    #[automatically_derived]
    impl<const N: usize> ::testing::netns_test::__private::Topology for Net<N>
    where
        Assert<N>: True,
    {
        fn drawing() -> ::testing::netns_test::__private::Drawing {
            ::testing::netns_test::__private::Drawing {
                segments: ::core::convert::From::from([
                    ::testing::netns_test::__private::DrawnSegment {
                        name: ::std::borrow::ToOwned::to_owned("trunk"),
                        subnets: ::core::convert::From::from([
                            ::std::borrow::ToOwned::to_owned("10.0.1.0/24"),
                        ]),
                        mtu: ::core::option::Option::Some(1400),
                        offload: ::core::option::Option::Some(false),
                        bridge: ::testing::netns_test::__private::DrawnBridge {
                            vlan_filtering: ::core::option::Option::Some(true),
                            ageing: ::core::option::Option::Some(
                                ::std::borrow::ToOwned::to_owned("300s"),
                            ),
                            ..::core::default::Default::default()
                        },
                        ..::core::default::Default::default()
                    },
                    ::testing::netns_test::__private::DrawnSegment {
                        name: ::std::borrow::ToOwned::to_owned("v10"),
                        subnets: ::core::convert::From::from([
                            ::std::borrow::ToOwned::to_owned("10.10.0.0/24"),
                        ]),
                        medium: ::testing::netns_test::__private::Medium::Vlan {
                            id: 10,
                            protocol: ::core::option::Option::Some(
                                ::std::borrow::ToOwned::to_owned("802.1ad"),
                            ),
                        },
                        over: ::core::option::Option::Some(
                            ::std::borrow::ToOwned::to_owned("trunk"),
                        ),
                        ..::core::default::Default::default()
                    },
                ]),
                hosts: ::core::convert::From::from([
                    ::testing::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("type"),
                        count: <Host as ::testing::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("trunk"),
                                addresses: ::core::convert::From::from([
                                    ::std::borrow::ToOwned::to_owned("10.0.1.5"),
                                ]),
                                name: ::core::option::Option::Some(
                                    ::std::borrow::ToOwned::to_owned("uplink0"),
                                ),
                                mac: ::core::option::Option::Some(
                                    ::std::borrow::ToOwned::to_owned("02:00:00:00:00:01"),
                                ),
                                mtu: ::core::option::Option::Some(1300),
                                gateway: ::core::option::Option::Some(
                                    ::std::borrow::ToOwned::to_owned("b"),
                                ),
                                device: ::testing::netns_test::__private::DrawnDevice::Bond {
                                    legs: 2,
                                    mode: ::core::option::Option::Some(
                                        ::std::borrow::ToOwned::to_owned("802.3ad"),
                                    ),
                                },
                                vrf: ::core::option::Option::Some(
                                    ::std::borrow::ToOwned::to_owned("blue"),
                                ),
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                    ::testing::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("b"),
                        count: <Host as ::testing::netns_test::__private::HostField>::COUNT,
                        role: ::testing::netns_test::__private::Role::Router,
                        interfaces: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("trunk"),
                                ..::core::default::Default::default()
                            },
                            ::testing::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("v10"),
                                ..::core::default::Default::default()
                            },
                        ]),
                        routes: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnRoute {
                                to: ::std::borrow::ToOwned::to_owned("10.99.0.1"),
                                via: ::core::option::Option::Some(
                                    ::std::borrow::ToOwned::to_owned("type"),
                                ),
                            },
                            ::testing::netns_test::__private::DrawnRoute {
                                to: ::std::borrow::ToOwned::to_owned("10.98.0.0/16"),
                                ..::core::default::Default::default()
                            },
                        ]),
                        neighbours: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnNeighbour {
                                address: ::std::borrow::ToOwned::to_owned("10.0.1.200"),
                                mac: ::std::borrow::ToOwned::to_owned("02:00:00:00:00:99"),
                            },
                        ]),
                        sysctls: ::core::convert::From::from([
                            (
                                ::std::borrow::ToOwned::to_owned("net.ipv4.ip_default_ttl"),
                                ::std::borrow::ToOwned::to_owned("65"),
                            ),
                        ]),
                        source_nat: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnSourceNat {
                                segment: ::std::borrow::ToOwned::to_owned("v10"),
                                address: ::std::borrow::ToOwned::to_owned("10.10.0.7"),
                            },
                        ]),
                        forwards: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnPortForward {
                                protocol: ::testing::netns_test::__private::Transport::Udp,
                                port: 53,
                                to: ::std::borrow::ToOwned::to_owned("type"),
                                to_port: ::core::option::Option::Some(5353),
                            },
                        ]),
                        hairpin: true,
                        ..::core::default::Default::default()
                    },
                    ::testing::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("nobody"),
                        count: <Host as ::testing::netns_test::__private::HostField>::COUNT,
                        isolated: true,
                        ..::core::default::Default::default()
                    },
                    ::testing::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("clients"),
                        count: <[Host; N] as ::testing::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::testing::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("trunk"),
                                device: ::testing::netns_test::__private::DrawnDevice::Macvlan,
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                ]),
                nested: ::core::convert::From::from([
                    ::testing::netns_test::__private::DrawnNested {
                        name: ::std::borrow::ToOwned::to_owned("left"),
                        shares: ::core::convert::From::from([
                            (
                                ::std::borrow::ToOwned::to_owned("uplink"),
                                ::std::borrow::ToOwned::to_owned("trunk"),
                            ),
                        ]),
                        drawing: ::core::option::Option::Some(
                            <Site as ::testing::netns_test::__private::Topology>::drawing(),
                        ),
                    },
                ]),
                routes: ::testing::netns_test::__private::Routes::None,
                needs: ::core::convert::From::from([
                    ::testing::netns_test::__private::Need::Feature(
                        ::testing::netns_test::__private::Feature::Vlan,
                    ),
                    ::testing::netns_test::__private::Need::Program("nft"),
                ]),
            }
        }
        fn bind(__netns_test_scope: &::testing::netns_test::__private::Scope<'_>) -> Self {
            let __netns_test_topology = Self {
                trunk: <Segment as ::testing::netns_test::__private::SegmentField>::bind(
                    __netns_test_scope,
                    "trunk",
                ),
                v10: <Segment as ::testing::netns_test::__private::SegmentField>::bind(
                    __netns_test_scope,
                    "v10",
                ),
                r#type: <Host as ::testing::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "type",
                ),
                b: <Host as ::testing::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "b",
                ),
                _nobody: <Host as ::testing::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "nobody",
                ),
                clients: <[Host; N] as ::testing::netns_test::__private::HostField>::bind(
                    __netns_test_scope,
                    "clients",
                ),
                left: <Site as ::testing::netns_test::__private::Topology>::bind(
                    &::testing::netns_test::__private::Scope::nested(
                        __netns_test_scope,
                        "left",
                        &[("uplink", "trunk")],
                    ),
                ),
            };
            let _ = (
                &__netns_test_topology.trunk,
                &__netns_test_topology.v10,
                &__netns_test_topology.r#type,
                &__netns_test_topology.b,
                &__netns_test_topology._nobody,
                &__netns_test_topology.clients,
                &__netns_test_topology.left,
            );
            __netns_test_topology
        }
    }
    "#);
}

#[test]
fn a_topology_with_bad_links() {
    let expansion = expansion(
        r#"
        struct Lines {
            #[segment(delay = "20ms", engine = "relay", pair(a, "b", loss = "1%"), path(c, a, limit = 5, rate = "1mbit"))] wan: Segment,
            #[host(wan(preset = "dsl", egress(rate = "1mbit"), ingress(mtu_black_hole = 1400)))] a: Host,
            #[host(wan)] b: Host,
            #[host(wan)] c: Host,
        }"#,
    );
    let drawing = expansion.split("fn bind").next().unwrap_or_default();
    insta::assert_snapshot!(drawing, @r#"
    #[automatically_derived]
    impl ::netns_test::__private::Topology for Lines {
        fn drawing() -> ::netns_test::__private::Drawing {
            ::netns_test::__private::Drawing {
                segments: ::core::convert::From::from([
                    ::netns_test::__private::DrawnSegment {
                        name: ::std::borrow::ToOwned::to_owned("wan"),
                        impairment: ::netns_test::__private::DrawnImpairment {
                            delay: ::core::option::Option::Some(
                                ::std::borrow::ToOwned::to_owned("20ms"),
                            ),
                            ..::core::default::Default::default()
                        },
                        engine: ::core::option::Option::Some(
                            ::std::borrow::ToOwned::to_owned("relay"),
                        ),
                        pairs: ::core::convert::From::from([
                            ::netns_test::__private::DrawnPair {
                                from: ::std::borrow::ToOwned::to_owned("a"),
                                to: ::std::borrow::ToOwned::to_owned("b"),
                                both_ways: true,
                                impairment: ::netns_test::__private::DrawnImpairment {
                                    loss: ::core::option::Option::Some(
                                        ::std::borrow::ToOwned::to_owned("1%"),
                                    ),
                                    ..::core::default::Default::default()
                                },
                            },
                            ::netns_test::__private::DrawnPair {
                                from: ::std::borrow::ToOwned::to_owned("c"),
                                to: ::std::borrow::ToOwned::to_owned("a"),
                                impairment: ::netns_test::__private::DrawnImpairment {
                                    rate: ::core::option::Option::Some(
                                        ::std::borrow::ToOwned::to_owned("1mbit"),
                                    ),
                                    limit: ::core::option::Option::Some(5),
                                    ..::core::default::Default::default()
                                },
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                ]),
                hosts: ::core::convert::From::from([
                    ::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("a"),
                        count: <Host as ::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("wan"),
                                impairment: ::netns_test::__private::DrawnImpairment {
                                    preset: ::core::option::Option::Some(
                                        ::std::borrow::ToOwned::to_owned("dsl"),
                                    ),
                                    ..::core::default::Default::default()
                                },
                                egress: ::netns_test::__private::DrawnImpairment {
                                    rate: ::core::option::Option::Some(
                                        ::std::borrow::ToOwned::to_owned("1mbit"),
                                    ),
                                    ..::core::default::Default::default()
                                },
                                ingress: ::netns_test::__private::DrawnImpairment {
                                    mtu_black_hole: ::core::option::Option::Some(1400),
                                    ..::core::default::Default::default()
                                },
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                    ::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("b"),
                        count: <Host as ::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("wan"),
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                    ::netns_test::__private::DrawnHost {
                        name: ::std::borrow::ToOwned::to_owned("c"),
                        count: <Host as ::netns_test::__private::HostField>::COUNT,
                        interfaces: ::core::convert::From::from([
                            ::netns_test::__private::DrawnInterface {
                                segment: ::std::borrow::ToOwned::to_owned("wan"),
                                ..::core::default::Default::default()
                            },
                        ]),
                        ..::core::default::Default::default()
                    },
                ]),
                ..::core::default::Default::default()
            }
        }
    "#);
}

#[test]
fn a_topology_without_fields() {
    let expansion = expansion("struct Nothing {}");
    insta::assert_snapshot!(expansion, @r#"
    #[automatically_derived]
    impl ::netns_test::__private::Topology for Nothing {
        fn drawing() -> ::netns_test::__private::Drawing {
            ::netns_test::__private::Drawing {
                ..::core::default::Default::default()
            }
        }
        fn bind(_: &::netns_test::__private::Scope<'_>) -> Self {
            Self {}
        }
    }
    "#);
}

#[test]
fn a_wrong_topology_has_an_implementation_too() {
    let expansion = expansion(
        r#"
        struct Broken<T, const N: usize> {
            #[segment("10.0.1.0/33", mtuu = 1)] lan: Segment,
            #[host(lan)] a: Host,
        }"#,
    );
    insta::assert_snapshot!(expansion, @r#"
    ::core::compile_error! {
        "a topology cannot have type parameters\nnote: `const` parameters are possible, for the lengths of arrays"
    }
    ::core::compile_error! {
        "unknown option `mtuu`; did you mean `mtu`?\nnote: valid options are `mtu`, `offload`, `bridge`, `veth`, `dummy`, `vlan`, `protocol`, `vni`, `wireguard`, `gre`, `ipip`, `over`, `pair`, `path`, `engine`, `preset`, `delay`, `jitter`, `distribution`, `loss`, `duplicate`, `reorder`, `corrupt`, `rate`, `limit`, `mtu_black_hole`"
    }
    ::core::compile_error! {
        "segment `lan`: `10.0.1.0/33` is not a subnet\nhelp: write an address and a prefix length, for example `10.0.0.0/24` or `fd00::/64`"
    }
    #[automatically_derived]
    impl<T, const N: usize> ::netns_test::__private::Topology for Broken<T, N> {
        fn drawing() -> ::netns_test::__private::Drawing {
            ::core::unreachable!()
        }
        fn bind(_: &::netns_test::__private::Scope<'_>) -> Self {
            ::core::unreachable!()
        }
    }
    "#);
}
