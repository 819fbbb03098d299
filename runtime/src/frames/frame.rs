//! A frame that was captured.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Direction;
use crate::relay::WireFrame;

/// An interface, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Arc<str>,
    pub(super) interface: Arc<str>,
}

/// A frame that was captured, and where: what its headers say, it says as a [`WireFrame`] does.
///
/// It is what a host has handed to its interface, which for TCP may be up to 64 kB at once: a card would cut that into segments, and between two
/// hosts there is none. Its headers are those of all of it, so a SYN is one SYN; its payload is all of theirs. A segment, or an interface, that is drawn
/// with `offload = false` has one frame for each. Checksums may be left to that card, too. Datagrams of UDP that a program has handed over at once
/// (`UDP_SEGMENT` in udp(7), as QUIC does) are a frame each, as the card would have sent them.
///
/// `{}` is one line: when, where, and what its headers say. Nothing of its payload is in it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub(super) wire: WireFrame,
    pub(super) place: Place,
    pub(super) direction: Direction,
    /// Since the lab was made; until it is kept, since 1970.
    pub(super) time: Duration,
}

impl Frame {
    /// The same with other bytes.
    pub(super) fn with(&self, bytes: Vec<u8>) -> Self {
        let Self { wire, place, direction, time } = self;
        Self { wire: wire.with(bytes), place: place.clone(), direction: *direction, time: *time }
    }

    /// The name of the host that has sent it, or at which it has arrived.
    pub fn host(&self) -> &str {
        &self.place.host
    }

    /// The name of that host's interface. Those of a bond's legs are the bond's.
    pub fn interface(&self) -> &str {
        &self.place.interface
    }

    /// When it was sent, or when it arrived, since the lab was made: so that frames of several captures can be compared.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Whether its host has sent it.
    pub fn is_sent(&self) -> bool {
        self.direction == Direction::Out
    }

    /// Whether it has arrived at its host, for whomever.
    pub fn is_received(&self) -> bool {
        !self.is_sent()
    }

    /// Whether it has arrived at its host, and is for another's MAC address: a switch that does not know yet where that is passes frames on to all.
    pub fn is_overheard(&self) -> bool {
        self.direction == Direction::Past
    }
}

impl Deref for Frame {
    type Target = WireFrame;

    fn deref(&self) -> &WireFrame {
        &self.wire
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.direction {
            Direction::Out => "from",
            Direction::In => "to",
            Direction::Past => "past",
        };
        // A program may give its interface any name.
        let interface = self.interface().escape_debug();
        write!(f, "{:>10.6}s  {way} {}:{interface}  {}", self.time.as_secs_f64(), self.host(), self.wire)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use etherparse::PacketBuilder;

    use super::super::Frames;
    use super::*;
    use crate::capture::LinkLayer;

    pub(in crate::frames) const A: [u8; 4] = [10, 0, 0, 1];
    pub(in crate::frames) const B: [u8; 4] = [10, 0, 0, 2];

    /// A frame that host `a` has sent.
    pub(in crate::frames) fn heard(bytes: Vec<u8>) -> Frame {
        let place = Place { host: "a".into(), interface: "eth0".into() };
        let wire = WireFrame::heard(Some("a".into()), LinkLayer::Ethernet, bytes);
        Frame { wire, place, direction: Direction::Out, time: Duration::from_micros(1234) }
    }

    pub(in crate::frames) fn frames(all: impl IntoIterator<Item = Frame>) -> Frames {
        Frames::new("segment `lan`".to_owned(), all.into_iter().map(Arc::new).collect(), Vec::new())
    }

    fn datagram() -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).single_vlan(10.try_into().unwrap()).ipv4(A, B, 9);
        builder.udp(4000, 53).write(&mut bytes, b"\x1b[2J").unwrap();
        // The differentiated services field: DSCP 46, ECN 3.
        bytes[19] = 46 << 2 | 3;
        bytes
    }

    #[test]
    fn headers_are_read() {
        let frame = heard(datagram());
        assert_eq!((frame.vlan(), frame.ttl(), frame.dscp(), frame.ecn()), (Some(10), Some(9), Some(46), Some(3)));
        assert_eq!((frame.source(), frame.destination()), (Some(A.into()), Some(B.into())));
        assert_eq!((frame.ports(), frame.protocol(), frame.from()), (Some((4000, 53)), Some(17), Some("a")));
        assert_eq!(frame.udp().unwrap().payload, b"\x1b[2J");
        let macs = (frame.source_mac().unwrap(), frame.destination_mac().unwrap());
        assert_eq!((macs.0.0, macs.1.0), ([2; 6], [4; 6]));
    }

    #[test]
    fn a_line_has_nothing_that_a_terminal_could_take_for_more() {
        let mut frame = heard(datagram());
        frame.place.interface = "e\x1b[2J\n".into();
        let line = frame.to_string();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let expected = "  0.001234s  from a:e\\u{1b}[2J\\n  VLAN 10  10.0.0.1:4000 → 10.0.0.2:53  UDP, 4 bytes, DSCP 46, \
                        congestion experienced";
        assert_eq!(line, expected);
    }

    #[test]
    fn whatever_a_frame_is_it_has_a_line() {
        let lines = [
            (vec![], "0 bytes in all"),
            (vec![0; 13], "13 bytes in all"),
            (vec![0xff; 60], "ff:ff:ff:ff:ff:ff → ff:ff:ff:ff:ff:ff  ethertype 0xffff, 60 bytes in all"),
        ];
        for (bytes, line) in lines {
            assert_eq!(heard(bytes).wire.to_string(), line);
        }
    }
}
