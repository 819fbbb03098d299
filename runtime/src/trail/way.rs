//! The way of a packet through a lab: where it was seen, and where it ended.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use netns_test_topology::Marks;

use super::again::{self, Again};
use super::conversation::Role;
use super::map::Map;
use super::packet::{Carries, DATA, Identity, Ip, Packet, Says};
use crate::capture::{Direction, Frame, Recorded, Rushed};

/// A packet at an interface.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) host: usize,
    pub(super) interface: u32,
    pub(super) direction: Direction,
    pub(super) to_mac: Option<[u8; 6]>,
    /// The outermost tag: the number of a VLAN.
    pub(super) tag: Option<u16>,
    pub(super) ip: Ip,
    identity: Option<Identity>,
    /// Which of the packets it is of all.
    nth: usize,
}

/// What was recorded, as packets, in the order of time.
pub(super) struct Packets<'a> {
    /// Each with the number of its frame.
    seen: Vec<(&'a Frame, Packet)>,
    numbers: Vec<usize>,
    rushed: &'a [Rushed],
}

/// A question on its way, and what came back.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// Which of the attempts this is, from 1 on, and how many there were.
    pub(super) nth: usize,
    pub(super) of: usize,
    pub(super) there: Vec<Sighting>,
    pub(super) back: Vec<Sighting>,
    /// What was answered to it from elsewhere, behind the question as it was there.
    astray: Option<(Sighting, Sighting)>,
    /// Who said that it could not go on: type and code.
    pub(super) refusals: Vec<(Sighting, (u8, u8))>,
}

