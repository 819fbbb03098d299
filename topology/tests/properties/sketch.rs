//! Drawings that are mostly right.

use netns_test_topology::*;
use proptest::prelude::*;

use crate::common::{self, *};

/// A drawing that is mostly right: segments with subnets of their own, hosts, and routers that join them.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    segments: Vec<SegmentSketch>,
    hosts: Vec<HostSketch>,
    routers: Vec<RouterSketch>,
    shuffle: u8,
}

#[derive(Clone, Debug)]
struct SegmentSketch {
    families: u8,
    small: bool,
    home: bool,
    second: bool,
    /// In milliseconds.
    delay: Option<u8>,
    vlan_over: Option<u8>,
    /// An earlier one to which a router leads.
    next_to: Option<u8>,
}

#[derive(Clone, Debug)]
struct HostSketch {
    on: Vec<u8>,
    count: Option<usize>,
    address: Option<u8>,
    device: u8,
    vrf: bool,
}

#[derive(Clone, Debug)]
struct RouterSketch {
    on: Vec<u8>,
    masquerade: u8,
    source: Option<u8>,
    count: Option<usize>,
    vrf: u8,
}

pub(crate) fn sketches() -> impl Strategy<Value = Sketch> {
    let rarely = || prop::bool::weighted(0.1);
    let families = prop_oneof![2 => Just(1u8), 1 => Just(2u8), 5 => Just(3u8)];
    let vlan_over = prop::option::weighted(0.15, any::<u8>());
    let next_to = prop::option::weighted(0.85, any::<u8>());
    let delay = prop::option::weighted(0.1, any::<u8>());
    let segment = (families, rarely(), rarely(), rarely(), delay, vlan_over, next_to).prop_map(
        |(families, small, home, second, delay, vlan_over, next_to)| SegmentSketch {
            families,
            small,
            home,
            second,
            delay,
            vlan_over,
            next_to,
        },
    );
    let on = || prop::collection::vec(any::<u8>(), 1..3);
    let count = || prop::option::weighted(0.2, 0usize..4);
    let host = (on(), count(), prop::option::weighted(0.2, any::<u8>()), any::<u8>(), rarely())
        .prop_map(|(on, count, address, device, vrf)| HostSketch { on, count, address, device, vrf });
    let masquerade = prop_oneof![3 => Just(0u8), 2 => any::<u8>()];
    let source = prop::option::weighted(0.1, any::<u8>());
    let vrf = prop_oneof![9 => Just(0u8), 1 => any::<u8>()];
    let router =
        (prop::collection::vec(any::<u8>(), 2..4), masquerade, source, prop::option::weighted(0.1, 1usize..3), vrf)
            .prop_map(|(on, masquerade, source, count, vrf)| RouterSketch { on, masquerade, source, count, vrf });
    let segments = prop::collection::vec(segment, 1..7);
    let hosts = prop::collection::vec(host, 1..8);
    (segments, hosts, prop::collection::vec(router, 0..8), any::<u8>())
        .prop_map(|(segments, hosts, routers, shuffle)| Sketch { segments, hosts, routers, shuffle })
}

impl Sketch {
    pub(crate) fn draw(&self) -> Drawing {
        let segments: Vec<_> = (0..self.segments.len()).map(|n| self.segment(n)).collect();
        let mut hosts: Vec<_> = (0..self.hosts.len()).map(|n| self.host(n)).collect();
        hosts.extend((0..self.routers.len()).map(|n| self.router(n)).filter(|router| router.interfaces.len() > 1));
        for (n, segment) in self.segments.iter().enumerate() {
            if let Some(other) = segment.next_to.filter(|_| n > 0) {
                let other = u8::try_from(usize::from(other) % n).unwrap();
                let interfaces = self.joins(&[u8::try_from(n).unwrap(), other]);
                hosts.push(DrawnHost { role: Role::Router, ..host_with(&format!("next{n}"), interfaces) });
            }
            let is_on = |host: &DrawnHost| host.interfaces.iter().any(|interface| interface.segment == format!("s{n}"));
            if !hosts.iter().any(is_on) {
                hosts.push(host_with(&format!("only{n}"), self.joins(&[u8::try_from(n).unwrap()])));
            }
        }
        let length = hosts.len();
        hosts.rotate_left(usize::from(self.shuffle) % length);
        draw(segments, hosts)
    }

