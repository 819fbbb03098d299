//! What was said on the way of a question, from host to host: for whoever draws it as a ladder.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::cause::icmp_name;
use super::followed::Followed;
use super::map::{LOOPBACK, Map};
use super::packet::{ABORT, Carries, Identity, Ip, Packet, RST, Says};
use super::way::Packets;
use crate::capture::{Direction, Frame, Recorded};
use crate::host::Surroundings;

/// So many of the last passages are told.
const MOST: usize = 50;

/// What a frame is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Question,
    Answer,
    /// Somebody says that the question could not go on.
    Refusal,
    /// It is the question, or what came of it, when it was asked once more to find out why.
    Again,
    /// Somebody looks for a neighbour, or is one.
    Neighbour,
    /// Whatever else hosts say to each other.
    Other,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Question => "the question",
            Self::Answer => "an answer to the question",
            Self::Refusal => "a refusal of the question",
            Self::Again => "asked once more to find out why: the question",
            Self::Neighbour => "about a neighbour",
            Self::Other => "a packet",
        }
    }
}

/// A frame at an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the frame.
    pub(crate) frame: usize,
    /// The index of the host.
    pub(crate) host: usize,
    pub(crate) interface: String,
    /// Since 1970.
    pub(crate) time: Duration,
}

/// A packet on its way from one host to the next.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) role: Role,
    /// What the packet says, in one line.
    pub(crate) says: String,
    /// Where it left a host, if that was seen.
    pub(crate) left: Option<Place>,
    /// Where it came in.
    pub(crate) entered: Vec<Place>,
    /// What it means if that is nowhere.
    pub(crate) unseen: Unseen,
}

/// What it means that a packet was not seen to come in anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// It was lost.
    Lost,
    /// Nothing: of packets like this only some are recorded.
    Sampled,
    /// Nothing: it left when the frames were about to be looked at, and may have been under way.
    UnderWay,
}

/// What was said on the way of a question, or on all ways.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    /// The index of the host that asked, if there was a question, and of those that it was for.
    pub(crate) from: Option<usize>,
    pub(crate) to: Vec<usize>,
    /// The last of it, in the order of time.
    pub(crate) passages: Vec<Passage>,
    /// How many there were before.
    pub(crate) left_out: usize,
}

impl Passage {
    /// That was seen nowhere yet.
    fn of(role: Role, packet: &Packet, unseen: Unseen) -> Self {
        Self { role, says: packet.words(), left: None, entered: Vec::new(), unseen }
    }
}

/// How long a packet takes from one host to the next on a wire that is drawn without delay, on a busy machine.
const ON_A_WIRE: Duration = Duration::from_millis(1);

impl Unseen {
    /// Of a packet that was seen at a time.
    fn of(packet: &Packet, seen: Duration, packets: &Packets<'_>, until: Duration) -> Self {
        if packet.ip().is_some_and(|ip| packets.is_sampled(ip, seen)) {
            Self::Sampled
        } else if seen + ON_A_WIRE > until {
            Self::UnderWay
        } else {
            Self::Lost
        }
    }
}

/// What a packet is known again by from one host to the next.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Packet(Identity, IpAddr),
    Error(u8, u8, Option<Identity>),
    WhoHas(IpAddr, IpAddr),
    IsAt(IpAddr, [u8; 6]),
}

impl Conversation {
    /// That of a question, of what was recorded.
    pub(crate) fn of(surroundings: &Surroundings, recorded: &Recorded, question: &Followed) -> Self {
        let map = Map(surroundings);
        let packets = question.packets(recorded);
        let mut roles: Vec<Option<Role>> = vec![None; recorded.frames.len()];
        question.mark(&packets, |number, role| roles[number] = Some(role));
        let marked = recorded.frames.iter().zip(&roles).filter(|(_, role)| role.is_some());
        let mut hosts: BTreeSet<usize> = marked.map(|(frame, _)| frame.host).collect();
        hosts.insert(question.from);
        let (passages, left_out) = passages(map, recorded, &packets, |number, packet| {
            let is_near = || hosts.contains(&recorded.frames[number].host) || packet.is_about(question.asking.to);
            roles[number].or_else(|| (packet.ip().is_none() && is_near()).then_some(Role::Neighbour))
        });
        let to = map.with_address(question.asking.to).into_iter().map(|(host, _)| host).collect();
        Self { from: Some(question.from), to, passages, left_out }
    }

