//! The ways from segment to segment through routers, in one family.
//!
//! A router that translates source addresses on a segment hides its others from there: whoever is on it does not know of a
//! way. What it translates on another segment, too, is a way from one outside to another, and not hidden.

use std::collections::VecDeque;

use super::network::{Family, Host, Member, Network};

/// All of them.
#[derive(Debug)]
pub(super) struct Paths {
    forwarders: Vec<Forwarder>,
    /// By segment: the routers on it, in the order in which they were drawn.
    doors: Vec<Vec<Door>>,
}

/// A router, or several that are alike; one that has VRFs is as many.
#[derive(Debug)]
struct Forwarder {
    host: usize,
    vrf: Option<usize>,
    count: usize,
    legs: Vec<Leg>,
}

/// Where a router is on a segment.
#[derive(Debug)]
struct Leg {
    interface: usize,
    segment: usize,
    /// Whether its other segments are hidden from this one.
    hides: bool,
}

/// A router as seen from a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Door {
    forwarder: usize,
    leg: usize,
}

/// The interfaces of a host that share a routing table, by the segments that they are on.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) vrf: Option<usize>,
    pub(super) segments: Vec<usize>,
    /// Indices of the interfaces, in the same order.
    pub(super) interfaces: Vec<usize>,
}

/// What is seen of a segment from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) segment: usize,
    /// The first router on the way there.
    pub(super) first: Door,
}

/// Who opens the way out of some segments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WayOut {
    Nobody,
    /// One router.
    One(Door),
    /// One router, which hides some of its segments: not everything is to be sent there.
    Outside,
    Several,
}

/// What a survey has come by.
#[derive(Debug)]
struct Marks {
    segments: Vec<bool>,
    /// How far each router has been opened.
    opened: Vec<Opened>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Opened {
    Not,
    /// To the segments on which it translates.
    Outside,
    /// To all of its segments.
    All,
}

/// The routing tables of a host in one family.
pub(super) fn tables(network: &Network<'_>, host: &Host<'_>, family: Family) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for (index, interface) in host.speaking().filter(|(_, i)| network.segments[i.segment].has(family)) {
        let vrf = interface.vrf;
        let table = tables.iter().position(|table| table.vrf == vrf).unwrap_or_else(|| {
            tables.push(Table { vrf, segments: Vec::new(), interfaces: Vec::new() });
            tables.len() - 1
        });
        tables[table].segments.push(interface.segment);
        tables[table].interfaces.push(index);
    }
    tables
}

impl Paths {
    pub(super) fn new(network: &Network<'_>, family: Family) -> Self {
        let mut doors = vec![Vec::new(); network.segments.len()];
        let mut forwarders = Vec::new();
        for (index, host) in network.hosts.iter().enumerate().filter(|(_, host)| host.is_router() && host.count > 0) {
            for table in tables(network, host, family) {
                let joins = table.segments.into_iter().zip(table.interfaces);
                let legs: Vec<_> = joins
                    .map(|(segment, interface)| Leg { interface, segment, hides: host.hides(interface, family) })
                    .collect();
                for (leg, joined) in legs.iter().enumerate() {
                    doors[joined.segment].push(Door { forwarder: forwarders.len(), leg });
                }
                forwarders.push(Forwarder { host: index, vrf: table.vrf, count: host.count, legs });
            }
        }
        Self { forwarders, doors }
    }

    /// The segments that are seen from these ones, nearest first: by the fewest routers and, of several ways, through the router
    /// that was drawn first. A router does not look through itself.
    pub(super) fn survey(&self, from: &[usize], viewer: Option<(usize, Option<usize>)>) -> Vec<Seen> {
        let mut marks = Marks {
            segments: vec![false; self.doors.len()],
            opened: self
                .forwarders
                .iter()
                .map(|f| if Some((f.host, f.vrf)) == viewer { Opened::All } else { Opened::Not })
                .collect(),
        };
        for &segment in from {
            marks.segments[segment] = true;
        }
        let mut nearest: Vec<Door> = from.iter().flat_map(|&segment| &self.doors[segment]).copied().collect();
        nearest.sort_by_key(|door| door.forwarder);
        let mut seen = Vec::new();
        let mut queue = VecDeque::new();
        for door in nearest {
            queue.extend(self.open(door, &mut marks).into_iter().map(|segment| Seen { segment, first: door }));
        }
        while let Some(next) = queue.pop_front() {
            seen.push(next);
            for &door in &self.doors[next.segment] {
                queue
                    .extend(self.open(door, &mut marks).into_iter().map(|segment| Seen { segment, first: next.first }));
            }
        }
        seen
    }

    /// The segments behind a router that have not been seen before.
    fn open(&self, door: Door, marks: &mut Marks) -> Vec<usize> {
        let Forwarder { legs, .. } = &self.forwarders[door.forwarder];
        let opened = if legs[door.leg].hides { Opened::Outside } else { Opened::All };
        let mut behind = Vec::new();
        if opened > marks.opened[door.forwarder] {
            marks.opened[door.forwarder] = opened;
            for leg in legs.iter().filter(|leg| opened == Opened::All || leg.hides) {
                if !std::mem::replace(&mut marks.segments[leg.segment], true) {
                    behind.push(leg.segment);
                }
            }
        }
        behind
    }

    /// Who opens a way from these segments to others.
    pub(super) fn way_out(&self, from: &[usize]) -> WayOut {
        let mut way: Option<Door> = None;
        for &door in from.iter().flat_map(|&segment| &self.doors[segment]).filter(|&&door| self.leads_out(door, from)) {
            way = match way {
                Some(known) if known.forwarder != door.forwarder => return WayOut::Several,
                Some(known) if !self.hides(known) => Some(known),
                _ => Some(door),
            };
        }
        match way {
            None => WayOut::Nobody,
            Some(door) if self.hides(door) => WayOut::Outside,
            Some(door) if self.forwarders[door.forwarder].count > 1 => WayOut::Several,
            Some(door) => WayOut::One(door),
        }
    }

    fn hides(&self, door: Door) -> bool {
        self.forwarders[door.forwarder].legs[door.leg].hides
    }

    fn leads_out(&self, door: Door, from: &[usize]) -> bool {
        let (legs, hides) = (&self.forwarders[door.forwarder].legs, self.hides(door));
        legs.iter().any(|leg| (leg.hides || !hides) && !from.contains(&leg.segment))
    }

    /// The interface of a router that is on the segment from which it is seen.
    pub(super) fn gateway(&self, door: Door) -> (Member, usize) {
        let Forwarder { host, legs, .. } = &self.forwarders[door.forwarder];
        let Leg { interface, segment, .. } = legs[door.leg];
        (Member { host: *host, interface }, segment)
    }
}

impl Host<'_> {
    /// Whether what it forwards through this interface has its own address there.
    fn hides(&self, interface: usize, family: Family) -> bool {
        let mut source = self.nat.source.iter();
        self.nat.masquerade.contains(&interface)
            || source.any(|&(leaving, address)| leaving == interface && Family::of(address) == family)
    }
}