    fn has_v4(&self, segment: usize) -> bool {
        let SegmentSketch { families, small, home, .. } = self.segments[segment];
        families & 1 != 0 && !small && !home
    }

    fn segment(&self, n: usize) -> DrawnSegment {
        let SegmentSketch { families, small, home, second, delay, vlan_over, .. } = self.segments[n];
        let mut subnets = Vec::new();
        if families & 1 != 0 {
            subnets.push(match (home, small) {
                (true, _) => "192.168.1.0/24".to_owned(),
                (_, true) => format!("10.{n}.0.0/28"),
                _ => format!("10.{n}.0.0/24"),
            });
        }
        if families & 2 != 0 {
            subnets.push(if small { format!("fd00:{n}::/124") } else { format!("fd00:{n}::/64") });
        }
        if second {
            subnets.push(format!("10.{n}.128.0/24"));
        }
        let drawn = DrawnSegment { name: format!("s{n}"), subnets, ..DrawnSegment::default() };
        let delay = delay.map(|delay| format!("{delay}ms"));
        match vlan_over {
            Some(lower) if n > 0 => DrawnSegment {
                medium: vlan(u32::try_from(n).unwrap()),
                over: Some(format!("s{}", usize::from(lower) % n)),
                ..drawn
            },
            _ => DrawnSegment { impairment: DrawnImpairment { delay, ..DrawnImpairment::new() }, ..drawn },
        }
    }

    /// Interfaces on these segments and those that they are over.
    fn joins(&self, on: &[u8]) -> Vec<DrawnInterface> {
        let mut segments: Vec<usize> = Vec::new();
        for &first in on {
            let mut next = Some(usize::from(first) % self.segments.len());
            while let Some(segment) = next.filter(|segment| !segments.contains(segment)) {
                segments.push(segment);
                next =
                    self.segments[segment].vlan_over.filter(|_| segment > 0).map(|lower| usize::from(lower) % segment);
            }
        }
        segments.iter().map(|n| common::on(&format!("s{n}"))).collect()
    }

    fn host(&self, n: usize) -> DrawnHost {
        let HostSketch { on, count, address, device, vrf } = &self.hosts[n];
        let mut interfaces = self.joins(on);
        let first = &mut interfaces[0];
        first.vrf = vrf.then(|| "blue".into());
        let segment = usize::from(on[0]) % self.segments.len();
        if segment == 0 || self.segments[segment].vlan_over.is_none() {
            first.device = match device {
                0..10 => DrawnDevice::Tap,
                10..20 => DrawnDevice::Ipvlan,
                20..30 => DrawnDevice::Macvlan,
                30..40 => DrawnDevice::Bond { legs: 2, mode: None },
                _ => DrawnDevice::Plain,
            };
            if *device > 200 {
                first.egress = delay();
            }
        }
        if let Some(last) = address.filter(|_| self.has_v4(segment)) {
            first.addresses.push(format!("10.{segment}.0.{last}"));
        }
        DrawnHost { count: *count, ..host_with(&format!("h{n}"), interfaces) }
    }

    fn router(&self, n: usize) -> DrawnHost {
        let RouterSketch { on, masquerade, source, count, vrf } = &self.routers[n];
        let mut interfaces = self.joins(on);
        for (bit, interface) in interfaces.iter_mut().enumerate() {
            interface.vrf = (vrf >> bit & 1 == 1).then(|| "red".into());
        }
        let names = interfaces.iter().map(|interface| interface.segment.clone());
        let masquerade =
            names.enumerate().filter(|(bit, _)| masquerade >> bit & 1 == 1).map(|(_, name)| name).collect();
        let segment = usize::from(on[0]) % self.segments.len();
        let source = source.filter(|_| self.has_v4(segment));
        let address =
            |last| DrawnSourceNat { segment: format!("s{segment}"), address: format!("10.{segment}.0.{last}") };
        let source_nat = source.map(address).into_iter().collect();
        let role = Role::Router;
        DrawnHost { role, masquerade, source_nat, count: *count, ..host_with(&format!("r{n}"), interfaces) }
    }
}
