//! What is built: by us and by the floor alike.

use std::net::{Ipv4Addr, Ipv6Addr};

use netns_test_topology::{Drawing, DrawnHost, DrawnInterface, DrawnSegment, Medium, Role, Routes};

/// What the hosts of a lab are joined by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Every two by a wire.
    Wires,
    /// All by one switch.
    Bridge,
    /// All but the last, a router, by two switches that it is between.
    Routed,
}

impl Shape {
    pub(crate) const ALL: [(&str, Self); 3] =
        [("wires", Self::Wires), ("bridge", Self::Bridge), ("routed", Self::Routed)];

    /// A lab of this shape.
    pub(crate) fn draw(self, hosts: usize) -> Drawing {
        match self {
            Self::Wires => Drawing {
                segments: (0..hosts / 2).map(wire).collect(),
                hosts: (0..hosts).map(|n| host(n, &[n / 2])).collect(),
                routes: Routes::None,
                ..Drawing::default()
            },
            Self::Bridge => Drawing {
                segments: vec![switch(0)],
                hosts: (0..hosts).map(|n| host(n, &[0])).collect(),
                ..Drawing::default()
            },
            Self::Routed => {
                let router = DrawnHost { role: Role::Router, ..host(hosts - 1, &[0, 1]) };
                let on_switches = (0..hosts - 1).map(|n| host(n, &[n % 2]));
                Drawing {
                    segments: vec![switch(0), switch(1)],
                    hosts: on_switches.chain([router]).collect(),
                    ..Drawing::default()
                }
            }
        }
    }
}

fn host(number: usize, segments: &[usize]) -> DrawnHost {
    let join = |segment: &usize| DrawnInterface { segment: format!("s{segment}"), ..DrawnInterface::default() };
    DrawnHost { name: format!("host{number}"), interfaces: segments.iter().map(join).collect(), ..DrawnHost::default() }
}

fn wire(number: usize) -> DrawnSegment {
    DrawnSegment { subnets: subnets(number, 29), medium: Medium::Veth, ..segment(number) }
}

fn switch(number: usize) -> DrawnSegment {
    DrawnSegment { subnets: subnets(number << 13, 16), ..segment(number) }
}

fn segment(number: usize) -> DrawnSegment {
    DrawnSegment { name: format!("s{number}"), ..DrawnSegment::default() }
}

/// An IPv4 subnet with this prefix length, the `number`-th of the smallest ones, and an IPv6 subnet.
fn subnets(number: usize, length: u8) -> Vec<String> {
    let v4 = Ipv4Addr::from_bits(0x0a00_0000 + 8 * u32::try_from(number).expect("few"));
    let v6 = Ipv6Addr::from_bits((0xfd00 << 112) + ((number as u128) << 64));
    vec![format!("{v4}/{length}"), format!("{v6}/64")]
}
