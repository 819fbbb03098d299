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
}

impl Frames {
    /// The TCP connections among them, in the order of their first segments. A port that is used again begins another.
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
            // The last one between the two: those before it are over.
            let known = connections.iter_mut().rev().find(|connection| connection.is_between(from, to));
            if let Some(connection) = known.filter(|connection| connection.goes_on_with(from, &segment)) {
                connection.add(from, &segment);
                continue;
            }
            // A SYN-ACK is the answer to who opened it.
            let ends = if segment.syn && segment.ack { [to, from] } else { [from, to] };
            let mut connection = Connection { ends, sent: Default::default() };
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

impl Connection {
    fn is_between(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.ends == [from, to] || self.ends == [to, from]
    }

    fn of(&self, from: SocketAddr) -> &Reassembly {
        &self.sent[usize::from(self.ends[0] != from)]
    }

    /// Whether a segment is of this connection, and not the first of another between the same ends.
    fn goes_on_with(&self, from: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        let opens = segment.syn && !segment.ack;
        // One that both have opened at once, or one that was there before the capture, which a SYN ends.
        let is_both_s = self.ends[0] != from && self.of(self.ends[0]).opened_with().is_some();
        !opens || self.of(from).opened_with().map_or(is_both_s, |number| number == segment.sequence)
    }

    fn add(&mut self, from: SocketAddr, segment: &TcpSegment<'_>) {
        let TcpSegment { sequence, acknowledgment, syn, ack, fin, payload, .. } = *segment;
        let by_server = self.ends[0] != from;
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
        let (ips, ports) = if forth { ((A, B), (4000, 80)) } else { ((B, A), (80, 4000)) };
        let mut tcp =
            PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(ips.0, ips.1, 64).tcp(ports.0, ports.1, number, 512);
        for flag in flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(1),
                'F' => tcp.fin(),
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
            segment(false, 900, "SA", b""),
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