    /// The last of all that was recorded.
    pub(crate) fn last(surroundings: &Surroundings, recorded: &Recorded) -> Self {
        let first = recorded.frames.len().saturating_sub(MOST * FRAMES);
        let since = recorded.frames.get(first).map(|frame| frame.time).unwrap_or_default();
        let packets = Packets::of(recorded, since, None);
        let role = |packet: &Packet| if packet.ip().is_none() { Role::Neighbour } else { Role::Other };
        let (passages, left_out) = passages(Map(surroundings), recorded, &packets, |_, packet| Some(role(packet)));
        Self { from: None, to: Vec::new(), passages, left_out: left_out + first }
    }
}

/// At how many places a frame is seen at most, usually.
const FRAMES: usize = 4;

/// The last passages of packets that have a role, and how many there were before.
fn passages(
    map: Map<'_>,
    recorded: &Recorded,
    packets: &Packets<'_>,
    role: impl Fn(usize, &Packet) -> Option<Role>,
) -> (Vec<Passage>, usize) {
    let mut passages: Vec<Passage> = Vec::new();
    // Those that the next frame of the same content may have come from, in the order of time.
    let mut under_way: HashMap<Key, Vec<usize>> = HashMap::new();
    for (number, frame, packet) in packets.iter().filter(|(_, frame, _)| frame.direction != Direction::Past) {
        let (Some(role), Some(key)) = (role(number, packet), Key::of(packet)) else { continue };
        let interface = map.interface(frame.host, frame.interface);
        let place = Place { frame: number, host: frame.host, interface, time: frame.time };
        let passage = || Passage::of(role, packet, Unseen::of(packet, frame.time, packets, recorded.until));
        let alike = under_way.entry(key).or_default();
        if frame.direction == Direction::Out {
            alike.push(passages.len());
            passages.push(Passage { left: Some(place), ..passage() });
            continue;
        }
        let is_candidate = |&nth: &usize| {
            let Passage { left, entered, .. } = &passages[nth];
            let left = left.as_ref().map(|left| &recorded.frames[left.frame]);
            let again = |other: &Place| (other.host, &other.interface) == (place.host, &place.interface);
            left.is_some_and(|left| leads_to(map, left, frame)) && !entered.iter().any(again)
        };
        // Of several that are alike, the first that has not come there and cannot have come unseen; where all may have, the earlier ones are taken to have.
        let candidates: Vec<_> = alike.iter().copied().filter(is_candidate).collect();
        let was_recorded = |&&nth: &&usize| passages[nth].unseen != Unseen::Sampled;
        let from = candidates.iter().find(was_recorded).or(candidates.last()).copied();
        match from {
            Some(nth) => passages[nth].entered.push(place),
            None => passages.push(Passage { entered: vec![place], ..passage() }),
        }
    }
    let left_out = passages.len().saturating_sub(MOST);
    passages.drain(..left_out);
    (passages, left_out)
}

/// Whether what left one interface may be what entered the other.
fn leads_to(map: Map<'_>, left: &Frame, entered: &Frame) -> bool {
    let segment = |frame: &Frame| map.member(frame.host, frame.interface).map(|member| map.segment_number(member));
    let same = match (segment(left), segment(entered)) {
        (Some(left), Some(entered)) => left == entered,
        // What programs have made is not known.
        _ => true,
    };
    // What a host sends to itself comes in where it left.
    same && (left.host != entered.host || (left.interface == LOOPBACK && entered.interface == LOOPBACK))
}

impl Key {
    fn of(packet: &Packet) -> Option<Self> {
        Some(match &packet.says {
            Says::WhoHas { target, asker } => Self::WhoHas(*target, *asker),
            Says::IsAt { target, mac } => Self::IsAt(*target, *mac),
            Says::Ip(Ip { carries: Carries::Error { kind, code, about }, .. }) => {
                Self::Error(*kind, *code, about.as_ref().and_then(|about| about.identity()))
            }
            Says::Ip(ip) => Self::Packet(ip.identity()?, ip.to),
        })
    }
}

