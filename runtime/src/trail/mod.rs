//! Why a question got no answer: the way of its packets through the lab, and what the kernel at their end says about it.

mod cause;
mod conversation;
mod followed;
mod map;
mod packet;
mod way;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};
use std::{fmt, io};

use cause::Cause;
pub(crate) use conversation::{Conversation, Passage, Place, Role};
use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type};
pub(crate) use followed::{Followed, Found, Questions};
use map::Map;
use packet::{Carries, Ip};
use socket2::{Domain, Protocol, Socket, Type};
use way::{End, Packets, Sighting, Way};

use crate::Host;
use crate::capture::{Direction, Interface, Recorded, Recorder};
use crate::host::Surroundings;
use crate::transport::Transport;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) from: Host,
    pub(crate) asking: Asking,
}

/// A question, whoever asks it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) to: IpAddr,
    pub(crate) asked: Asked,
    /// When it was asked first.
    pub(crate) since: Instant,
}

/// In which way it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Echo,
    Port(Transport, u16),
    /// By ARP or neighbour discovery.
    Neighbour,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo => f.write_str("for an echo"),
            Self::Port(transport, port) => write!(f, "for {transport} port {port}"),
            Self::Neighbour => f.write_str("for its link-layer address"),
        }
    }
}

/// How long it may take to find out, stretched: a failure is told without, then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the packets of a question went that got no answer, and why no further: some lines behind a newline, or nothing if nothing is known.
pub(crate) fn explain(question: &Question) -> String {
    follow(question, false, look)
}

/// Where the packets of a question went that was answered, and was not to be.
pub(crate) fn way(question: &Question) -> String {
    follow(question, true, |question| {
        let recorder = question.from.surroundings().recorder.as_ref();
        let frames = recorder.map(Recorder::recorded).unwrap_or_default();
        let packets = Packets::of(&frames, question.asking.since_1970());
        let way = packets.furthest(question.from.machine().number(), |ip| question.asking.is_asked_by(ip));
        let Some(way) = way else { return Found::default() };
        let map = Map(question.from.surroundings());
        Found { lines: vec![way.tell(map)], marks: way.mark(map), died_in: None }
    })
}

/// Follows a question, and remembers what was found for whoever is told of the lab later.
fn follow(question: &Question, was_answered: bool, look: impl FnOnce(&Question) -> Found + Send + 'static) -> String {
    let surroundings = question.from.surroundings();
    let (from, asking) = (question.from.machine().number(), question.asking);
    let nth = surroundings.followed.begin(Followed { from, asking, failed: Instant::now(), was_answered, found: None });
    let found = soon(question, look);
    let indented: Vec<_> = found.lines.iter().map(|line| format!("\n  {}", line.replace('\n', "\n  "))).collect();
    surroundings.followed.note(nth, found);
    indented.concat()
}

/// On a thread that is left behind if it takes too long: what has failed is more important than why.
fn soon(question: &Question, look: impl FnOnce(&Question) -> Found + Send + 'static) -> Found {
    let patience = question.from.scaled(PATIENCE);
    let (tell, told) = mpsc::channel();
    let asked = question.clone();
    let started = std::thread::Builder::new().name("netns-test".to_owned()).spawn(move || {
        // Whoever waits may have stopped.
        let _ = tell.send(look(&asked));
    });
    if started.is_err() {
        return Found::default();
    }
    told.recv_timeout(patience).unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => Found::only(format!("where it died was not found out within {patience:?}")),
        mpsc::RecvTimeoutError::Disconnected => Found::only("where it died was not found out: a bug"),
    })
}

/// What is to be said of the frames of a lab, by their numbers: those of questions that were followed, and what answered to them.
pub(crate) fn comments(surroundings: &Surroundings, recorded: &Recorded) -> BTreeMap<usize, String> {
    let mut comments = BTreeMap::new();
    for Followed { from, asking, was_answered, .. } in surroundings.followed.all() {
        let packets = Packets::of(recorded, asking.since_1970());
        let fate = if was_answered { "was not to be answered" } else { "failed" };
        packets.mark(
            |ip| asking.is_asked_by(ip),
            |number, role| {
                let (from, to) = (Map(surroundings).host(from), asking.to);
                comments.insert(number, format!("{} of {from} to {to}, which {fate}", role.name()));
            },
        );
    }
    comments
}

/// What an interface of a host is called, by the kernel's index of it.
pub(crate) fn interface(surroundings: &Surroundings, host: usize, index: u32) -> Interface {
    let map = Map(surroundings);
    Interface { name: map.place(host, index), mac: map.member(host, index).map(|member| map.mac(member)) }
}

impl Asking {
    fn is_asked_by(&self, ip: &Ip) -> bool {
        ip.to == self.to
            && match (self.asked, &ip.carries) {
                (Asked::Echo, Carries::Echo { request, .. }) => *request,
                // The first segment of a connection: SYN without ACK.
                (Asked::Port(Transport::Tcp, port), Carries::Tcp { ports, flags, .. }) => {
                    ports.1 == port && flags & 0x12 == 0x02
                }
                (Asked::Port(Transport::Udp, port), Carries::Udp { ports, .. }) => ports.1 == port,
                // INIT (RFC 9260 section 3.2).
                (Asked::Port(Transport::Sctp, port), Carries::Sctp { ports, chunk, .. }) => {
                    ports.1 == port && chunk.first() == Some(&1)
                }
                _ => false,
            }
    }

