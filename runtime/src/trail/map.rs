//! What is where in a lab: which interface an index is, who has an address, what a segment is called.

use std::net::IpAddr;

use netns_test_topology::{MacAddr, SegmentKind};

use crate::host::Surroundings;
use crate::lab::Member;

/// The loopback in every namespace (`LOOPBACK_IFINDEX`).
pub(super) const LOOPBACK: u32 = 1;

/// What is where in a lab, as it is now.
#[derive(Clone, Copy)]
pub(super) struct Map<'a>(pub(super) &'a Surroundings);

impl<'a> Map<'a> {
    pub(super) fn host(self, host: usize) -> &'a str {
        self.0.plan.hosts[host].name.as_str()
    }

    /// The interfaces of a host that were drawn.
    fn interfaces(self, host: usize) -> impl Iterator<Item = Member> {
        (0..self.0.plan.hosts[host].interfaces.len()).map(move |nth| (host, nth))
    }

    pub(super) fn all_interfaces(self) -> impl Iterator<Item = Member> {
        (0..self.0.plan.hosts.len()).flat_map(move |host| self.interfaces(host))
    }

    /// The hosts on a segment, as it is now.
    pub(super) fn hosts_on(self, segment: usize) -> impl Iterator<Item = usize> {
        self.all_interfaces().filter(move |&member| self.segment_number(member) == segment).map(|(host, _)| host)
    }

    /// The interface with this index, if it was drawn.
    pub(super) fn member(self, host: usize, interface: u32) -> Option<Member> {
        self.interfaces(host).find(|&member| self.0.hub.index(member) == interface)
    }

    /// What an interface is called within its host.
    pub(super) fn interface(self, host: usize, interface: u32) -> String {
        match self.member(host, interface) {
            Some(member) => self.name(member).to_owned(),
            None if interface == LOOPBACK => "lo".to_owned(),
            None => format!("#{interface}"),
        }
    }

    /// What an interface that was drawn is called within its host.
    pub(super) fn name(self, (host, nth): Member) -> &'a str {
        self.0.plan.hosts[host].interfaces[nth].name.as_str()
    }

    /// `laptop:eth0`
    pub(super) fn place(self, host: usize, interface: u32) -> String {
        format!("{}:{}", self.host(host), self.interface(host, interface))
    }

    /// The interface's address as it was drawn.
    pub(super) fn mac(self, (host, nth): Member) -> [u8; 6] {
        self.0.plan.hosts[host].interfaces[nth].mac.0
    }

    /// The interfaces with this link-layer address.
    pub(super) fn with_mac(self, mac: [u8; 6]) -> impl Iterator<Item = Member> {
        self.all_interfaces().filter(move |&member| self.mac(member) == mac)
    }

    /// The interfaces that have been given an address, by the drawing or later; a program may have taken it away.
    pub(super) fn with_address(self, address: IpAddr) -> Vec<Member> {
        let of_host = |host: usize| {
            let interfaces = self.0.addresses_of(host);
            let has = move |interface: &Vec<_>| {
                interface.iter().any(|own: &netns_test_topology::IpNet| own.addr() == address)
            };
            interfaces.into_iter().enumerate().filter(move |(_, own)| has(own)).map(move |(nth, _)| (host, nth))
        };
        (0..self.0.plan.hosts.len()).flat_map(of_host).collect()
    }

    /// The segment that an interface is on, as it is now.
    pub(super) fn segment(self, member: Member) -> &'a str {
        self.0.plan.segments[self.segment_number(member)].name.as_str()
    }

    pub(super) fn segment_number(self, member: Member) -> usize {
        self.0.hub.segment_of(&self.0.plan, member)
    }

    /// The segment that frames of an interface cross in the end: what tunnels and VLANs are over.
    pub(super) fn ground(self, member: Member) -> usize {
        let mut segment = self.segment_number(member);
        while let Some(over) = self.0.plan.segments[segment].kind.over() {
            segment = over;
        }
        segment
    }

    /// The VLAN that an interface is in, if its segment is one: the segment it is over, and its number.
    pub(super) fn vlan(self, member: Member) -> Option<(usize, u16)> {
        match self.0.plan.segments[self.segment_number(member)].kind {
            SegmentKind::Vlan { id, over, .. } => Some((over, id)),
            _ => None,
        }
    }
}

/// As it is written.
pub(super) fn mac(address: [u8; 6]) -> MacAddr {
    MacAddr(address)
}
