//! Subnets of two segments that are each other's, as seen by somebody.
//!
//! Two homes behind routers that masquerade may both be 192.168.1.0/24; nobody sees both.

use std::collections::HashSet;

use super::automatic::Automatic;
use super::network::{Family, Network};
use super::paths::{Table, tables};
use super::report::Report;
use crate::{IpNet, Routes, SegmentPart};

pub(super) fn check(network: &Network<'_>, automatic: &Automatic<'_, '_>, report: &mut Report) {
    for family in Family::BOTH {
        let all: Vec<_> = (0..network.segments.len()).collect();
        let suspects = overlaps(subnets(network, family, &all));
        if suspects.is_empty() {
            continue;
        }
        let mut clashes = Clashes { network, family, report, accused: HashSet::new() };
        clashes.of_machines();
        // A router may have been meant to hide one of the two.
        if network.routes == Routes::Automatic && !network.nat_in_doubt {
            clashes.of_views(automatic);
        }
    }
}

/// A subnet of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Claim {
    segment: usize,
    /// Its index among the segment's subnets.
    subnet: usize,
    net: IpNet,
}

fn subnets(network: &Network<'_>, family: Family, segments: &[usize]) -> Vec<Claim> {
    let of = |&segment: &usize| {
        let subnets = network.segments[segment].subnets.iter().enumerate();
        subnets.map(move |(subnet, written)| Claim { segment, subnet, net: written.net })
    };
    segments.iter().flat_map(of).filter(|claim| Family::of(claim.net.addr()) == family).collect()
}

/// Pairs of claims to the same addresses; the one that was drawn first is first. No segment has a pair by itself.
fn overlaps(mut claims: Vec<Claim>) -> Vec<(Claim, Claim)> {
    // Of two that overlap one is within the other, and comes after it here.
    claims.sort_by_key(|claim| (claim.net.network(), claim.net.prefix_len(), claim.segment));
    let mut around: Vec<Claim> = Vec::new();
    let mut pairs = Vec::new();
    for claim in claims {
        while around.pop_if(|outer| !outer.net.contains(&claim.net)).is_some() {}
        pairs.extend(around.iter().map(|&outer| (outer.min(claim), outer.max(claim))));
        around.push(claim);
    }
    pairs
}

struct Clashes<'c, 'd> {
    network: &'c Network<'d>,
    family: Family,
    report: &'c mut Report,
    /// Of each pair the one that was drawn later, once.
    accused: HashSet<Claim>,
}

impl Clashes<'_, '_> {
    fn of_machines(&mut self) {
        for host in &self.network.hosts {
            for table in self.tables_of_several(host) {
                self.seen(&table.segments, &format!("`{}` is on both", host.name));
            }
        }
    }

    fn of_views(&mut self, automatic: &Automatic<'_, '_>) {
        let paths = automatic.paths(self.family);
        for (index, segment) in self.network.segments.iter().enumerate() {
            let mut seen = vec![index];
            seen.extend(paths.survey(&seen, None).into_iter().map(|seen| seen.segment));
            self.seen(&seen, &format!("both are seen from `{}`", segment.name));
        }
        let mut known = HashSet::new();
        for host in self.network.hosts.iter().filter(|host| !host.is_router()) {
            for Table { segments: mut seen, .. } in self.tables_of_several(host) {
                if known.insert(seen.clone()) {
                    seen.extend(paths.survey(&seen, None).into_iter().map(|seen| seen.segment));
                    self.seen(&seen, &format!("`{}` sees both", host.name));
                }
            }
        }
    }

    /// The tables of a host that is on several segments.
    fn tables_of_several(&self, host: &super::network::Host<'_>) -> Vec<Table> {
        let several = host.interfaces.len() > 1 && host.count > 0;
        let tables = if several { tables(self.network, host, self.family) } else { Vec::new() };
        tables.into_iter().filter(|table| table.segments.len() > 1).collect()
    }

    /// Complains about what clashes among these segments.
    fn seen(&mut self, segments: &[usize], by: &str) {
        let mut claims = subnets(self.network, self.family, segments);
        claims.retain(|claim| !self.accused.contains(claim));
        for (first, second) in overlaps(claims) {
            if !self.accused.insert(second) {
                continue;
            }
            let Claim { segment, subnet, net } = second;
            let (other, name) = (first.net, &self.network.segments[first.segment].name);
            let drawn_as = self.network.segments[segment].subnets[subnet].drawn_as;
            let message = format!("`{net}` overlaps `{other}` of `{name}`, and {by}");
            let complaint = self.network.about_segment(segment, SegmentPart::Subnet(drawn_as), &message);
            let help = "write another subnet; between two that are the same a router has to masquerade";
            self.report.add(complaint.help(help));
        }
    }
}
