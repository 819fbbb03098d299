//! Causes in the tags of frames: an interface is in another VLAN than whoever it is to hear, or a port of a switch does not carry it.

use std::net::IpAddr;

use netns_test_topology::SegmentKind;

use super::Scene;
use crate::kernel::{self, PortVlan, VlanLink};
use crate::lab::Member;

/// Where an interface is plugged in, and with which tag its frames are there.
struct Plug {
    port: u32,
    tag: Option<u16>,
    /// `left:eth0`
    place: String,
}

impl Scene<'_> {
    /// Why a switch that filters VLANs passes nothing on from one interface to any of others, which are one host's. `tag` is that of a frame, where it was seen last.
    pub(super) fn filtered_by_the_switch(&self, from: Member, tag: Option<u16>, to: &[Member]) -> Option<String> {
        let ground = self.map.ground(from);
        if !self.filters_vlans(ground) {
            return None;
        }
        let mut from = self.plug(from)?;
        // An interface of a VLAN adds its own.
        from.tag = from.tag.or(tag);
        let to = to.iter().filter(|to| self.map.ground(**to) == ground).filter_map(|to| self.plug(*to));
        let to = to.min_by_key(|plug| plug.tag != from.tag)?;
        self.not_passed_on(ground, &from, &to)
    }

    fn filters_vlans(&self, segment: usize) -> bool {
        matches!(&self.map.0.plan.segments[segment].kind, SegmentKind::Switch(bridge) if bridge.vlan_filtering)
    }

    /// Why the switch of a segment does not pass on what comes in at one plug to another, so that it is taken there.
    fn not_passed_on(&self, segment: usize, from: &Plug, to: &Plug) -> Option<String> {
        let segment = &self.map.0.plan.segments[segment];
        let of_ports = self.map.0.hub.inside(|| Ok(kernel::port_vlans())).ok()?.ok()?;
        let none = Vec::new();
        let [ours, theirs] = [from, to].map(|plug| of_ports.get(&plug.port).unwrap_or(&none));
        let switch = format!("the switch of `{}`", segment.name);
        let id = match from.tag {
            Some(tag) if ours.iter().any(|vlan| vlan.id == tag) => tag,
            Some(tag) => {
                return Some(format!("{switch} does not take the VLAN {tag} from {}, but {}", from.place, list(ours)));
            }
            None => match ours.iter().find(|vlan| vlan.is_pvid) {
                Some(vlan) => vlan.id,
                None => return Some(format!("{switch} takes nothing from {} that has no tag", from.place)),
            },
        };
        let (ours, place) = (&from.place, &to.place);
        match (theirs.iter().find(|vlan| vlan.id == id), to.tag) {
            (None, _) => Some(format!("{switch} has {ours} in the VLAN {id}, and carries to {place} {}", list(theirs))),
            (Some(vlan), Some(tag)) if vlan.is_untagged || tag != id => {
                let tagged = if vlan.is_untagged { "without a tag" } else { "with its own" };
                Some(format!("{switch} passes the VLAN {id} on to {place} {tagged}, which takes the VLAN {tag}"))
            }
            (Some(vlan), None) if !vlan.is_untagged => {
                Some(format!("{switch} passes the VLAN {id} on to {place} with its tag, which takes none"))
            }
            _ => None,
        }
    }

    fn plug(&self, (host, nth): Member) -> Option<Plug> {
        let interfaces = &self.map.0.plan.hosts[host].interfaces;
        let (mut at, mut tag) = (nth, None);
        while let Some(lower) = interfaces[at].lower {
            // The outermost tag is that of the lowest.
            tag = self.map.vlan((host, at)).map(|(_, id)| id);
            at = lower;
        }
        let port = *self.map.0.hub.cables(&self.map.0.plan, (host, at)).ok()?.first()?;
        Some(Plug { port, tag, place: format!("{}:{}", self.map.host(host), self.map.name((host, at))) })
    }

    /// Where a host is plugged in to a segment, with another tag than was drawn. Of those who have two nothing is known.
    fn plug_with(&self, host: usize, ground: usize, tag: Option<u16>) -> Option<Plug> {
        let interfaces = &self.map.0.plan.hosts[host].interfaces;
        let has_one = |nth: &usize| interfaces[*nth].lower.is_none() && self.map.ground((host, *nth)) == ground;
        let mut plugged = (0..interfaces.len()).filter(has_one);
        let nth = plugged.next().filter(|_| plugged.next().is_none())?;
        Some(Plug { tag, ..self.plug((host, nth))? })
    }

    /// Who has an address has it in another VLAN than the one it is looked for in, as both are now. A switch that filters may have the port of one in the VLAN of
    /// the other, whose interface adds a tag. A link that is down comes first.
    pub(super) fn in_another_vlan(&self, asker: (usize, u32), owner: Member, address: IpAddr) -> Option<String> {
        let links = |host| self.in_host(host, kernel::vlan_links).and_then(Result::ok).unwrap_or_default();
        let ground = self.map.ground(owner);
        let (drawn, owner) = (owner, owner.0);
        let (ours, theirs) = (links(asker.0), links(owner));
        let here = ours.iter().find(|link| link.index == asker.1)?;
        let there = theirs.iter().find(|link| link.addresses.contains(&address) && link.name != "lo")?;
        let place = |host, link: &VlanLink| format!("{}:{}", self.map.host(host), link.name);
        if there.index == self.map.0.hub.index(drawn) && self.link_trouble(drawn).is_some() {
            return None;
        }
        if self.filters_vlans(ground) && here.id.is_none() != there.id.is_none() {
            let plug = |host, link: &VlanLink| self.plug_with(host, ground, link.id);
            let (from, to) = (plug(asker.0, here)?, plug(owner, there)?);
            let why = self.not_passed_on(ground, &from, &to)?;
            return Some(format!("{address} is {}, which has not heard the question: {why}", place(owner, there)));
        }
        let vlan = |link: &VlanLink| link.id.map_or("no VLAN".to_owned(), |id| format!("the VLAN {id}"));
        (here.id != there.id).then(|| {
            format!(
                "{address} is {}, in {}; {} is in {}",
                place(owner, there),
                vlan(there),
                place(asker.0, here),
                vlan(here)
            )
        })
    }
}

fn list(vlans: &[PortVlan]) -> String {
    match vlans.iter().map(|vlan| vlan.id.to_string()).collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "none".to_owned(),
        ids => format!("the VLAN {ids}"),
    }
}
