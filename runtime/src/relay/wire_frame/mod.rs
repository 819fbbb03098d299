//! A frame that crosses a segment, and what its headers say.

mod words;

use std::net::IpAddr;
use std::sync::Arc;

use etherparse::{
    Ipv6ExtensionSlice, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TransportSlice, ip_number,
};
use netns_test_topology::MacAddr;

use crate::capture::LinkLayer;

/// A frame that crosses a segment: one packet. What is decided about has its checksums computed; what was captured may leave that to a
/// device that does not exist.
///
/// What its headers say is read behind any tags of VLANs, and not into tunnels: of a packet in a packet, this is about the outer one. `{}` is one line,
/// without its payload.
#[derive(Clone, Debug)]
pub struct WireFrame {
    from: Option<Arc<str>>,
    link: LinkLayer,
    bytes: Vec<u8>,
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
    /// Whether what it carries is for the receiver's program at once.
    pub psh: bool,
    /// Whether it echoes congestion, or offers to (RFC 3168 section 6.1).
    pub ece: bool,
    /// Whether its sender has reduced its window for congestion (RFC 3168 section 6.1).
    pub cwr: bool,
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

/// A message of ICMP (RFC 792) or `ICMPv6` (RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IcmpMessage<'a> {
    /// Its type: the numbers of ICMP and those of `ICMPv6` are different ones.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// What stands behind its checksum.
    pub body: &'a [u8],
}

/// Which of the packets that were cut into fragments one is of, and whether it is the first (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fragment {
    pub(crate) identification: u32,
    pub(crate) is_first: bool,
}

impl WireFrame {
    pub(super) fn new(from: Option<Arc<str>>, bytes: Vec<u8>) -> Self {
        Self { from, link: LinkLayer::Ethernet, bytes }
    }

    /// One that was heard at an interface of this kind.
    pub(crate) fn heard(from: Option<Arc<str>>, link: LinkLayer, bytes: Vec<u8>) -> Self {
        Self { from, link, bytes }
    }

