//! netem on the interfaces of a segment, brought from what it was to what it is to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netns_test_topology::{Impairment, Loss, Percent};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::tc::{TcAttribute, TcMessage, TcStats2};

use super::egress::{Egress, Egresses};
use super::netem::{KIND, qdisc};
use crate::host::Surroundings;
use crate::impair::force::Wanted;
use crate::impair::in_force::in_namespace;
use crate::lab::{LabError, Netlink, NetlinkError};
use crate::relay::{Counts, mix};

/// What netem does to the frames of a segment.
#[derive(Debug, Default)]
pub(in crate::impair) struct Netem(BTreeMap<Egress, OnEgress>);

#[derive(Clone, Copy, Debug)]
struct OnEgress {
    number: u64,
    wanted: Wanted,
    /// What netem had counted before.
    since: Tally,
}

/// What netem counts, and the rest of the kernel with it.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Frames that have left, or wait.
    frames: u64,
    dropped: u64,
    /// Frames that were sent before others. The kernel counts them as something else, of which there is nothing here.
    reordered: u64,
}

impl Netem {
    /// Puts in force what is wanted, and nothing else.
    ///
    /// netem that has nothing to do any more stays: with it would go the frames that are under way.
    pub(in crate::impair) fn bring(
        &mut self,
        surroundings: &Arc<Surroundings>,
        wanted: &Egresses,
    ) -> Result<(), LabError> {
        let changed: BTreeSet<Egress> = self.0.keys().chain(wanted.keys()).copied().collect();
        let is_same = |egress: &Egress| {
            let now = self.0.get(egress).map(|on| (on.number, on.wanted));
            now.as_ref() == wanted.get(egress)
        };
        for (namespace, changed) in by_namespace(surroundings, changed.into_iter().filter(|egress| !is_same(egress))) {
            let before = in_namespace(surroundings, namespace, |netlink| {
                let before = tallies(netlink)?;
                for (index, egress) in &changed {
                    let (impairment, seed) = wanted
                        .get(egress)
                        .map_or((Impairment::new(), 0), |(_, wanted)| (wanted.impairment, wanted.seed));
                    let qdisc = qdisc(*index, &impairment, mix(seed, u64::from(*index)));
                    netlink.replace_qdisc("impair what leaves by an interface", qdisc)?;
                }
                Ok(before)
            })?;
            for (index, egress) in changed {
                let since = before.get(&index).copied().unwrap_or_default();
                match wanted.get(&egress) {
                    Some(&(number, wanted)) => _ = self.0.insert(egress, OnEgress { number, wanted, since }),
                    None => _ = self.0.remove(&egress),
                }
            }
        }
        Ok(())
    }