/// Where a packet was seen last.
#[derive(Clone, Debug)]
pub(super) enum End<'a> {
    /// It had left a host.
    OnTheWire(&'a Sighting),
    /// It had come into a host that it was not for.
    Inside(&'a Sighting),
    /// It had come to where it was to go.
    Delivered(&'a Sighting),
}

impl<'a> End<'a> {
    /// Of what was seen of a packet. `owns` says whether a host has an address.
    pub(super) fn of(sightings: &'a [Sighting], owns: impl Fn(usize, IpAddr) -> bool) -> Option<Self> {
        let last = sightings.last()?;
        Some(match last.direction {
            Direction::Out => Self::OnTheWire(last),
            _ if owns(last.host, last.ip.to) => Self::Delivered(last),
            _ => Self::Inside(last),
        })
    }
}

impl<'a> Packets<'a> {
    /// What was recorded from a time on, and up to one if there is one, since 1970.
    pub(super) fn of(recorded: &'a Recorded, since: Duration, until: Option<Duration>) -> Self {
        let is_of_then = |frame: &Frame| frame.time >= since && until.is_none_or(|until| frame.time <= until);
        let frames = recorded.frames.iter().enumerate().filter(|(_, frame)| is_of_then(frame));
        let packets = frames.filter_map(|(number, frame)| Some((number, (frame, Packet::of(frame)?))));
        let (numbers, seen) = packets.unzip();
        Self { seen, numbers, rushed: &recorded.rushed }
    }

    /// Each with the number of its frame.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &'a Frame, &Packet)> {
        self.numbers.iter().zip(&self.seen).map(|(number, (frame, packet))| (*number, *frame, packet))
    }

    /// Whether of packets like one that was seen at a time only some may be recorded, each host by chance: that it was not seen again says nothing.
    pub(super) fn is_sampled(&self, ip: &Ip, seen: Duration) -> bool {
        ip.is_bulk() || (ip.carries_on() && self.rushed.iter().any(|host| host.concerns(seen)))
    }

    /// Hands over the numbers of the frames that ask a question, and of those that answer it, with their times and what each is.
    pub(super) fn mark(&self, is_question: impl Fn(&Ip) -> bool, mut each: impl FnMut(usize, Duration, Role)) {
        let ips: Vec<_> = self.seen.iter().map(|(_, packet)| packet.ip()).collect();
        let questions = ips.iter().flatten().filter(|ip| is_question(ip)).filter_map(|ip| ip.identity());
        let questions: HashSet<Identity> = questions.collect();
        // As they were seen anywhere: whoever translates addresses, an answer has those that the question had there.
        let is_asked = |ip: &Ip| ip.identity().is_some_and(|identity| questions.contains(&identity));
        let asked: Vec<&Ip> = ips.iter().flatten().copied().filter(|ip| is_asked(ip)).collect();
        let asked = &asked[asked.len().saturating_sub(MOST_ASKED)..];
        for ((number, (frame, _)), ip) in self.numbers.iter().zip(&self.seen).zip(&ips) {
            let Some(ip) = ip else { continue };
            let mut each = |role| each(*number, frame.time, role);
            if is_asked(ip) && !asked.iter().any(|asked| ip.answers(asked)) {
                each(Role::Question);
            } else if asked.iter().any(|asked| ip.answers(asked)) {
                each(Role::Answer);
            } else if asked.iter().any(|asked| ip.refuses(asked).is_some()) {
                each(Role::Refusal);
            }
        }
    }

    fn sightings(&self) -> impl Iterator<Item = Sighting> {
        self.seen.iter().enumerate().filter_map(|(nth, (frame, packet))| {
            let (host, interface, direction) = (frame.host, frame.interface, frame.direction);
            let ip = packet.ip()?.clone();
            let (to_mac, tag, identity) = (packet.to_mac, packet.tag, ip.identity());
            (direction != Direction::Past).then_some(Sighting {
                host,
                interface,
                direction,
                to_mac,
                tag,
                ip,
                identity,
                nth,
            })
        })
    }

    /// How the packet that was lost on a way is sent again, as it was when it left: who answers need not answer once more what it has answered. A refusal has come of
    /// the question.
    pub(super) fn again(&self, way: &Way) -> Option<Again> {
        let answer = way.back.first().filter(|answer| answer.direction == Direction::Out && !answer.ip.is_reset());
        self.resend(answer.or(way.there.first())?)
    }

    /// How the last of those that left a host is sent again.
    pub(super) fn last_again(&self, from: usize, is_it: impl Fn(&Ip) -> bool) -> Option<Again> {
        let left = self
            .sightings()
            .filter(|sighting| sighting.host == from && sighting.direction == Direction::Out && is_it(&sighting.ip));
        self.resend(&left.last()?)
    }

    fn resend(&self, sighting: &Sighting) -> Option<Again> {
        let (frame, _) = self.seen.get(sighting.nth)?;
        Some(Again::Same { host: sighting.host, ip: sighting.ip.clone(), packet: again::packet(frame)? })
    }

    /// The attempt that got furthest of those that left a host for an address.
    pub(super) fn furthest(&self, from: usize, is_question: impl Fn(&Ip) -> bool) -> Option<Way> {
        self.furthest_of(|seen| seen.host == from && seen.direction == Direction::Out && is_question(&seen.ip))
    }

    /// The attempt that got furthest of those that were seen anywhere, where it is by chance whether they were.
    pub(super) fn furthest_by_chance(&self, is_question: impl Fn(&Ip) -> bool) -> Option<Way> {
        self.furthest_of(|seen| is_question(&seen.ip))
    }

    fn furthest_of(&self, is_attempt: impl Fn(&Sighting) -> bool) -> Option<Way> {
        let all: Vec<Sighting> = self.sightings().collect();
        let mut known = HashSet::new();
        let attempts: Vec<&Identity> = all
            .iter()
            .filter(|seen| is_attempt(seen))
            .filter_map(|sighting| sighting.identity.as_ref())
            .filter(|identity| known.insert(*identity))
            .collect();
        let of = attempts.len();
        let last = attempts.into_iter().enumerate().skip(of.saturating_sub(MOST_ATTEMPTS));
        let ways = last.map(|(nth, question)| Way::of(&all, question, nth + 1, of));
        ways.max_by_key(|way| (way.back.len(), way.refusals.len(), way.there.len(), way.nth))
    }

    /// Who asked on a host's interface who has an address, and got no answer there: how often. 0 if there was an answer.
    pub(super) fn unanswered_questions(&self, host: usize, interface: u32, target: IpAddr) -> usize {
        let here = || self.seen.iter().filter(|(frame, _)| frame.host == host && frame.interface == interface);
        let answered = here().any(|(frame, packet)| {
            frame.direction == Direction::In && matches!(packet.says, Says::IsAt { target: of, .. } if of == target)
        });
        let asked = here().filter(|(frame, packet)| {
            frame.direction == Direction::Out && matches!(packet.says, Says::WhoHas { target: of, .. } if of == target)
        });
        if answered { 0 } else { asked.count() }
    }

    /// The questions for neighbours that a host has sent, by interface and target.
    pub(super) fn questions_of(&self, host: usize) -> impl Iterator<Item = (u32, IpAddr)> {
        self.seen.iter().filter_map(move |(frame, packet)| match packet.says {
            Says::WhoHas { target, .. } if frame.host == host && frame.direction == Direction::Out => {
                Some((frame.interface, target))
            }
            _ => None,
        })
    }

    /// The interfaces that a question for a neighbour has come in by, and from whom.
    pub(super) fn heard_question(&self, target: IpAddr) -> Vec<(usize, u32, IpAddr)> {
        let heard = self.seen.iter().filter_map(|(frame, packet)| match packet.says {
            Says::WhoHas { target: of, asker } if of == target && frame.direction != Direction::Out => {
                Some((frame.host, frame.interface, asker))
            }
            _ => None,
        });
        heard.collect()
    }

    /// The link-layer addresses that have been told for an address, to a host.
    pub(super) fn answers_for(&self, host: usize, target: IpAddr) -> Vec<[u8; 6]> {
        let told = self.seen.iter().filter_map(|(frame, packet)| match packet.says {
            Says::IsAt { target: of, mac } => {
                (of == target && frame.host == host && frame.direction == Direction::In && mac != [0; 6]).then_some(mac)
            }
            _ => None,
        });
        told.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Way {
    fn of(all: &[Sighting], question: &Identity, nth: usize, of: usize) -> Self {
        let mut asked: Vec<&Sighting> = Vec::new();
        for sighting in all.iter().filter(|sighting| sighting.identity.as_ref() == Some(question)) {
            // Who echoes a datagram sends back what looks the same.
            let goes_back =
                |asked: &&Sighting| sighting.ip.answers(&asked.ip) || sighting.ip.answers_from_elsewhere(&asked.ip);
            if !asked.iter().any(goes_back) {
                asked.push(sighting);
            }
        }
        // An answer begins where the question was, and goes on as itself.
        let answers = all.iter().filter(|sighting| {
            asked.iter().any(|asked| {
                asked.host == sighting.host
                    && asked.interface == sighting.interface
                    && asked.direction != sighting.direction
                    && sighting.ip.answers(&asked.ip)
            })
        });
        let answers: HashSet<&Identity> = answers.filter_map(|sighting| sighting.identity.as_ref()).collect();
        let is_asked: HashSet<usize> = asked.iter().map(|asked| asked.nth).collect();
        let back = answers.into_iter().map(|answer| {
            let is_it =
                |sighting: &&Sighting| sighting.identity.as_ref() == Some(answer) && !is_asked.contains(&sighting.nth);
            furthest_transmission(all.iter().filter(is_it))
        });
        let back = back.max_by_key(|back| (back.len(), back.first().map(|first| first.nth))).unwrap_or_default();
        let refusals = all.iter().filter_map(|sighting| {
            let said = asked.iter().find_map(|asked| sighting.ip.refuses(&asked.ip))?;
            (sighting.direction == Direction::Out).then(|| (sighting.clone(), said))
        });
        let refusals = refusals.collect();
        let astray = all.iter().filter(|sighting| sighting.direction == Direction::Out).find_map(|sighting| {
            let asked = asked.iter().find(|asked| {
                asked.host == sighting.host
                    && asked.direction == Direction::In
                    && sighting.ip.answers_from_elsewhere(&asked.ip)
            })?;
            Some(((*asked).clone(), sighting.clone()))
        });
        let there = furthest_transmission(asked.into_iter());
        Self { nth, of, there, back, astray, refusals }
    }

    /// What was answered from elsewhere, where nothing was answered as it was to be: behind the question as it was there.
    pub(super) fn answered_astray(&self) -> Option<&(Sighting, Sighting)> {
        self.astray.as_ref().filter(|_| self.back.is_empty())
    }

    /// Who has refused it, and where that was seen first: by an error of ICMP's, or by what ends a connection.
    pub(super) fn refusal(&self) -> Option<&Sighting> {
        let error = self.refusals.first().map(|(refusal, _)| refusal);
        error.or_else(|| self.back.first().filter(|answer| answer.ip.is_reset()))
    }

    /// Everywhere that it was seen, and its answer.
    pub(super) fn seen(&self) -> impl Iterator<Item = &Sighting> {
        self.there.iter().chain(&self.back)
    }

    /// Where it was seen last, or its answer.
    pub(super) fn last(&self) -> Option<&Sighting> {
        self.back.last().or(self.there.last())
    }

    /// Marks its way there and back.
    pub(super) fn mark(&self, map: Map<'_>) -> Marks {
        let mut places: Vec<_> =
            self.seen().map(|at| (map.host(at.host), map.interface(at.host, at.interface))).collect();
        places.dedup();
        places.truncate(MOST_MARKED);
        places.into_iter().fold(Marks::new(), |marks, (host, interface)| marks.over(host, interface))
    }

    /// What is asked, in the field's words.
    pub(super) fn question(&self) -> &'static str {
        match self.there.first().map(|sighting| &sighting.ip.carries) {
            Some(Carries::Echo { .. }) => "echo request",
            Some(Carries::Tcp { data: 0, .. }) => "SYN",
            Some(Carries::Tcp { .. }) => "segment",
            Some(Carries::Sctp { chunk, .. }) if chunk.first() == Some(&DATA) => "DATA",
            Some(Carries::Sctp { .. }) => "INIT",
            _ => "datagram",
        }
    }

    /// Where it went: `echo request 3 of 3: left laptop:eth0 → entered router:eth0`.
    pub(super) fn tell(&self, map: Map<'_>) -> String {
        let mut text = format!("{} {} of {}: {}", self.question(), self.nth, self.of, steps(&self.there, map));
        if !self.back.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  its answer: {}", steps(&self.back, map));
        }
        text
    }
}

/// Of a packet that is sent several times, as what gets lost in a connection is: the one that got furthest, and of those the last.
fn furthest_transmission<'a>(sightings: impl Iterator<Item = &'a Sighting>) -> Vec<Sighting> {
    let mut transmissions: Vec<Vec<Sighting>> = Vec::new();
    for sighting in sightings {
        // One that goes round in a loop comes back with less time to live.
        let begins_again = |first: &Sighting| {
            (first.host, first.interface, first.direction) == (sighting.host, sighting.interface, sighting.direction)
                && first.ip.ttl == sighting.ip.ttl
        };
        // In a rush it may have been seen late: it leaves no host that it has not come to.
        let leaves_another = |seen: &[Sighting]| {
            sighting.direction == Direction::Out && seen.iter().all(|seen| seen.host != sighting.host)
        };
        match transmissions.last_mut() {
            Some(last) if !last.first().is_some_and(begins_again) && !leaves_another(last) => {
                last.push(sighting.clone());
            }
            _ => transmissions.push(vec![sighting.clone()]),
        }
    }
    transmissions.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

fn steps(sightings: &[Sighting], map: Map<'_>) -> String {
    let steps: Vec<String> = sightings
        .iter()
        .map(|sighting| {
            let did = if sighting.direction == Direction::Out { "left" } else { "entered" };
            format!("{did} {}", map.place(sighting.host, sighting.interface))
        })
        .collect();
    let mut steps = steps;
    // A packet that goes round and round is told once.
    steps.dedup();
    if steps.len() > MOST_STEPS {
        let left_out = steps.len() - MOST_STEPS;
        steps.splice(MOST_STEPS / 2..MOST_STEPS / 2 + left_out, [format!("… {left_out} more …")]);
    }
    steps.join(" → ")
}

/// Of how many attempts the last are followed.
const MOST_ATTEMPTS: usize = 20;

/// How many steps are told.
const MOST_STEPS: usize = 16;

/// Of how many packets that ask, each counted wherever it was seen, the answers are looked for: the last.
const MOST_ASKED: usize = 400;

/// How many places are marked: a packet may go round and round.
const MOST_MARKED: usize = 40;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn seen(host: usize, direction: Direction) -> Sighting {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let carries = Carries::Other;
        let ip = Ip { from: address, to: address, ttl: 64, length: 20, dont_fragment: false, carries };
        Sighting { host, interface: 2, direction, to_mac: None, tag: None, ip, identity: None, nth: 0 }
    }

    fn furthest(seen: &[Sighting]) -> Vec<(usize, Direction)> {
        furthest_transmission(seen.iter()).iter().map(|seen| (seen.host, seen.direction)).collect()
    }

    #[test]
    fn a_packet_that_is_sent_again_begins_again() {
        let all = [seen(0, Direction::Out), seen(0, Direction::Out), seen(1, Direction::In)];
        assert_eq!(furthest(&all), [(0, Direction::Out), (1, Direction::In)]);
    }

    /// Its first departure was not recorded.
    #[test]
    fn a_departure_is_no_step_from_another_host() {
        let all = [seen(1, Direction::In), seen(0, Direction::Out)];
        assert_eq!(furthest(&all), [(0, Direction::Out)]);
        // Whoever it has come to passes it on, however many others it has come to.
        let all = [seen(0, Direction::Out), seen(1, Direction::In), seen(2, Direction::In), seen(1, Direction::Out)];
        assert_eq!(furthest(&all).len(), 4);
    }
}
