//! TCP connections among captured frames: who opened them, and what each end has sent.

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
    /// Some bytes are of another connection between the same ports, or of none.
    #[error(
        "{bytes} bytes of what {from} sent to {to} have numbers in front of its SYN: they are of another connection between the same ports, or of none"
    )]
    InFront {
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
    ends: [SocketAddr; 2],
    sent: [Reassembly; 2],
    /// Whether it has taken the place of those before it: more than its first segment was seen.
    is_under_way: bool,
}

impl Frames {
    /// The TCP connections among them, in the order of their first segments. A SYN with another number between the same ports is one of its own; what comes then is of
    /// the one before until that SYN is answered, or its sender goes on behind it: who has a connection ignores it (RFC 9293 section 3.10.7.4).
    ///
    /// What was sent several times is there once; where that differs, it is not known which the receiver took, and
    /// [`StreamHalf::bytes`] an error. Frames of several interfaces may be of the same connection, as those
    /// of a router are; behind one that translates addresses it is another. Fragments are of none. (A conversation over UDP is its datagrams:
    /// `frames.udp().port(…)`.)
    pub fn streams(&self) -> Streams {
        let mut connections: Vec<Connection> = Vec::new();
        for frame in self {
            let (Some(segment), Some(source), Some(destination)) = (frame.tcp(), frame.source(), frame.destination())
            else {
                continue;
            };
            let from = SocketAddr::new(source, segment.source_port);
            let to = SocketAddr::new(destination, segment.destination_port);
            let mut between: Vec<&mut Connection> =
                connections.iter_mut().filter(|connection| connection.is_between(from, to)).collect();
            if let Some(nth) = of_which(&between, from, &segment) {
                between[nth].add(from, &segment);
                continue;
            }
            let mut connection = Connection::new(from, to, &segment);
            connection.add(from, &segment);
            connections.push(connection);
        }
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

/// Of which of the connections between the same ends a segment is, if it does not begin another.
fn of_which(between: &[&mut Connection], from: SocketAddr, segment: &TcpSegment<'_>) -> Option<usize> {
    // The newest of which it may be.
    let newest = |is_it: &dyn Fn(&Connection) -> bool| between.iter().rposition(|connection| is_it(connection));
    if segment.syn {
        return newest(&|connection| connection.is_opened_by(from, segment))
            .or_else(|| newest(&|connection| connection.is_accepted_by(from, segment)));
    }
    let under_way = newest(&|connection| connection.is_under_way);
    let goes_on = under_way.is_some_and(|nth| between[nth].goes_on_with(from, segment));
    let begins = newest(&|connection| !connection.is_under_way && connection.begins_with(from, segment));
    begins.filter(|_| !goes_on).or(under_way).or(between.len().checked_sub(1))
}

impl Connection {
    fn new(from: SocketAddr, to: SocketAddr, first: &TcpSegment<'_>) -> Self {
        // A SYN-ACK is the answer to who opened it.
        let ends = if first.syn && first.ack { [to, from] } else { [from, to] };
        Self { ends, sent: Default::default(), is_under_way: false }
    }

    fn is_between(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.ends == [from, to] || self.ends == [to, from]
    }

    fn of(&self, from: SocketAddr) -> &Reassembly {
        &self.sent[usize::from(self.ends[0] != from)]
    }

    fn to(&self, from: SocketAddr) -> &Reassembly {
        self.of(self.ends[usize::from(self.ends[0] == from)])
    }

    /// Whether a SYN is the one of this end, which may be sent again, or both have opened it at once.
    fn is_opened_by(&self, from: SocketAddr, syn: &TcpSegment<'_>) -> bool {
        let is_both_s = !syn.ack && !self.of(from).is_heard_of() && self.to(from).opened_with().is_some();
        self.of(from).opened_with().map_or(is_both_s, |number| number == syn.sequence)
    }

    /// Whether a SYN is the answer to that of the other end.
    fn is_accepted_by(&self, from: SocketAddr, syn: &TcpSegment<'_>) -> bool {
        let is_new = self.of(from).opened_with().is_none();
        is_new && syn.ack && self.to(from).is_opened_and_acknowledged_by(syn.acknowledgment)
    }

    /// Whether a segment is just behind the SYN of its sender, or refuses that of the other end.
    fn begins_with(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        let refuses = segment.rst && segment.ack && self.to(from).is_opened_and_acknowledged_by(segment.acknowledgment);
        refuses || self.of(from).opened_with() == Some(segment.sequence.wrapping_sub(1))
    }

    /// Whether a segment is just behind the last of its sender.
    fn goes_on_with(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        self.of(from).goes_on_with(segment.sequence)
    }

    fn add(&mut self, from: SocketAddr, segment: &TcpSegment<'_>) {
        let TcpSegment { sequence, acknowledgment, syn, ack, fin, rst, payload, .. } = *segment;
        let by_server = self.ends[0] != from;
        // Whoever refuses it leaves the one before it as it is.
        self.is_under_way |= !rst && (!syn || self.is_accepted_by(from, segment));
        self.sent[usize::from(by_server)].add(sequence, syn, fin, payload);
        if ack {
            self.sent[usize::from(!by_server)].acknowledged(acknowledgment);
        }
    }

    fn finish(self) -> Stream {
        let [client, server] = self.ends;
        let [by_client, by_server] = self.sent.map(Reassembly::finish);
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
    /// If some of it is in none of the frames, or its SYN is not, or what was sent again was something else: [`StreamHalf::pieces`] has what there is.
    pub fn bytes(&self) -> Result<&[u8], StreamError> {
        let Self { from, to, ref sent } = *self;
        if !sent.is_begun {
            return Err(StreamError::NoBeginning { from, to });
        }
        if let Some(place) = sent.differs {
            return Err(StreamError::Differs { from, to, place });
        }
        if sent.in_front > 0 {
            return Err(StreamError::InFront { from, to, bytes: sent.in_front });
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

    /// What is missing: everything between two pieces, and behind them what was acknowledged, or sent before an end that was announced. Without its SYN, what is in
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

    #[test]
    fn what_has_numbers_in_front_of_its_syn_is_an_error() {
        let expected = "3 bytes of what 10.0.0.1:4000 sent to 10.0.0.2:80 have numbers in front of its SYN: they are of another connection between the same \
                        ports, or of none";
        let stray = answer(true, 5, 904, "A", b"old");
        assert_eq!(told(opened().into_iter().chain([stray])), [[expected, "yes"]]);
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