    /// Asks once more, from where this thread is, and does not wait for an answer. The socket is the one that it would come to.
    fn ask_again(&self) -> io::Result<Socket> {
        let domain = if self.to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let (kind, protocol, port) = match self.asked {
            Asked::Echo | Asked::Neighbour if self.to.is_ipv4() => (Type::RAW, Protocol::ICMPV4, 0),
            Asked::Echo | Asked::Neighbour => (Type::RAW, Protocol::ICMPV6, 0),
            Asked::Port(transport, port) => {
                let kind = if transport == Transport::Udp { Type::DGRAM } else { Type::STREAM };
                (kind, Protocol::from(i32::from(transport.number())), port)
            }
        };
        let socket = Socket::new(domain, kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&SocketAddr::new(self.to, port).into()) {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            connected => connected?,
        }
        if kind != Type::STREAM {
            let echo = IcmpEchoHeader { id: 0, seq: 0 };
            let message = match self.to {
                // Of ICMPv6 the kernel computes the checksum (RFC 3542 section 3.1).
                _ if kind == Type::DGRAM => vec![0; 8],
                IpAddr::V4(_) => Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), &[]).to_bytes().to_vec(),
                IpAddr::V6(_) => Icmpv6Header::new(Icmpv6Type::EchoRequest(echo)).to_bytes().to_vec(),
            };
            socket.send(&message)?;
        }
        Ok(socket)
    }

    /// When it was asked first, since 1970.
    fn since_1970(&self) -> Duration {
        let then = SystemTime::now().checked_sub(self.since.elapsed());
        then.and_then(|then| then.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default()
    }
}

fn look(question: &Question) -> Found {
    let surroundings = question.from.surroundings();
    let map = Map(surroundings);
    let recorder = match &surroundings.recorder {
        Ok(recorder) => recorder,
        Err(error) => return Found::only(format!("where it died is not known: no frames were recorded: {error}")),
    };
    let frames = recorder.recorded();
    let packets = Packets::of(&frames, question.asking.since_1970());
    let from = question.from.machine().number();
    let way = packets.furthest(from, |ip| question.asking.is_asked_by(ip));
    let scene = cause::Scene { map, packets: &packets, question };
    let mut found = if let Some(way) = &way {
        let why = why(&scene, way);
        let lines = vec![way.tell(map), why.to_string()];
        Found { lines, marks: way.mark(map), died_in: None }.died(map, way.last(), why.summary())
    } else {
        let why = scene.not_sent();
        let nothing = format!("nothing of it left {}", map.host(from));
        let nothing = (question.asking.asked != Asked::Neighbour).then_some(nothing);
        let lines = nothing.into_iter().chain([why.to_string()]).collect();
        Found { lines, ..Found::default() }.died_in(map, from, why.summary())
    };
    if frames.forgotten > 0 && frames.frames.first().is_some_and(|oldest| oldest.time > question.asking.since_1970()) {
        found.lines.push("note: so much was recorded that its beginning has been forgotten".to_owned());
    }
    let lost: u64 = frames.lost.iter().sum();
    if lost > 0 {
        found.lines.push(format!(
            "note: {lost} frames came faster than they were recorded; it may have gone further than was seen"
        ));
    }
    found
}

impl Found {
    /// Marks where a packet was seen last: on the segment that it had left for, or in the host that it had come to.
    fn died(self, map: Map<'_>, last: Option<&Sighting>, why: &str) -> Self {
        let Some(last) = last else { return self };
        match map.member(last.host, last.interface).filter(|_| last.direction == Direction::Out) {
            Some(member) => Self { marks: self.marks.died_on(map.segment(member), why), ..self },
            None => self.died_in(map, last.host, why),
        }
    }

    fn died_in(self, map: Map<'_>, host: usize, why: &str) -> Self {
        Self { marks: self.marks.died_in(map.host(host), why), died_in: Some((host, why.to_owned())), ..self }
    }
}

/// Why it went no further.
fn why(scene: &cause::Scene<'_>, way: &Way) -> Cause {
    if let Some((refusal, said)) = way.refusals.first() {
        return scene.refused(way, refusal, *said);
    }
    let (leg, sightings) =
        if way.back.is_empty() { (cause::Leg::There, &way.there) } else { (cause::Leg::Back, &way.back) };
    match End::of(sightings, |host, address| scene.owns(host, address)) {
        Some(End::OnTheWire(last)) => scene.lost_on_the_wire(leg, last),
        Some(End::Inside(last)) => scene.stuck(leg, last),
        Some(End::Delivered(last)) if leg == cause::Leg::There => scene.unanswered(last),
        // A router's own address, which it would have translated.
        Some(End::Delivered(last)) if last.host != scene.question.from.machine().number() => scene.stuck(leg, last),
        Some(End::Delivered(last)) => scene.not_taken(way, last),
        None => Cause::unknown("it was seen nowhere"),
    }
}
