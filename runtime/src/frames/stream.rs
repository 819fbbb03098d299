//! TCP connections among captured frames: who opened them, and what each end has sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::panic::Location;

use super::Frames;
use super::reassembly::{Reassembled, Reassembly};
use crate::relay::TcpSegment;

/// A TCP connection, put together from the frames of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    client: StreamHalf,
    server: StreamHalf,
}

/// TCP connections, in the order of their first segments: a slice of [`Stream`]s.
#[must_use = "streams claim nothing by themselves: ask what was said in them"]
#[derive(Clone, Debug)]
pub struct Streams {
    all: Vec<Stream>,
    /// Those that they were put together from.
    frames: Frames,
}

/// What one end of a TCP connection has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHalf {
    from: SocketAddr,
    to: SocketAddr,
    sent: Reassembled,
}

/// Why it is not known what one end of a connection has sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Its first segment (SYN) is not among the frames: how much was sent before what there is, nobody can tell.
    #[error(
        "what {from} sent to {to} has no beginning among the frames: its SYN is not there; capture before the connection is opened, where both directions \
         go by"
    )]
    NoBeginning {
        /// Whose bytes they are.
        from: SocketAddr,
        /// To whom they were sent.
        to: SocketAddr,
    },
    /// Some bytes are missing.
    #[error(transparent)]
    Gap(StreamGap),
    /// A byte was sent several times, and not as the same: it was changed on its way, or its sender is broken.
    #[error(
        "of what {from} sent to {to}, the byte behind the first {place} was sent several times, and not as the same: nobody can tell which of them was taken; \
         `pieces` has what was first"
    )]
    Differs {
        /// Whose bytes they are.
        from: SocketAddr,
        /// To whom they were sent.
        to: SocketAddr,
        /// How many bytes were sent before it.
        place: u64,
    },
    /// Some bytes are in front of its SYN, behind its FIN, or of one of several connections between the same ports, or of none.
    #[error(
        "{bytes} bytes of what {from} sent to {to} do not belong where their numbers put them: in front of a SYN, behind a FIN, or in one of several connections \
         between the same ports; nobody can tell what was taken for what: look at the frames, and choose those of one connection"
    )]
    Stray {
        /// Who has sent them.
        from: SocketAddr,
        /// To whom.
        to: SocketAddr,
        /// How many there are.
        bytes: u64,
    },
}

/// Bytes of a stream that are in none of its frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("of what {from} sent to {to}, the bytes from {begin} to {end} are in none of the frames")]
#[non_exhaustive]
pub struct StreamGap {
    /// Whose bytes they are.
    pub from: SocketAddr,
    /// To whom they were sent.
    pub to: SocketAddr,
    /// How many bytes were sent before them.
    pub begin: u64,
    /// How many bytes were sent up to their end.
    pub end: u64,
}

/// A connection that is being put together. Its ends are in the order of who opened it.
struct Connection {
    /// The number of its first frame.
    first: usize,
    ends: [SocketAddr; 2],
    sent: [Reassembly; 2],
    /// Whether its SYN was answered, or something has come behind its first segment; a refusal does not count.
    is_under_way: bool,
    is_reset: bool,
    /// Whether its SYN was, the last time that it was answered.
    is_refused: bool,
    /// How many bytes of each end may be of it, or of another.
    strays: [u64; 2],
}

impl Frames {
    /// The TCP connections among them, in the order of their first segments. A SYN with another number between the same ports is one of its own, answered or not, and ends
    /// none: who has a connection ignores it (RFC 9293 section 3.10.7.4). Each segment is of the one whose numbers it goes on with or repeats, of several the newest. Bytes
    /// that may be of several, or of none, make [`StreamHalf::bytes`] of their sender an error in all those between the same ports ([`StreamError::Stray`]).
    ///
    /// What was sent several times is there once; where that differs, it is not known which the receiver took, and
    /// [`StreamHalf::bytes`] an error. Frames of several interfaces may be of the same connection, as those
    /// of a router are; behind one that translates addresses it is another. Fragments are of none. (A conversation over UDP is its datagrams:
    /// `frames.udp().port(…)`.)
    pub fn streams(&self) -> Streams {
        // Those between the same ends, in the order of their first segments.
        let mut connections: BTreeMap<[SocketAddr; 2], Vec<Connection>> = BTreeMap::new();
        for (first, frame) in self.iter().enumerate() {
            let (Some(segment), Some(source), Some(destination)) = (frame.tcp(), frame.source(), frame.destination())
            else {
                continue;
            };
            let from = SocketAddr::new(source, segment.source_port);
            let to = SocketAddr::new(destination, segment.destination_port);
            let between = connections.entry([from.min(to), from.max(to)]).or_default();
            let nth = match of_which(between, from, &segment) {
                Which::One(nth) => nth,
                Which::Unknown => {
                    for connection in between {
                        connection.may_have(from, segment.payload.len());
                    }
                    continue;
                }
                Which::Another => {
                    between.push(Connection::new(first, from, to, &segment));
                    between.len() - 1
                }
            };
            between[nth].add(from, &segment);
        }
        let mut connections: Vec<_> = connections.into_values().flatten().collect();
        connections.sort_by_key(|connection| connection.first);
        Streams { all: connections.into_iter().map(Connection::finish).collect(), frames: self.clone() }
    }
}