    /// What an impairment has done; nothing if netem has no count of it.
    pub(in crate::impair) fn counts(
        &self,
        surroundings: &Arc<Surroundings>,
        number: u64,
    ) -> Result<Option<Counts>, LabError> {
        let mut counts = Counts::default();
        let of_it = self.0.iter().filter(|(_, on)| on.number == number);
        for (namespace, egresses) in by_namespace(surroundings, of_it.map(|(egress, _)| *egress)) {
            let now = in_namespace(surroundings, namespace, tallies)?;
            for (index, egress) in egresses {
                let on = &self.0[&egress];
                match of_impairment(&on.wanted.impairment, on.since, now.get(&index).copied().unwrap_or(on.since)) {
                    Some(of_egress) => counts.add(&of_egress),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(counts))
    }
}

/// What an impairment has come to between two tallies. Copies and flipped bits are counted by nobody, and one count is of all that was dropped, be it lost
/// or be it that the rate left no room.
fn of_impairment(impairment: &Impairment, since: Tally, now: Tally) -> Option<Counts> {
    let loses = impairment.loss != Loss::NONE;
    // When nothing gets through, nothing waits.
    let loses_some = loses && impairment.loss != Loss::Independent(Percent::ALL);
    if !impairment.duplicate.is_zero() || !impairment.corrupt.is_zero() || (loses_some && impairment.rate.is_some()) {
        return None;
    }
    // What waits is counted as sent, and never is if its cable is pulled.
    let dropped = now.dropped.saturating_sub(since.dropped);
    let (lost, overflowed) = if loses { (dropped, 0) } else { (0, dropped) };
    let frames = now.frames.saturating_sub(since.frames) + dropped;
    Some(Counts {
        frames,
        lost,
        overflowed,
        reordered: now.reordered.saturating_sub(since.reordered),
        ..Counts::default()
    })
}

/// The indices of interfaces, by the hosts in whose namespaces they are: none for the switches'.
fn by_namespace(
    surroundings: &Surroundings,
    egresses: impl Iterator<Item = Egress>,
) -> BTreeMap<Option<usize>, Vec<(u32, Egress)>> {
    let mut namespaces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for egress in egresses {
        let (namespace, index) = match egress {
            Egress::Interface(member) => (Some(member.0), surroundings.hub.index(member)),
            Egress::Port(member) => {
                let ports = surroundings.hub.cables(&surroundings.plan, member);
                (None, ports.expect("one that may be impaired has a cable")[0])
            }
        };
        namespaces.entry(namespace).or_default().push((index, egress));
    }
    namespaces
}

/// What the netem of each interface in this namespace has counted, by the interfaces' indices.
fn tallies(netlink: &mut Netlink) -> Result<BTreeMap<u32, Tally>, NetlinkError> {
    let request = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let qdiscs = netlink.list("read the queueing disciplines", &request)?;
    let netem = qdiscs.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewQueueDiscipline(qdisc) if is_netem(&qdisc) => Some(qdisc),
        _ => None,
    });
    Ok(netem.map(|qdisc| (qdisc.header.index.cast_unsigned(), tally(&qdisc))).collect())
}

fn is_netem(qdisc: &TcMessage) -> bool {
    qdisc.attributes.iter().any(|attribute| matches!(attribute, TcAttribute::Kind(kind) if kind == KIND))
}

fn tally(qdisc: &TcMessage) -> Tally {
    let mut tally = Tally::default();
    let statistics = qdisc.attributes.iter().filter_map(|attribute| match attribute {
        TcAttribute::Stats2(statistics) => Some(statistics),
        _ => None,
    });
    for statistics in statistics.flatten() {
        match statistics {
            TcStats2::Basic(basic) => tally.frames += u64::from(basic.packets),
            TcStats2::Queue(queue) => {
                tally.frames += u64::from(queue.qlen);
                tally.dropped += u64::from(queue.drops);
                tally.reordered += u64::from(queue.requeues);
            }
            _ => {}
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use netns_test_topology::Rate;

    use super::*;

    const SINCE: Tally = Tally { frames: 100, dropped: 10, reordered: 1 };
    const NOW: Tally = Tally { frames: 150, dropped: 17, reordered: 4 };

    #[test]
    fn what_was_dropped_was_lost_or_found_no_room() {
        let of = |impairment: Impairment| of_impairment(&impairment, SINCE, NOW);
        let counts = Counts { frames: 57, reordered: 3, ..Counts::default() };
        let some = Percent::new(5.0);
        assert_eq!(of(Impairment::new().loss(some)), Some(Counts { lost: 7, ..counts }));
        assert_eq!(of(Impairment::new().rate(Rate::mbit(5))), Some(Counts { overflowed: 7, ..counts }));
        assert_eq!(of(Impairment::black_hole().rate(Rate::mbit(5))), Some(Counts { lost: 7, ..counts }));
        let untold = [
            Impairment::new().duplicate(some),
            Impairment::new().corrupt(some),
            Impairment::new().loss(some).rate(Rate::mbit(5)),
            Impairment::new().burst_loss(some, some).rate(Rate::mbit(5)),
        ];
        assert!(untold.into_iter().all(|impairment| of(impairment).is_none()));
    }
}
