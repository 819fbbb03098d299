//! What happens between two hosts of a segment.

use super::{nonsense, sharing_a_port, words};
use crate::rules::network::{Found, Machine, Named, Network, meant};
use crate::rules::report::{Refusal, Report};
use crate::rules::routes::not_one;
use crate::{Complaint, DrawnPair, Impairment, PairPart, SegmentPart};

/// What happens to frames from one interface to another.
#[derive(Debug)]
pub(in crate::rules) struct Pair {
    pub(in crate::rules) from: End,
    pub(in crate::rules) to: End,
    pub(in crate::rules) both_ways: bool,
    pub(in crate::rules) impairment: Impairment,
}

/// An interface of one of an array, or of the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) struct End {
    pub(in crate::rules) machine: Machine,
    pub(in crate::rules) interface: usize,
}

/// Finds the hosts of all pairs, and reads what happens between them.
pub(super) fn resolve(network: &mut Network<'_>, segment: usize, report: &mut Report) {
    let mut pairs: Vec<Pair> = Vec::new();
    for (index, drawn) in network.segments[segment].drawn.pairs.iter().enumerate() {
        let mut refuse = |part, (message, help): Refusal| {
            let complaint = network.about_segment(segment, SegmentPart::Pair(index, part), &message);
            report.add(Complaint { help, ..complaint });
        };
        let impairment = words::read(&drawn.impairment, Impairment::new(), &mut |part, refusal| {
            refuse(PairPart::Impairment(part), refusal);
        });
        for (part, message) in nonsense(&impairment) {
            refuse(PairPart::Impairment(part), (message, None));
        }
        let mut find = |part, word: &str| {
            end(network, segment, word).unwrap_or_else(|refusal| {
                refuse(part, refusal);
                None
            })
        };
        let (from, to) = (find(PairPart::From, &drawn.from), find(PairPart::To, &drawn.to));
        let (Some(from), Some(to)) = (from, to) else { continue };
        if from == to {
            refuse(PairPart::To, (format!("`{}` sends nothing to itself across the segment", drawn.from), None));
        } else if pairs.iter().any(|other| other.is_about(from, to) || (drawn.both_ways && other.is_about(to, from))) {
            let message = format!("what `{}` sends to `{}` is impaired twice", drawn.from, drawn.to);
            let help = "write all of it in one; where the ways there and back differ, in two `path(…)`";
            refuse(PairPart::Whole, (message, Some(help.to_owned())));
        } else {
            pairs.push(Pair { from, to, both_ways: drawn.both_ways, impairment });
        }
    }
    network.segments[segment].pairs = pairs;
}

impl Pair {
    /// Whether it is about what one sends to the other.
    fn is_about(&self, from: End, to: End) -> bool {
        (self.from == from && self.to == to) || (self.both_ways && self.from == to && self.to == from)
    }
}

/// The word that draws it.
pub(super) fn word(drawn: &DrawnPair) -> &'static str {
    if drawn.both_ways { "pair" } else { "path" }
}

/// The interface on the segment of the host with this name; none if that is in doubt.
fn end(network: &Network<'_>, segment: usize, word: &str) -> Result<Option<End>, Refusal> {
    let on = &network.segments[segment];
    let machine = match network.find_host(on.scope, word) {
        Found::Known(Named::One(machine)) => machine,
        Found::Known(Named::Array(array)) => return Err(not_one(network, array, word)),
        Found::Doubtful => return Ok(None),
        Found::Unknown => return Err((format!("`{word}` is no host"), network.like_host(on.scope, word))),
    };
    let host = &network.hosts[machine.host];
    let Some(interface) = host.on(segment) else {
        if host.interfaces_in_doubt {
            return Ok(None);
        }
        let members = on.members.iter().map(|member| network.local_name(on.scope, &network.hosts[member.host].name));
        let members: Vec<_> = members.collect();
        return Err((format!("`{word}` is not on it"), meant("hosts on it", word, &members)));
    };
    match sharing_a_port(host.interfaces[interface].device) {
        Some(devices) => {
            let message = format!("the {devices}s on it share a port of the switch, so none is in a pair");
            Err((message, Some(format!("leave out `{devices}` at `{word}`"))))
        }
        None => Ok(Some(End { machine, interface })),
    }
}
