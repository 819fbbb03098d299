//! Whether every host can reach every other, with routes that follow from the drawing.
//!
//! What a router hides counts as connected: that somebody cannot begin to talk to another is what hiding is for.

use std::collections::{HashMap, HashSet};

use super::network::{Family, Host, Network};
use super::report::Report;
use crate::{HostPart, Routes};

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    // What joins segments may have been misspelled.
    if network.routes == Routes::None || network.joints_in_doubt {
        return;
    }
    let views = Views::new(network);
    if !views.have_one_in_common() {
        views.report(network, report);
    }
}

/// Which parts of the network hosts are in, one after the other and without repetition.
struct Views(Vec<View>);

struct View {
    /// The first host that has it.
    host: usize,
    /// Parts that are connected, of either family.
    parts: Vec<usize>,
}

impl Views {
    fn new(network: &Network<'_>) -> Self {
        let mut connected = Families::new(network);
        let mut known = HashSet::new();
        let mut views = Vec::new();
        for (index, host) in network.hosts.iter().enumerate() {
            if host.count == 0 || host.interfaces_in_doubt {
                continue;
            }
            let view = connected.view(network, host);
            // Without an address it cannot be reached, and is not meant to.
            if !view.is_empty() && known.insert(view.clone()) {
                views.push(View { host: index, parts: view });
            }
        }
        Self(views)
    }

    fn have_one_in_common(&self) -> bool {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        self.0.iter().flat_map(|view| &view.parts).for_each(|&part| *counts.entry(part).or_default() += 1);
        self.0.is_empty() || counts.into_values().any(|count| count == self.0.len())
    }

    /// One complaint for each island, at its first host; and one for each kind of hosts within an island that others cannot reach.
    fn report(&self, network: &Network<'_>, report: &mut Report) {
        let mut islands = Sets::default();
        for view in &self.0 {
            view.parts.windows(2).for_each(|pair| islands.join(pair[0], pair[1]));
        }
        let mut on: HashMap<usize, Vec<&View>> = HashMap::new();
        let first = &self.0[0];
        for view in &self.0 {
            let island = on.entry(islands.find(view.parts[0])).or_default();
            let unreachable = match island.first() {
                Some(_) => island.iter().find(|other| !other.meets(view)).copied(),
                None => Some(first).filter(|first| first.host != view.host),
            };
            if let Some(other) = unreachable {
                complain(network, view.host, other.host, report);
            }
            island.push(view);
        }
    }
}

impl View {
    fn meets(&self, other: &Self) -> bool {
        self.parts.iter().any(|part| other.parts.binary_search(part).is_ok())
    }
}

fn complain(network: &Network<'_>, host: usize, other: usize, report: &mut Report) {
    let name = &network.hosts[other].name;
    let (here, there) = (first_segment(network, host), first_segment(network, other));
    let mut physical = Connected::new(network, |_| true);
    let joined = matches!((here, there), (Some(here), Some(there)) if physical.same(here, there));
    let message = if joined {
        format!("it cannot reach `{name}`: they have no address family in common")
    } else {
        format!("it cannot reach `{name}`: no router is between their segments")
    };
    let complaint = network.about_host(host, HostPart::Whole, &message);
    let apart = "`#[topology(routes = \"none\")]` is for networks that are meant to be apart";
    let names = [there, here].map(|segment| segment.filter(|&segment| network.segments[segment].scope == 0));
    report.add(complaint.help(match names {
        [Some(there), Some(here)] if !joined => {
            let [there, here] = [there, here].map(|segment| &network.segments[segment].name);
            format!("join them, `#[router({there}, {here})] router: Host`; {apart}")
        }
        _ => apart.to_owned(),
    }));
}

fn first_segment(network: &Network<'_>, host: usize) -> Option<usize> {
    let mut segments = network.hosts[host].speaking().map(|(_, interface)| interface.segment);
    segments.find(|&segment| may_have(network, segment, Family::V4) || may_have(network, segment, Family::V6))
}

/// Whether a segment has a family, or may have it in what was refused.
fn may_have(network: &Network<'_>, segment: usize, family: Family) -> bool {
    network.segments[segment].has(family) || network.segments[segment].subnets_in_doubt
}

/// What is connected in each family.
struct Families([(Family, Connected); 2]);

impl Families {
    fn new(network: &Network<'_>) -> Self {
        Self(Family::BOTH.map(|family| (family, Connected::new(network, |s| may_have(network, s, family)))))
    }

    /// The parts of both families that a host is in, in ascending order: even numbers are IPv4, odd ones IPv6.
    fn view(&mut self, network: &Network<'_>, host: &Host<'_>) -> Vec<usize> {
        let mut view = Vec::new();
        for (bit, (family, connected)) in self.0.iter_mut().enumerate() {
            let segments = host.speaking().map(|(_, interface)| interface.segment);
            let segments = segments.filter(|&segment| may_have(network, segment, *family));
            view.extend(segments.map(|segment| connected.0.find(segment) * 2 + bit));
        }
        view.sort_unstable();
        view.dedup();
        view
    }
}

/// Segments that routers connect.
struct Connected(Sets);

impl Connected {
    fn new(network: &Network<'_>, has: impl Fn(usize) -> bool) -> Self {
        let mut sets = Sets::default();
        for host in network.hosts.iter().filter(|host| host.is_router() && host.count > 0) {
            let mut first_in = HashMap::new();
            for (_, interface) in host.speaking().filter(|(_, interface)| has(interface.segment)) {
                sets.join(*first_in.entry(interface.vrf).or_insert(interface.segment), interface.segment);
            }
        }
        // There may be a router in what nobody has seen.
        for unseen in &network.unseen {
            let shares: Vec<_> = unseen.shares.iter().copied().filter(|&segment| has(segment)).collect();
            shares.windows(2).for_each(|pair| sets.join(pair[0], pair[1]));
        }
        Self(sets)
    }

    fn same(&mut self, a: usize, b: usize) -> bool {
        self.0.find(a) == self.0.find(b)
    }
}

/// Disjoint sets of numbers; each number is alone until it is joined.
#[derive(Default)]
struct Sets {
    parents: HashMap<usize, usize>,
}

impl Sets {
    fn find(&mut self, number: usize) -> usize {
        let mut root = number;
        while let Some(&parent) = self.parents.get(&root) {
            root = parent;
        }
        let mut next = number;
        while next != root {
            next = self.parents.insert(next, root).unwrap_or(root);
        }
        root
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        if a != b {
            self.parents.insert(a.max(b), a.min(b));
        }
    }
}