impl Streams {
    /// The only one.
    ///
    /// # Panics
    /// At the caller's line, with the frames, if there are more, or none.
    #[track_caller]
    pub fn one(self) -> Stream {
        let Self { mut all, frames } = self;
        match all.pop() {
            Some(stream) if all.is_empty() => stream,
            last => {
                let found = all.len() + usize::from(last.is_some());
                frames.fail_with(Location::caller(), "exactly 1 TCP connection among the frames", found)
            }
        }
    }
}

impl Deref for Streams {
    type Target = [Stream];

    fn deref(&self) -> &[Stream] {
        &self.all
    }
}

impl IntoIterator for Streams {
    type Item = Stream;
    type IntoIter = std::vec::IntoIter<Stream>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Streams {
    type Item = &'a Stream;
    type IntoIter = std::slice::Iter<'a, Stream>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

/// Of which of the connections between the same ends a segment is.
enum Which {
    One(usize),
    /// It begins it.
    Another,
    /// Of one of them, or of none: nobody can tell.
    Unknown,
}

fn of_which(between: &[Connection], from: SocketAddr, segment: &TcpSegment<'_>) -> Which {
    // The newest of which it may be.
    let newest = |is_it: &dyn Fn(&Connection) -> bool| between.iter().rposition(is_it);
    if segment.syn {
        let known = newest(&|connection| connection.is_opened_by(from, segment))
            .or_else(|| newest(&|connection| connection.is_accepted_by(from, segment)));
        return known.map_or(Which::Another, Which::One);
    }
    // What follows on what was sent, what was sent again, and what follows on a SYN.
    let exact = newest(&|connection| connection.is_under_way && connection.goes_on_with(from, segment))
        .or_else(|| newest(&|connection| connection.is_under_way && connection.has(from, segment)))
        .or_else(|| newest(&|connection| !connection.is_under_way && connection.begins_with(from, segment)))
        // Some is missing in front, and what it acknowledges tells.
        .or_else(|| {
            newest(&|connection| {
                connection.is_answered_by(from, segment) && connection.of(from).has_or_may_go_on_with(segment.sequence)
            })
        });
    if let Some(nth) = exact {
        return Which::One(nth);
    }
    // What is between is missing.
    let may_be: Vec<_> = (0..between.len()).filter(|&nth| between[nth].may_go_on_with(from, segment)).collect();
    match (between.len(), &may_be[..]) {
        // Or there is none.
        _ if between.iter().all(|connection| connection.is_one_from_before(from, segment)) => Which::Another,
        (1, _) => Which::One(0),
        (_, &[only]) => Which::One(only),
        // It has no bytes that could be taken for those of another.
        (all, _) if segment.rst || segment.payload.is_empty() => {
            Which::One(newest(&|connection| connection.is_under_way).unwrap_or(all - 1))
        }
        _ => Which::Unknown,
    }
}

impl Connection {
    fn new(first: usize, from: SocketAddr, to: SocketAddr, segment: &TcpSegment<'_>) -> Self {
        // A SYN-ACK is the answer to who opened it.
        let ends = if segment.syn && segment.ack { [to, from] } else { [from, to] };
        Self {
            first,
            ends,
            sent: Default::default(),
            is_under_way: false,
            is_reset: false,
            is_refused: false,
            strays: [0; 2],
        }
    }

    fn of(&self, from: SocketAddr) -> &Reassembly {
        &self.sent[usize::from(self.ends[0] != from)]
    }

    fn to(&self, from: SocketAddr) -> &Reassembly {
        self.of(self.ends[usize::from(self.ends[0] == from)])
    }

    /// Whether a SYN is the one of this end, which may be sent again, or both have opened it at once.
    fn is_opened_by(&self, from: SocketAddr, syn: &TcpSegment<'_>) -> bool {
        let opens_it_too =
            !self.is_refused && !syn.ack && !self.of(from).is_heard_of() && self.to(from).opened_with().is_some();
        self.of(from).opened_with().map_or(opens_it_too, |number| number == syn.sequence)
    }

    /// Whether a SYN is the answer to that of the other end, or another one in the place of one behind which nothing has come.
    fn is_accepted_by(&self, from: SocketAddr, syn: &TcpSegment<'_>) -> bool {
        let is_new = self.of(from).opened_with().is_none() || self.of(from).is_opened_only();
        is_new && syn.ack && self.to(from).is_opened_and_has(syn.acknowledgment)
    }

    /// Whether a segment is just behind the SYN of its sender, or the first that answers that of the other end, or refuses it.
    fn begins_with(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        let answers = segment.ack && self.to(from).is_opened_and_has(segment.acknowledgment);
        (answers && self.of(from).opened_with().is_none()) || self.of(from).is_opened_and_has(segment.sequence)
    }

    /// Whether a segment is just behind the last of its sender.
    fn goes_on_with(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        self.of(from).goes_on_with(segment.sequence)
    }

    /// Whether a segment was sent before, as far as can be seen.
    fn has(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        let is_about_it = !segment.ack || !self.to(from).is_heard_of() || self.is_answered_by(from, segment);
        is_about_it && self.of(from).has(segment.sequence)
    }

    /// Whether what a segment acknowledges is of this connection.
    fn is_answered_by(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        segment.ack && self.to(from).is_acknowledged_by(segment.acknowledgment)
    }

    /// Whether a segment may be of it if some of what is in front of that is missing.
    fn may_go_on_with(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        !self.is_reset && self.of(from).may_go_on_with(segment.sequence)
    }

    /// Whether a segment is what its sender has of a connection that was there before this one was asked for, and before the capture (RFC 9293 section 3.5.1).
    fn is_one_from_before(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        let answers = self.to(from).is_opened_and_has(segment.acknowledgment);
        segment.ack && !answers && !self.of(from).is_heard_of()
    }

    /// Some bytes are of this connection, or not.
    fn may_have(&mut self, from: SocketAddr, bytes: usize) {
        self.strays[usize::from(self.ends[0] != from)] += bytes as u64;
    }

    fn add(&mut self, from: SocketAddr, segment: &TcpSegment<'_>) {
        let TcpSegment { sequence, acknowledgment, syn, ack, fin, rst, payload, .. } = *segment;
        let by_server = self.ends[0] != from;
        // Whoever refuses it leaves the one before it as it is.
        self.is_under_way |= !rst && (!syn || self.is_accepted_by(from, segment));
        let sent = &mut self.sent[usize::from(by_server)];
        if syn && sent.is_opened_only() && sent.opened_with() != Some(sequence) {
            *sent = Reassembly::default();
        }
        self.is_refused = if rst { !sent.is_heard_of() } else { self.is_refused && !(syn && ack) };
        if rst {
            // A refusal of a SYN has no number to go by, and what a reset carries is a reason, no data (RFC 9293 section 3.10.7.1).
            if sent.is_heard_of() {
                self.is_reset = true;
                sent.add(sequence, false, false, b"");
            }
        } else {
            sent.add(sequence, syn, fin, payload);
        }
        if ack {
            self.sent[usize::from(!by_server)].acknowledged(acknowledgment);
        }
    }

    fn finish(self) -> Stream {
        let [client, server] = self.ends;
        let [mut by_client, mut by_server] = self.sent.map(Reassembly::finish);
        by_client.outside += self.strays[0];
        by_server.outside += self.strays[1];
        Stream {
            client: StreamHalf { from: client, to: server, sent: by_client },
            server: StreamHalf { from: server, to: client, sent: by_server },
        }
    }
}

impl Stream {
    /// What the end has sent that has opened the connection. If that was before the capture, it is the one that was heard first.
    pub fn client(&self) -> &StreamHalf {
        &self.client
    }

    /// What the other end has sent.
    pub fn server(&self) -> &StreamHalf {
        &self.server
    }

    /// Whether its beginning is among the frames: a SYN of either end.
    pub fn is_opened(&self) -> bool {
        self.client.sent.is_begun || self.server.sent.is_begun
    }
}

impl StreamHalf {
    /// Who has sent it.
    pub fn from(&self) -> SocketAddr {
        self.from
    }

    /// To whom.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// All that it has sent, in order: from its SYN up to the last byte that it has sent, or that the other end has acknowledged.
    ///
    /// # Errors
    /// If some of it is in none of the frames, or its SYN is not, or what was sent again was something else, or bytes between the same ports fit nowhere:
    /// [`StreamHalf::pieces`] has what there is, but for those.
    pub fn bytes(&self) -> Result<&[u8], StreamError> {
        let Self { from, to, ref sent } = *self;
        if !sent.is_begun {
            return Err(StreamError::NoBeginning { from, to });
        }
        if let Some(place) = sent.differs {
            return Err(StreamError::Differs { from, to, place });
        }
        if sent.outside > 0 {
            return Err(StreamError::Stray { from, to, bytes: sent.outside });
        }
        match self.gaps().next() {
            Some(gap) => Err(StreamError::Gap(gap)),
            None => Ok(sent.pieces.first().map_or(&[], |(_, piece)| piece)),
        }
    }

    /// What there is of it: how many bytes were sent before, and then these. Without its SYN they are counted from the first that is there.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.sent.pieces.iter().map(|(place, bytes)| (*place, &**bytes))
    }

    /// What is missing: everything between two pieces, and behind them what was acknowledged, gone on behind, or sent before an end that was announced. Without its SYN, what is in
    /// front of the first piece is not among it.
    pub fn gaps(&self) -> impl Iterator<Item = StreamGap> {
        let Self { from, to, ref sent } = *self;
        sent.gaps.iter().map(move |gap| StreamGap { from, to, begin: gap.start, end: gap.end })
    }

    /// Whether it has said that it will send no more (FIN).
    pub fn is_ended(&self) -> bool {
        self.sent.is_ended
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use etherparse::PacketBuilder;

    use super::super::frame::tests::{A, B, frames, heard};
    use super::*;

    /// A segment with these flags: between A's port 4000 and B's port 80, forwards or back.
    fn segment(forth: bool, number: u32, flags: &str, payload: &[u8]) -> Vec<u8> {
        answer(forth, number, 1, flags, payload)
    }

    /// One that acknowledges what comes before a number.
    fn answer(forth: bool, number: u32, expects: u32, flags: &str, payload: &[u8]) -> Vec<u8> {
        let (ips, ports) = if forth { ((A, B), (4000, 80)) } else { ((B, A), (80, 4000)) };
        let mut tcp =
            PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(ips.0, ips.1, 64).tcp(ports.0, ports.1, number, 512);
        for flag in flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(expects),
                'F' => tcp.fin(),
                'R' => tcp.rst(),
                other => panic!("{other}"),
            };
        }
        let mut bytes = Vec::new();
        tcp.write(&mut bytes, payload).unwrap();
        bytes
    }