impl Packet {
    /// Whether it is about whoever has an address.
    fn is_about(&self, address: IpAddr) -> bool {
        match self.says {
            Says::WhoHas { target, .. } | Says::IsAt { target, .. } => target == address,
            Says::Ip(_) => false,
        }
    }

    /// What it says, in one line.
    fn words(&self) -> String {
        match &self.says {
            Says::WhoHas { target, asker } => format!("who has {target}? asks {asker}"),
            Says::IsAt { target, mac } => format!("{target} is at {}", super::map::mac(*mac)),
            Says::Ip(ip) => ip.words(),
        }
    }
}

impl Ip {
    fn words(&self) -> String {
        let Self { from, to, ttl, length, .. } = self;
        let what = match &self.carries {
            Carries::Echo { request: true, sequence, .. } => format!("echo request {sequence}"),
            Carries::Echo { request: false, sequence, .. } => format!("echo reply {sequence}"),
            Carries::Error { kind, code, .. } => icmp_name(from.is_ipv6(), *kind, *code),
            Carries::Tcp { flags, .. } => format!("TCP {}", flag_names(*flags)),
            Carries::Udp { .. } => "UDP".to_owned(),
            Carries::Sctp { chunk, .. } => format!("SCTP {}", chunk_name(chunk)),
            Carries::Other => "IP".to_owned(),
        };
        let (from, to) = match self.ports() {
            Some(ports) => {
                let at = |address: &IpAddr, port| std::net::SocketAddr::new(*address, port).to_string();
                (at(from, ports.0), at(to, ports.1))
            }
            None => (from.to_string(), to.to_string()),
        };
        format!("{what}, {from} → {to}, ttl {ttl}, {length} bytes")
    }
}

/// RFC 9293 section 3.1.
fn flag_names(flags: u8) -> String {
    let names = [(0x02, "SYN"), (0x10, "ACK"), (0x01, "FIN"), (RST, "RST"), (0x08, "PSH"), (0x20, "URG")];
    let set: Vec<_> = names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "without flags".to_owned() } else { set.join(" ") }
}

/// RFC 9260 section 3.2.
fn chunk_name(chunk: &[u8]) -> String {
    match chunk.first() {
        Some(0) => "DATA".to_owned(),
        Some(1) => "INIT".to_owned(),
        Some(2) => "INIT ACK".to_owned(),
        Some(3) => "SACK".to_owned(),
        Some(&ABORT) => "ABORT".to_owned(),
        Some(10) => "COOKIE ECHO".to_owned(),
        Some(11) => "COOKIE ACK".to_owned(),
        Some(other) => format!("chunk {other}"),
        None => "without a chunk".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::capture::Rushed;

    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;

    fn segment(flags: u8, data: usize) -> Packet {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let carries = Carries::Tcp { ports: (1, 2), sequence: 3, acknowledges: 4, flags, data };
        let ip = Ip { from: address, to: address, ttl: 64, length: 40 + data, dont_fragment: true, carries };
        Packet { to_mac: None, tag: None, says: Says::Ip(ip) }
    }

    #[test]
    fn what_was_not_seen_again_was_lost_if_all_was_recorded_until_long_after() {
        let at = Duration::from_secs;
        let unseen = |packet: &Packet, seen, rushed: &[Rushed]| {
            let recorded = Recorded { rushed: rushed.to_vec(), ..Recorded::default() };
            Unseen::of(packet, seen, &Packets::of(&recorded, Duration::ZERO, None), at(10))
        };
        let rushed = [Rushed::default(), Rushed::at(at(5))];
        let data = segment(ACK, 1);
        assert_eq!(unseen(&data, at(5), &[]), Unseen::Lost);
        assert_eq!(unseen(&data, at(5), &rushed), Unseen::Sampled);
        assert_eq!(unseen(&data, at(7), &rushed), Unseen::Lost);
        assert_eq!(unseen(&segment(SYN, 0), at(5), &rushed), Unseen::Lost);
        assert_eq!(unseen(&segment(ACK, 60_000), at(5), &[]), Unseen::Sampled);
        let before = at(10).checked_sub(ON_A_WIRE).unwrap();
        let expected = [Unseen::Lost, Unseen::UnderWay, Unseen::UnderWay];
        assert_eq!([before, at(10), at(11)].map(|seen| unseen(&data, seen, &[])), expected);
    }
}
