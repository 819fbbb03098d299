//! Causes between two hosts: a cable that is out, an interface that is down, a frame that is too long or for nobody.

use std::net::IpAddr;

use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags};

use super::{Cause, Leg, Scene, describe, is_out};
use crate::lab::{Member, Netlink, with_netlink};
use crate::trail::map;
use crate::trail::way::Sighting;

/// What a host's kernel says of one of its interfaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    up: bool,
    carrier: bool,
    pub(super) mtu: Option<u32>,
}

impl Scene<'_> {
    pub(super) fn link_of(&self, host: usize, interface: u32) -> Option<Link> {
        let of = self.host(host)?;
        let mut found = None;
        let read = |netlink: &mut Netlink| {
            netlink.links(&[interface], |link| {
                let mtu = link.attributes.iter().find_map(|attribute| match attribute {
                    LinkAttribute::Mtu(mtu) => Some(*mtu),
                    _ => None,
                });
                let has = |flag| link.header.flags.contains(flag);
                found = Some(Link { up: has(LinkFlags::Up), carrier: has(LinkFlags::LowerUp), mtu });
            })
        };
        with_netlink(of.netns(), self.map.host(host), read).ok()?;
        found
    }

    /// What is wrong with a link, if nothing can cross it.
    pub(super) fn link_trouble(&self, member: Member) -> Option<String> {
        let interface = self.map.0.hub.index(member);
        let place = self.map.place(member.0, interface);
        let Some(link) = self.link_of(member.0, interface) else {
            return Some(format!("{place} is gone"));
        };
        if !link.up {
            return Some(format!("{place} is down"));
        }
        (!link.carrier).then(|| format!("{place} has no carrier: its cable is unplugged, or its other end is down"))
    }

    /// An interface that a host would send by cannot send.
    pub(super) fn no_link(&self, host: usize, interface: u32) -> Option<Cause> {
        let trouble = self.link_trouble(self.map.member(host, interface)?)?;
        Some(Cause::new(format!(
            "it would leave {} by {}: {trouble}",
            self.map.host(host),
            self.map.interface(host, interface)
        )))
    }

    /// What is done to the frames of a segment, if anything is.
    pub(super) fn weather_of(&self, segment: usize) -> Option<String> {
        let surroundings = self.question.from.surroundings();
        surroundings.impairments.describe_segment(surroundings, segment)
    }

    /// What is done to frames of the segment that a host sends to an address by: the kernel does it before they leave.
    pub(super) fn lost_on_its_way_out(&self, host: usize, to: IpAddr) -> Option<Cause> {
        let way_out = self.way_to(host, to)?.ok()?.interface;
        let member = self.map.member(host, way_out)?;
        let weather = self.weather_of(self.map.segment_number(member))?;
        let (name, segment, place) = (self.map.host(host), self.map.segment(member), self.map.place(host, way_out));
        Some(Cause::new(format!(
            "it died in {name} before it left {place}, most likely by what is done to frames on `{segment}`: {weather}"
        )))
    }

    /// It has left an interface, and has not come in anywhere.
    pub(super) fn lost_on_the_link(&self, leg: Leg, last: &Sighting) -> Cause {
        debug_assert!(is_out(last), "it has left");
        let it = leg.name();
        let place = self.map.place(last.host, last.interface);
        let Some(sender) = self.map.member(last.host, last.interface) else {
            return Cause::unknown(format!("{it} left {place} and came in nowhere"));
        };
        let segment = self.map.segment(sender);
        let gone = |why: String| Cause::new(format!("{it} was lost on `{segment}` after it left {place}: {why}"));
        if let Some(trouble) = self.link_trouble(sender) {
            return gone(trouble);
        }
        // To a group it is to nobody in particular.
        let to = last.to_mac.filter(|mac| mac[0] & 1 == 0).map(|mac| (mac, self.map.with_mac(mac).collect::<Vec<_>>()));
        if let Some((mac, owners)) = &to {
            let Some(&owner) = owners.first() else {
                return gone(format!("it is for {}, which no interface was drawn with", map::mac(*mac)));
            };
            if let Some(trouble) = self.link_trouble(owner) {
                return gone(trouble);
            }
            let (ours, theirs) = (self.map.segment_number(sender), self.map.segment_number(owner));
            let is_over = |segment, other| self.map.ground(segment) == other;
            if ours != theirs && !is_over(owner, ours) && !is_over(sender, theirs) {
                return self.other_segment(&gone, sender, owner);
            }
            let receiver = self.map.0.hub.index(owner);
            let mtu = self.link_of(owner.0, receiver).and_then(|link| link.mtu);
            if let Some(mtu) = mtu.filter(|mtu| last.ip.length > *mtu as usize) {
                let name = self.map.place(owner.0, receiver);
                return gone(format!("it is {} bytes long, and {name} takes {mtu}", last.ip.length));
            }
            if let Some(filtered) = self.filtered_by_the_switch(sender, last.tag, owners) {
                return gone(filtered);
            }
        }
        if let Some(weather) = self.weather_of(self.map.segment_number(sender)) {
            return gone(format!("most likely by what is done to frames there: {weather}"));
        }
        // Whoever it was for may have counted it.
        let host = to.and_then(|(_, owners)| owners.first().copied()).map_or(last.host, |(host, _)| host);
        self.unknown(host, format!("{it} ({}) left {place} and came in nowhere on `{segment}`", describe(&last.ip)))
    }

    fn other_segment(&self, gone: &dyn Fn(String) -> Cause, sender: Member, owner: Member) -> Cause {
        let whose = self.map.place(owner.0, self.map.0.hub.index(owner));
        let there = self.map.segment(owner);
        match self.map.vlan(sender).zip(self.map.vlan(owner)) {
            Some(((_, ours), (_, theirs))) => {
                gone(format!("it is in the VLAN {ours}, and {whose} is in the VLAN {theirs} (`{there}`)"))
            }
            None => gone(format!("it is for {whose}, which is on `{there}`")),
        }
    }
}
