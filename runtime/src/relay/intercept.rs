//! Frames that a test decides about one by one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};

use super::tell;

/// A frame that crosses a segment, as its sender sent it: one packet, its checksums computed.
#[derive(Clone, Debug)]
pub struct WireFrame {
    from: Option<Arc<str>>,
    bytes: Vec<u8>,
}

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on, to what impairs the segment if anything does.
    Pass,
    /// It is gone.
    Drop,
    /// It goes on after this time; others overtake it.
    Delay(Duration),
    /// It goes on, and a copy behind it.
    Duplicate,
    /// These bytes go on instead, an Ethernet frame without the checksum at its end. Nothing in them is computed anew.
    Replace(Vec<u8>),
}

/// How many frames were decided about, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) frames: u64,
    pub(crate) dropped: u64,
    pub(crate) delayed: u64,
    pub(crate) duplicated: u64,
    pub(crate) replaced: u64,
}

impl Verdicts {
    pub(super) fn count(&mut self, verdict: &Verdict) {
        self.frames += 1;
        match verdict {
            Verdict::Pass => {}
            Verdict::Drop => self.dropped += 1,
            Verdict::Delay(_) => self.delayed += 1,
            Verdict::Duplicate => self.duplicated += 1,
            Verdict::Replace(_) => self.replaced += 1,
        }
    }
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, dropped, delayed, duplicated, replaced } = self;
        write!(f, "{frames} frames")?;
        let verdicts =
            [(*dropped, "dropped"), (*delayed, "delayed"), (*duplicated, "duplicated"), (*replaced, "replaced")];
        tell(f, &verdicts)
    }
}

/// The ports, flags and numbers of a TCP segment (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "the flags are what RFC 9293 has")]
pub struct TcpSegment<'a> {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// The number of its first byte.
    pub sequence: u32,
    /// The number of the byte that its sender expects next.
    pub acknowledgment: u32,
    /// Whether it opens a connection.
    pub syn: bool,
    /// Whether it acknowledges anything.
    pub ack: bool,
    /// Whether it is its sender's last.
    pub fin: bool,
    /// Whether it resets the connection.
    pub rst: bool,
    /// What it carries.
    pub payload: &'a [u8],
}

/// The ports of a UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpDatagram<'a> {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// What it carries.
    pub payload: &'a [u8],
}

impl WireFrame {
    pub(super) fn new(from: Option<Arc<str>>, bytes: Vec<u8>) -> Self {
        Self { from, bytes }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The name of the host that sent it, if its cable is its own: macvlans and ipvlans share one.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// All of it, from its Ethernet header on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The address that its packet is from, if it is IPv4 or IPv6.
    pub fn source(&self) -> Option<IpAddr> {
        self.addresses().map(|(source, _)| source)
    }

    /// The address that its packet is to, if it is IPv4 or IPv6.
    pub fn destination(&self) -> Option<IpAddr> {
        self.addresses().map(|(_, destination)| destination)
    }

    /// Whether it is of ARP (RFC 826).
    pub fn is_arp(&self) -> bool {
        matches!(self.parsed().and_then(|parsed| parsed.net), Some(LaxNetSlice::Arp(_)))
    }

    /// Whether it is of ICMP or `ICMPv6`.
    pub fn is_icmp(&self) -> bool {
        let transport = self.parsed().and_then(|parsed| parsed.transport);
        matches!(transport, Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_)))
    }

    /// The TCP segment in it.
    pub fn tcp(&self) -> Option<TcpSegment<'_>> {
        let Some(TransportSlice::Tcp(segment)) = self.parsed()?.transport else { return None };
        Some(TcpSegment {
            source_port: segment.source_port(),
            destination_port: segment.destination_port(),
            sequence: segment.sequence_number(),
            acknowledgment: segment.acknowledgment_number(),
            syn: segment.syn(),
            ack: segment.ack(),
            fin: segment.fin(),
            rst: segment.rst(),
            payload: segment.payload(),
        })
    }

    /// The UDP datagram in it.
    pub fn udp(&self) -> Option<UdpDatagram<'_>> {
        let Some(TransportSlice::Udp(datagram)) = self.parsed()?.transport else { return None };
        let (source_port, destination_port) = (datagram.source_port(), datagram.destination_port());
        Some(UdpDatagram { source_port, destination_port, payload: datagram.payload() })
    }

    /// Whether it opens a TCP connection.
    pub fn is_syn(&self) -> bool {
        self.tcp().is_some_and(|segment| segment.syn && !segment.ack)
    }

    /// Whether it answers one that opens a TCP connection.
    pub fn is_syn_ack(&self) -> bool {
        self.tcp().is_some_and(|segment| segment.syn && segment.ack)
    }

    fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match self.parsed()?.net? {
            LaxNetSlice::Ipv4(v4) => Some((v4.header().source_addr().into(), v4.header().destination_addr().into())),
            LaxNetSlice::Ipv6(v6) => Some((v6.header().source_addr().into(), v6.header().destination_addr().into())),
            LaxNetSlice::Arp(_) => None,
        }
    }

    fn parsed(&self) -> Option<LaxSlicedPacket<'_>> {
        LaxSlicedPacket::from_ethernet(&self.bytes).ok()
    }
}

/// Decides about the `number`-th frame that is one of these, counted from 1, and lets all others pass. Whether it has come at all tells
/// [`Intercepted::report`](crate::Intercepted::report).
///
/// ```
/// # use netns_test::prelude::*;
/// # #[netns_test(namespaces = 2, veth = true, engine = "relay")]
/// # async fn doc(a: Host, b: Host, lan: Segment) -> TestResult {
/// let _second = lan.intercept(nth(2, WireFrame::is_syn_ack, Verdict::Drop)).await?;
/// # Ok(())
/// # }
/// ```
pub fn nth(
    number: usize,
    mut is_one: impl FnMut(&WireFrame) -> bool + Send + 'static,
    verdict: Verdict,
) -> impl FnMut(&WireFrame) -> Verdict + Send + 'static {
    assert!(number > 0, "the first frame is number 1");
    let mut seen = 0;
    move |frame| {
        let is_one = is_one(frame);
        seen += usize::from(is_one);
        if is_one && seen == number { verdict.clone() } else { Verdict::Pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "the first frame is number 1")]
    fn there_is_no_frame_before_the_first() {
        drop(nth(0, |_| true, Verdict::Drop));
    }

    #[test]
    fn one_frame_is_meant_and_no_other() {
        let mut second = nth(2, WireFrame::is_arp, Verdict::Drop);
        let mut arp = vec![0; 42];
        arp[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        let (other, arp) = (WireFrame::new(None, vec![0; 42]), WireFrame::new(None, arp));
        let verdicts = [&arp, &other, &arp, &other, &arp].map(&mut second);
        let dropped = verdicts.map(|verdict| verdict == Verdict::Drop);
        assert_eq!(dropped, [false, false, true, false, false]);
    }
}