    fn streams(segments: impl IntoIterator<Item = Vec<u8>>) -> Streams {
        frames(segments.into_iter().map(heard)).streams()
    }

    fn bytes(half: &StreamHalf) -> &[u8] {
        half.bytes().unwrap()
    }

    #[test]
    fn both_directions_are_put_together() {
        let all = streams([
            segment(true, 10, "S", b""),
            answer(false, 900, 11, "SA", b""),
            segment(true, 14, "A", b"lo"),
            segment(true, 11, "A", b"hel"),
            segment(false, 901, "A", b"yes"),
            segment(true, 16, "FA", b""),
        ]);
        let [stream] = &all[..] else { panic!("{all:?}") };
        assert_eq!((bytes(stream.client()), bytes(stream.server())), (&b"hello"[..], &b"yes"[..]));
        assert_eq!(stream.client().from(), SocketAddr::from((A, 4000)));
        assert_eq!(stream.server().from(), SocketAddr::from((B, 80)));
        assert_eq!((stream.client().is_ended(), stream.server().is_ended(), stream.is_opened()), (true, false, true));
    }

    #[test]
    fn who_opened_it_is_known_by_the_answer() {
        let all = streams([segment(false, 900, "SA", b""), segment(true, 11, "A", b"x")]);
        assert_eq!((all.len(), all[0].client().from()), (1, SocketAddr::from((A, 4000))));
    }

