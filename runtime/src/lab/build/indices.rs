//! The kernel's indices of our interfaces: different ones all over the lab, so that a message with one is about one thing.

use netns_test_topology::Plan;

/// Index of the loopback in every namespace (`LOOPBACK_IFINDEX`).
pub(super) const LOOPBACK: u32 = 1;

/// Where our indices begin: above those of fallback devices, which some kernels put into every new namespace.
const FIRST: u32 = 100;

/// The most legs of a bond; the rules allow no more.
const LEGS: u32 = 16;

/// What the macvlans, or the ipvlans, of a switch stand on: a device that can carry only one of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::lab) enum Uplink {
    Mac,
    Ip,
}

/// The kernel's indices of our interfaces.
#[derive(Debug)]
pub(in crate::lab) struct Indices {
    /// Number of the first interface of each host, and of all interfaces at the end.
    first: Vec<u32>,
    segments: u32,
}

impl Indices {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut first = vec![0];
        for host in &plan.hosts {
            first.push(first[first.len() - 1] + small(host.interfaces.len()));
        }
        Self { first, segments: small(plan.segments.len()) }
    }

    /// The number of an interface among all of the lab.
    pub(super) fn number(&self, host: usize, interface: usize) -> u32 {
        self.first[host] + small(interface)
    }

    /// How many interfaces the hosts have.
    pub(super) fn all(&self) -> u32 {
        self.first[self.first.len() - 1]
    }

    /// An interface of a host.
    pub(in crate::lab) fn interface(&self, host: usize, interface: usize) -> u32 {
        FIRST + self.number(host, interface)
    }

    /// The port of a switch that an interface is plugged into.
    pub(super) fn port(&self, host: usize, interface: usize) -> u32 {
        self.interface(host, interface) + self.all()
    }

    /// The switch of a segment.
    pub(in crate::lab) fn switch(&self, segment: usize) -> u32 {
        FIRST + 2 * self.all() + small(segment)
    }

    /// The device that macvlans or ipvlans of a segment stand on.
    pub(in crate::lab) fn uplink(&self, segment: usize, kind: Uplink) -> u32 {
        self.uplink_port(segment, kind) + 1
    }

    /// The port of the switch that this device is plugged into.
    pub(super) fn uplink_port(&self, segment: usize, kind: Uplink) -> u32 {
        self.switch(0) + self.segments + 4 * small(segment) + 2 * u32::from(kind == Uplink::Ip)
    }

    /// A leg of a bond, counted from 0.
    pub(in crate::lab) fn leg(&self, host: usize, interface: usize, leg: u32) -> u32 {
        self.leg_port(host, interface, leg) + 1
    }

    /// The port of the switch that a leg is plugged into.
    pub(super) fn leg_port(&self, host: usize, interface: usize, leg: u32) -> u32 {
        self.switch(0) + 5 * self.segments + 2 * (LEGS * self.number(host, interface) + leg)
    }

    /// A VRF of a host; it has no more of them than interfaces.
    pub(super) fn vrf(&self, host: usize, vrf: usize) -> u32 {
        self.switch(0) + 5 * self.segments + 2 * LEGS * self.all() + self.number(host, vrf)
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a lab has few")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use netns_test_topology::Lan;

    use super::*;

    #[test]
    fn no_two_devices_have_the_same_index() {
        let plan = Lan { hosts: &["a", "b", "c"], veth: true, ..Lan::default() }.plan().unwrap();
        let indices = Indices::of(&plan);
        let of_host = |host| {
            let legs = (0..LEGS).flat_map(move |leg| [(0, leg), (1, leg)]);
            let legs = legs.map(|(end, leg)| [Indices::leg, Indices::leg_port][end](&indices, host, 0, leg));
            let own = [indices.interface(host, 0), indices.port(host, 0), indices.vrf(host, 0)];
            own.into_iter().chain(legs).collect::<Vec<_>>()
        };
        let uplinks = [Uplink::Mac, Uplink::Ip];
        let uplinks = uplinks.iter().flat_map(|&kind| [indices.uplink(0, kind), indices.uplink_port(0, kind)]);
        let all: Vec<_> = (0..3).flat_map(of_host).chain([indices.switch(0)]).chain(uplinks).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
        assert!(all.iter().all(|index| *index >= FIRST));
    }
}