    /// The same with other bytes.
    pub(crate) fn with(&self, bytes: Vec<u8>) -> Self {
        Self { from: self.from.clone(), link: self.link, bytes }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The name of the host that sent it, if that is known: macvlans and ipvlans share a cable, and what has arrived somewhere may be anybody's.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// All of it, from its Ethernet header on; in a tunnel that has none, from its IP header on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The link-layer address that it is from, if it has an Ethernet header.
    pub fn source_mac(&self) -> Option<MacAddr> {
        self.macs().map(|(source, _)| source)
    }

    /// The link-layer address that it is to, if it has an Ethernet header.
    pub fn destination_mac(&self) -> Option<MacAddr> {
        self.macs().map(|(_, destination)| destination)
    }

    /// The VLAN that it is tagged with (IEEE 802.1Q), the outer one of several.
    pub fn vlan(&self) -> Option<u16> {
        self.vlans().first().copied()
    }

    /// The VLANs that it is tagged with, from the outer one to the inner one.
    pub fn vlans(&self) -> Vec<u16> {
        let Some(parsed) = self.parsed() else { return Vec::new() };
        let tags = parsed.link_exts.iter().filter_map(|header| match header {
            LaxLinkExtSlice::Vlan(tag) => Some(tag.vlan_identifier().value()),
            LaxLinkExtSlice::Macsec(_) => None,
        });
        tags.collect()
    }

    /// The address that its packet is from, if it is IPv4 or IPv6.
    pub fn source(&self) -> Option<IpAddr> {
        self.addresses().map(|(source, _)| source)
    }

    /// The address that its packet is to, if it is IPv4 or IPv6.
    pub fn destination(&self) -> Option<IpAddr> {
        self.addresses().map(|(_, destination)| destination)
    }

    /// Its time to live, or its hop limit in IPv6.
    pub fn ttl(&self) -> Option<u8> {
        match self.parsed()?.net? {
            LaxNetSlice::Ipv4(v4) => Some(v4.header().ttl()),
            LaxNetSlice::Ipv6(v6) => Some(v6.header().hop_limit()),
            LaxNetSlice::Arp(_) => None,
        }
    }

    /// Its differentiated services code point, 0 to 63 (RFC 2474 section 3): 46 is expedited forwarding.
    pub fn dscp(&self) -> Option<u8> {
        match self.parsed()?.net? {
            LaxNetSlice::Ipv4(v4) => Some(v4.header().dcp().value()),
            LaxNetSlice::Ipv6(v6) => Some(v6.header().dscp().value()),
            LaxNetSlice::Arp(_) => None,
        }
    }

    /// What it says of congestion (RFC 3168 section 5): 0 is a sender that does not understand it, 1 and 2 are one that does, 3 is congestion.
    pub fn ecn(&self) -> Option<u8> {
        match self.parsed()?.net? {
            LaxNetSlice::Ipv4(v4) => Some(v4.header().ecn().value()),
            LaxNetSlice::Ipv6(v6) => Some(v6.header().ecn().value()),
            LaxNetSlice::Arp(_) => None,
        }
    }

    /// The number of the protocol that its packet carries, behind extension headers (IANA's "Protocol Numbers"). Fragments have that of the whole.
    pub fn protocol(&self) -> Option<u8> {
        let net = self.parsed()?.net?;
        net.ip_payload_ref().map(|payload| payload.ip_number.0)
    }

    /// The ports that it is from and to, in TCP, UDP and SCTP. Only the first of a packet's fragments has them.
    pub fn ports(&self) -> Option<(u16, u16)> {
        if self.fragment().is_some_and(|fragment| !fragment.is_first) {
            return None;
        }
        let net = self.parsed()?.net?;
        let payload = net.ip_payload_ref()?;
        // The three of them begin with their ports (RFC 9293, RFC 768, RFC 9260).
        let [a, b, c, d] = *payload.payload.first_chunk()?;
        let has_ports = [ip_number::TCP, ip_number::UDP, ip_number::SCTP].contains(&payload.ip_number);
        has_ports.then(|| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    /// Whether it is of ARP (RFC 826).
    pub fn is_arp(&self) -> bool {
        matches!(self.parsed().and_then(|parsed| parsed.net), Some(LaxNetSlice::Arp(_)))
    }

    /// Whether it is of ICMP or `ICMPv6`.
    pub fn is_icmp(&self) -> bool {
        self.icmp().is_some()
    }

    /// The message of ICMP or `ICMPv6` in it.
    pub fn icmp(&self) -> Option<IcmpMessage<'_>> {
        let slice = match self.parsed()?.transport? {
            TransportSlice::Icmpv4(message) => message.slice(),
            TransportSlice::Icmpv6(message) => message.slice(),
            _ => return None,
        };
        let (&[kind, code, _, _], body) = slice.split_first_chunk()?;
        Some(IcmpMessage { kind, code, body })
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
            psh: segment.psh(),
            ece: segment.ece(),
            cwr: segment.cwr(),
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

    /// Whether its headers say all that is asked of them here: that it is ARP, or what its packet carries, with the ports of that if it has any.
    pub(crate) fn is_understood(&self) -> bool {
        let Some(parsed) = self.parsed() else { return false };
        let Some(net) = parsed.net else { return false };
        let Some(payload) = net.ip_payload_ref() else { return matches!(net, LaxNetSlice::Arp(_)) };
        let is_later_fragment = self.fragment().is_some_and(|fragment| !fragment.is_first);
        match payload.ip_number {
            // It is encrypted: as of a tunnel, that is what is asked of it.
            ip_number::ENCAP_SEC => true,
            // A header that is not read, or that only the first fragment has.
            number if number.is_ipv6_ext_header_value() => false,
            _ if is_later_fragment => true,
            ip_number::TCP | ip_number::UDP | ip_number::SCTP => self.ports().is_some(),
            ip_number::ICMP | ip_number::IPV6_ICMP => parsed.transport.is_some() || self.fragment().is_some(),
            _ => true,
        }
    }

    /// If it is a part of a packet that was cut.
    pub(crate) fn fragment(&self) -> Option<Fragment> {
        match self.parsed()?.net? {
            LaxNetSlice::Ipv4(v4) => {
                let header = v4.header();
                let is_first = header.fragments_offset().value() == 0;
                let identification = header.identification().into();
                header.is_fragmenting_payload().then_some(Fragment { identification, is_first })
            }
            LaxNetSlice::Ipv6(v6) => v6.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(header) if header.is_fragmenting_payload() => Some(Fragment {
                    identification: header.identification(),
                    is_first: header.fragment_offset().value() == 0,
                }),
                _ => None,
            }),
            LaxNetSlice::Arp(_) => None,
        }
    }

    fn macs(&self) -> Option<(MacAddr, MacAddr)> {
        let Some(LinkSlice::Ethernet2(header)) = self.parsed()?.link else { return None };
        Some((MacAddr(header.source()), MacAddr(header.destination())))
    }

    fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match self.parsed()?.net? {
            LaxNetSlice::Ipv4(v4) => Some((v4.header().source_addr().into(), v4.header().destination_addr().into())),
            LaxNetSlice::Ipv6(v6) => Some((v6.header().source_addr().into(), v6.header().destination_addr().into())),
            LaxNetSlice::Arp(_) => None,
        }
    }

    fn parsed(&self) -> Option<LaxSlicedPacket<'_>> {
        match self.link {
            LinkLayer::Ethernet => LaxSlicedPacket::from_ethernet(&self.bytes).ok(),
            LinkLayer::Bare => LaxSlicedPacket::from_ip(&self.bytes).ok(),
        }
    }
}