    #[test]
    fn a_port_that_is_used_again_begins_another() {
        let all = streams([
            segment(true, 10, "S", b""),
            segment(true, 10, "S", b""),
            segment(true, 11, "A", b"one"),
            segment(true, 5000, "S", b""),
            segment(true, 5001, "A", b"two"),
        ]);
        assert_eq!(all.iter().map(|stream| bytes(stream.client())).collect::<Vec<_>>(), [b"one", b"two"]);
    }

    /// Of each connection, what both ends have sent, or why it is not known.
    fn told(segments: impl IntoIterator<Item = Vec<u8>>) -> Vec<[String; 2]> {
        let half = |half: &StreamHalf| match half.bytes() {
            Ok(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Err(error) => error.to_string(),
        };
        streams(segments).iter().map(|stream| [half(stream.client()), half(stream.server())]).collect()
    }

    /// A connection that is open, with a word of each end.
    fn opened() -> Vec<Vec<u8>> {
        vec![
            segment(true, 10, "S", b""),
            answer(false, 900, 11, "SA", b""),
            answer(true, 11, 901, "A", b"one"),
            answer(false, 901, 14, "A", b"yes"),
        ]
    }

    #[test]
    fn a_port_that_is_used_again_begins_another_when_it_is_accepted() {
        let again = [
            segment(true, 5000, "S", b""),
            // Too late, and sent again.
            answer(false, 901, 14, "A", b"yes"),
            answer(false, 70000, 5001, "SA", b""),
            answer(true, 5001, 70001, "A", b"two"),
            answer(false, 70001, 5004, "FA", b"no"),
        ];
        assert_eq!(told(opened().into_iter().chain(again)), [["one", "yes"], ["two", "no"]]);
    }

    #[test]
    fn a_syn_that_is_not_answered_ends_no_connection() {
        // The last is just in front of what comes next.
        for number in [5000, 12, 13] {
            let more = [
                segment(true, number, "S", b""),
                // It is told what the connection is (RFC 5961 section 4).
                answer(false, 904, 14, "A", b""),
                answer(false, 901, 14, "A", b"yes"),
                answer(true, 14, 904, "A", b"two"),
                segment(true, number, "S", b""),
                answer(false, 904, 17, "A", b"yes"),
            ];
            let nothing = "what 10.0.0.2:80 sent to 10.0.0.1:4000 has no beginning among the frames: its SYN is not there; capture before the connection is \
                           opened, where both directions go by";
            assert_eq!(told(opened().into_iter().chain(more)), [["onetwo", "yesyes"], ["", nothing]], "{number}");
        }
    }

    #[test]
    fn of_two_that_are_asked_for_the_one_that_is_meant_is_accepted() {
        let [first, second] = [[7000, 5000], [5000, 7000]].map(|[accepted, other]| {
            [
                segment(true, accepted, "S", b""),
                segment(true, other, "S", b""),
                answer(false, 900, accepted + 1, "SA", b""),
                answer(true, accepted + 1, 901, "A", b"one"),
            ]
        });
        for segments in [first, second] {
            assert_eq!(told(segments)[0], ["one", ""]);
        }
    }

    #[test]
    fn a_syn_that_is_refused_ends_no_connection() {
        let more =
            [segment(true, 5000, "S", b""), answer(false, 0, 5001, "RA", b""), answer(true, 14, 904, "A", b"two")];
        let all = streams(opened().into_iter().chain(more));
        assert_eq!(all.iter().map(|stream| bytes(stream.client())).collect::<Vec<_>>(), [&b"onetwo"[..], b""]);
    }

    #[test]
    fn of_one_end_alone_a_port_that_is_used_again_begins_another() {
        let of = |forth: bool, again: [Vec<u8>; 2]| {
            let first = opened().into_iter().skip(usize::from(!forth)).step_by(2);
            let all = streams(first.chain(again));
            let half = |stream: &Stream| if forth { stream.client().clone() } else { stream.server().clone() };
            all.iter().map(|stream| String::from_utf8_lossy(bytes(&half(stream))).into_owned()).collect::<Vec<_>>()
        };
        let by_client = [segment(true, 5000, "S", b""), answer(true, 5001, 70001, "A", b"two")];
        assert_eq!(of(true, by_client), ["one", "two"]);
        let by_server = [answer(false, 70000, 5001, "SA", b""), answer(false, 70001, 5004, "A", b"no")];
        assert_eq!(of(false, by_server), ["yes", "no"]);
    }

    /// RFC 7413: the first bytes come with the SYN, and may be acknowledged with it or not.
    #[test]
    fn a_syn_may_have_data() {
        for acknowledged in [11, 14] {
            let open = [
                segment(true, 10, "S", b"one"),
                answer(false, 900, acknowledged, "SA", b""),
                answer(true, acknowledged, 901, "A", &b"onetwo"[acknowledged as usize - 11..]),
            ];
            assert_eq!(told(open), [["onetwo", ""]], "{acknowledged}");
        }
    }

    #[test]
    fn both_may_open_it_at_once() {
        let all = [
            segment(true, 10, "S", b""),
            segment(false, 900, "S", b""),
            answer(true, 10, 901, "SA", b""),
            answer(false, 900, 11, "SA", b""),
            answer(true, 11, 901, "A", b"one"),
            answer(false, 901, 14, "A", b"yes"),
        ];
        assert_eq!(told(all), [["one", "yes"]]);
    }

    /// What is said of bytes that fit nowhere.
    fn strays(bytes: usize) -> String {
        let (from, to) = (SocketAddr::from((A, 4000)), SocketAddr::from((B, 80)));
        StreamError::Stray { from, to, bytes: bytes as u64 }.to_string()
    }

    #[test]
    fn what_has_numbers_in_front_of_its_syn_is_an_error() {
        let stray = answer(true, 5, 904, "A", b"old");
        assert_eq!(told(opened().into_iter().chain([stray])), [[&strays(3), "yes"]]);
        assert_eq!(told([segment(true, 10, "S", b""), answer(true, 5, 0, "A", b"old")])[0][0], strays(3));
    }

    #[test]
    fn what_is_sent_again_begins_no_other() {
        let two = || answer(true, 14, 904, "A", b"two");
        let more = [
            segment(true, 13, "S", b""),
            answer(false, 904, 14, "A", b""),
            two(),
            two(),
            // A probe whether somebody is there still.
            answer(true, 16, 904, "A", b""),
            answer(false, 904, 17, "A", b"yes"),
            answer(true, 17, 907, "A", b"end"),
        ];
        let told = told(opened().into_iter().chain(more));
        assert_eq!((&*told[0][0], &*told[0][1], &*told[1][0]), ("onetwoend", "yesyes", ""));
    }

    #[test]
    fn a_copy_of_the_one_before_that_is_late_is_of_that() {
        let more = [
            answer(true, 14, 904, "R", b""),
            segment(true, 5000, "S", b""),
            answer(false, 70000, 5001, "SA", b""),
            answer(false, 901, 14, "A", b"yes"),
            answer(true, 5001, 70001, "A", b"two"),
            answer(false, 70001, 5004, "A", b"no"),
        ];
        assert_eq!(told(opened().into_iter().chain(more)), [["one", "yes"], ["two", "no"]]);
    }

    #[test]
    fn two_that_are_open_between_the_same_ends_are_both_whole() {
        let more = [
            segment(true, 5000, "S", b""),
            answer(false, 70000, 5001, "SA", b""),
            answer(true, 5001, 70001, "A", b"one"),
            answer(true, 14, 904, "A", b"two"),
            answer(false, 904, 17, "A", b"no"),
            answer(false, 70001, 5004, "A", b"yes"),
        ];
        assert_eq!(told(opened().into_iter().chain(more)), [["onetwo", "yesno"], ["one", "yes"]]);
    }

    /// One of them was there, or was not: neither is known to be whole.
    #[test]
    fn what_may_be_of_either_is_an_error_of_both() {
        let by_client = opened().into_iter().step_by(2);
        let more = [
            segment(true, 5000, "S", b""),
            answer(true, 5003, 70001, "A", b"o"),
            answer(true, 5001, 70001, "A", b"tw"),
        ];
        let all = streams(by_client.chain(more));
        let said: Vec<_> = all.iter().map(|stream| stream.client().bytes().unwrap_err().to_string()).collect();
        assert_eq!(said, [strays(1), strays(1)]);
    }

    #[test]
    fn what_is_missing_behind_a_syn_is_said_where_the_one_before_has_ended() {
        for end in ["FA", "R"] {
            let by_client = opened().into_iter().step_by(2);
            let more = [
                answer(true, 14, 904, end, b""),
                segment(true, 5000, "S", b""),
                answer(true, 5004, 70001, "A", b"more"),
            ];
            let all = streams(by_client.chain(more));
            assert_eq!(bytes(all[0].client()), b"one");
            let missing = all[1].client().gaps().map(|gap| (gap.begin, gap.end)).collect::<Vec<_>>();
            assert_eq!(missing, [(0, 3)], "{end}");
        }
    }

    #[test]
    fn what_is_far_from_all_that_is_known_is_an_error() {
        let more = [
            answer(true, 14, 904, "R", b""),
            segment(true, 5000, "S", b""),
            answer(false, 70000, 5001, "SA", b""),
            answer(true, 5001 + (32 << 20), 70001, "A", b"far"),
        ];
        let told = told(opened().into_iter().chain(more));
        assert_eq!((&told[0][0], &told[1][0]), (&strays(3), &strays(3)));
    }

    /// What it acknowledges tells.
    #[test]
    fn numbers_that_another_has_had_are_of_the_one_that_has_them_now() {
        let more = [
            answer(true, 14, 904, "R", b""),
            segment(true, 11, "S", b""),
            answer(false, 70000, 12, "SA", b""),
            answer(true, 13, 70001, "A", b"e"),
            answer(true, 12, 70001, "A", b"n"),
        ];
        assert_eq!(told(opened().into_iter().chain(more)), [["one", "yes"], ["ne", ""]]);
    }

    #[test]
    fn a_probe_of_one_that_was_not_spoken_in_yet_is_of_that() {
        let quiet = [segment(true, 10, "S", b""), answer(false, 900, 11, "SA", b""), answer(true, 11, 901, "A", b"")];
        let more = [segment(true, 5000, "S", b""), answer(true, 10, 901, "A", b"?")];
        let told = told(quiet.into_iter().chain(more));
        assert_eq!((&*told[0][0], &*told[0][1], &*told[1][0]), ("", "", ""));
    }

    #[test]
    fn another_answer_to_a_syn_takes_nothing_from_one_that_was_spoken_in() {
        let stray = answer(false, 850, 11, "SA", b"");
        assert_eq!(told(opened().into_iter().chain([stray]))[0], ["one", "yes"]);
    }

    #[test]
    fn whoever_answers_first_may_speak_first() {
        let more = [
            segment(true, 5000, "S", b""),
            answer(false, 70001, 5001, "A", b"hi"),
            answer(false, 70000, 5001, "SA", b""),
            answer(true, 5001, 70003, "A", b""),
        ];
        assert_eq!(told(opened().into_iter().chain(more)), [["one", "yes"], ["", "hi"]]);
    }

    #[test]
    fn a_syn_that_is_answered_again_has_the_last_answer() {
        let more = [
            segment(true, 10, "S", b""),
            answer(false, 900, 11, "SA", b""),
            segment(true, 10, "S", b""),
            answer(false, 850, 11, "SA", b""),
            answer(true, 11, 851, "A", b"one"),
            answer(false, 851, 14, "A", b"yes"),
        ];
        assert_eq!(told(more), [["one", "yes"]]);
    }

    #[test]
    fn a_syn_of_the_other_end_is_of_another_when_that_has_been_heard() {
        let all = [segment(true, 10, "S", b""), answer(true, 11, 901, "A", b"one"), segment(false, 5000, "S", b"")];
        let all = streams(all);
        assert_eq!(
            all.iter().map(|stream| stream.client().from().ip().to_string()).collect::<Vec<_>>(),
            [A, B].map(|ip| std::net::Ipv4Addr::from(ip).to_string())
        );
    }

    /// A router has two copies of each frame, and a sender that has to send again sends together what it has.
    #[test]
    fn of_one_end_alone_what_is_sent_again_is_of_the_one_that_it_was_of() {
        for end in ["FA", "A"] {
            let again = [answer(true, 14, 904, end, b""), segment(true, 5000, "S", b"")];
            let of_second = |payload: &[u8]| answer(true, 5001, 70001, "A", payload);
            let all = streams(opened().into_iter().step_by(2).chain(again).chain([
                of_second(b"two"),
                of_second(b"two"),
                of_second(b"twomore"),
            ]));
            assert_eq!(
                all.iter().map(|stream| bytes(stream.client())).collect::<Vec<_>>(),
                [&b"one"[..], b"twomore"],
                "{end}"
            );
        }
    }

    #[test]
    fn what_was_under_way_when_it_was_reset_is_of_that() {
        let refused = [segment(true, 10, "S", b""), answer(false, 0, 11, "RA", b"")];
        let more = [
            segment(true, 5000, "S", b""),
            answer(false, 70000, 5001, "SA", b""),
            answer(true, 5001, 70001, "A", b"one"),
            answer(false, 70001, 0, "R", b""),
            answer(true, 5007, 70001, "A", b"x"),
        ];
        let all = streams(refused.into_iter().chain(more));
        let gaps: Vec<_> = all
            .iter()
            .map(|stream| stream.client().gaps().map(|gap| (gap.begin, gap.end)).collect::<Vec<_>>())
            .collect();
        assert_eq!(gaps, [vec![], vec![(3, 6)]]);
    }

    #[test]
    fn whoever_has_refused_one_may_open_another() {
        let all = [
            segment(true, 10, "S", b""),
            answer(false, 0, 11, "RA", b""),
            segment(false, 5000, "S", b""),
            answer(true, 20, 5001, "SA", b""),
            answer(false, 5001, 21, "A", b"request"),
            answer(true, 21, 5008, "A", b"response"),
        ];
        let all = streams(all);
        assert_eq!((all.len(), all[1].client().from().port()), (2, 80));
        assert_eq!((bytes(all[1].client()), bytes(all[1].server())), (&b"request"[..], &b"response"[..]));
    }

    #[test]
    fn one_that_was_refused_is_no_rival_of_one_that_is_open() {
        let all = [
            segment(true, 10, "S", b""),
            answer(false, 0, 11, "RA", b""),
            segment(true, 5000, "S", b""),
            answer(false, 900, 5001, "SA", b""),
            answer(true, 5001, 901, "A", b""),
            answer(true, 5004, 901, "A", b"two"),
            answer(true, 5001, 901, "A", b"one"),
        ];
        let all = streams(all);
        assert_eq!(all.iter().map(|stream| bytes(stream.client())).collect::<Vec<_>>(), [&b""[..], b"onetwo"]);
    }

    /// Whoever has lost it asks for another, and is told what there was.
    #[test]
    fn one_from_before_the_capture_is_not_taken_for_the_one_that_is_asked_for() {
        let all = [
            segment(true, 5000, "S", b""),
            answer(false, 90000, 800_000, "A", b""),
            segment(true, 800_000, "R", b""),
            segment(true, 5000, "S", b""),
            answer(false, 70000, 5001, "SA", b""),
            answer(true, 5001, 70001, "A", b"two"),
            answer(false, 70001, 5004, "A", b"yes"),
        ];
        let both = ["two".to_owned(), "yes".to_owned()];
        let told_of_all = told(all.clone());
        assert_eq!((told_of_all.len(), &told_of_all[0]), (2, &both));
        // It was asked for before, in vain.
        assert!(told([segment(true, 4000, "S", b"")].into_iter().chain(all)).contains(&both));
        // What is acknowledged may be missing, too.
        let asked = segment(true, 10, "S", b"");
        let accepted = [asked.clone(), answer(false, 900, 11, "SA", b""), answer(false, 905, 20, "A", b"yes")];
        let spoken_in = [asked, answer(true, 11, 901, "A", b"one"), answer(false, 901, 20, "A", b"yes")];
        for all in [accepted, spoken_in] {
            assert_eq!(streams(all).one().client().gaps().map(|gap| gap.end).collect::<Vec<_>>(), [9]);
        }
    }

    #[test]
    fn a_reset_has_no_data_and_a_refusal_no_number() {
        let all = opened().into_iter().chain([answer(true, 14, 904, "RA", b"goaway")]);
        assert_eq!(told(all), [["one", "yes"]]);
        let refused = [
            segment(true, 10, "S", b""),
            answer(false, 0, 11, "RA", b""),
            segment(true, 10, "S", b""),
            answer(false, 0xf000_0000, 11, "SA", b""),
            answer(true, 11, 0xf000_0001, "A", b"one"),
            answer(false, 0xf000_0001, 14, "A", b"yes"),
        ];
        assert_eq!(told(refused), [["one", "yes"]]);
    }

    #[test]
    fn a_connection_from_before_ends_with_a_new_one() {
        let all = streams([segment(true, 70, "A", b"old"), segment(true, 5, "S", b""), segment(true, 6, "A", b"new")]);
        assert_eq!(all.iter().map(Stream::is_opened).collect::<Vec<_>>(), [false, true]);
        assert_eq!(all[0].client().pieces().collect::<Vec<_>>(), [(0, &b"old"[..])]);
        assert_eq!(bytes(all[1].client()), b"new");
    }

    #[test]
    fn bytes_that_are_missing_are_an_error_that_says_which() {
        let all = streams([segment(true, 10, "S", b""), segment(true, 14, "A", b"lo")]);
        let error = all[0].client().bytes().unwrap_err();
        let expected = "of what 10.0.0.1:4000 sent to 10.0.0.2:80, the bytes from 0 to 3 are in none of the frames";
        assert_eq!(error.to_string(), expected);
        assert_eq!(all[0].client().pieces().collect::<Vec<_>>(), [(3, &b"lo"[..])]);
    }

    #[test]
    fn one_is_neither_none_nor_two() {
        let said = |of: Streams| {
            *std::panic::catch_unwind(AssertUnwindSafe(|| of.one())).unwrap_err().downcast::<String>().unwrap()
        };
        let syn = |number| segment(true, number, "S", b"");
        assert_eq!(streams([syn(10)]).one().client().from(), SocketAddr::from((A, 4000)));
        let begins = "assertion failed: exactly 1 TCP connection among the frames of segment `lan`\n  found ";
        let message = said(streams([syn(10), syn(5000)]));
        assert!(message.starts_with(&format!("{begins}2 among 2 that were captured:\n")), "{message}");
        assert_eq!(message.matches("TCP SYN, sequence ").count(), 2, "{message}");
        assert_eq!(said(streams([])), format!("{begins}none among 0 that were captured"));
        let of_others = frames([heard(syn(10))]).udp().streams();
        let message = said(of_others);
        assert!(message.contains(": UDP\n  found none among 1 that were captured:\n"), "{message}");
    }

    #[test]
    fn without_its_beginning_it_is_not_known_whether_it_is_all() {
        let all = streams([segment(true, 14, "A", b"lo"), segment(false, 900, "A", b"")]);
        let expected = "what 10.0.0.1:4000 sent to 10.0.0.2:80 has no beginning among the frames: its SYN is not there; capture before the connection is \
                        opened, where both directions go by";
        assert_eq!(all[0].client().bytes().unwrap_err().to_string(), expected);
        assert_eq!(all[0].client().pieces().collect::<Vec<_>>(), [(0, &b"lo"[..])]);
        // The other half of one whose beginning was seen.
        let all = streams([segment(true, 10, "S", b""), segment(true, 11, "A", b"hello")]);
        assert_eq!(bytes(all[0].client()), b"hello");
        assert!(matches!(all[0].server().bytes(), Err(StreamError::NoBeginning { .. })));
    }

    #[test]
    fn what_was_acknowledged_and_not_seen_is_missing() {
        let acknowledges = |number| {
            let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(B, A, 64).tcp(80, 4000, 901, 512).ack(number);
            let mut bytes = Vec::new();
            builder.write(&mut bytes, b"").unwrap();
            bytes
        };
        let seen = [segment(true, 10, "S", b""), segment(true, 11, "A", b"hello")];
        let all = streams(seen.iter().cloned().chain([acknowledges(16)]));
        assert_eq!(bytes(all[0].client()), b"hello");
        let all = streams(seen.into_iter().chain([acknowledges(20)]));
        let expected = "of what 10.0.0.1:4000 sent to 10.0.0.2:80, the bytes from 5 to 9 are in none of the frames";
        assert_eq!(all[0].client().bytes().unwrap_err().to_string(), expected);
        assert_eq!(all[0].client().pieces().collect::<Vec<_>>(), [(0, &b"hello"[..])]);
    }
}
