//! What a recorded frame says, as far as it takes to know a packet again.

use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, LinkSlice};

use super::again::KnownBy;
use crate::capture::{Frame, LONG, LinkLayer, SYN_FIN_RST};

/// An IP packet, or a question about a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) to_mac: Option<[u8; 6]>,
    /// The outermost tag: the number of a VLAN.
    pub(super) tag: Option<u16>,
    pub(super) says: Says,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Somebody looks for whoever has an address.
    WhoHas {
        target: IpAddr,
        asker: IpAddr,
    },
    /// Somebody has an address.
    IsAt {
        target: IpAddr,
        mac: [u8; 6],
    },
    Ip(Ip),
}

/// An IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ip {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) ttl: u8,
    /// Bytes of the packet, with its header.
    pub(super) length: usize,
    pub(super) dont_fragment: bool,
    pub(super) carries: Carries,
}

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// An ICMP echo request or its answer, with its number and the beginning of its payload, which no translation changes.
    Echo {
        request: bool,
        id: u16,
        sequence: u16,
        payload: Vec<u8>,
    },
    /// What somebody says about a packet: type, code, and as much of the packet as is quoted.
    Error {
        kind: u8,
        code: u8,
        about: Option<Box<Ip>>,
    },
    Tcp {
        ports: (u16, u16),
        sequence: u32,
        acknowledges: u32,
        flags: u8,
        /// Bytes of data.
        data: usize,
    },
    Udp {
        ports: (u16, u16),
        payload: Vec<u8>,
    },
    Sctp {
        ports: (u16, u16),
        tag: u32,
        /// The beginning of the first chunk; of the first with data, if there is one.
        chunk: Vec<u8>,
    },
    Other,
}

/// What a packet is known again by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Echo(bool, u16, Vec<u8>),
    Tcp(u32, u32, u8),
    Udp(usize, Vec<u8>),
    Sctp(Vec<u8>),
}

/// RST, in the flags of TCP (RFC 9293 section 3.1).
pub(super) const RST: u8 = 4;

/// The chunks with data, and the one that refuses an association (RFC 9260 sections 3.3.1 and 3.3.7).
pub(super) const DATA: u8 = 0;
pub(super) const ABORT: u8 = 6;

/// How many bytes of an echo request's payload, and of a chunk, tell it from others.
const ENOUGH: usize = 8;

/// How many bytes of a datagram do: those of a flow have a number of their own at their end.
const ENOUGH_OF_DATAGRAM: usize = 24;

impl Packet {
    /// What a frame says, if it is about IP.
    pub(super) fn of(frame: &Frame) -> Option<Self> {
        let sliced = match frame.link {
            LinkLayer::Ethernet => LaxSlicedPacket::from_ethernet(&frame.bytes).ok()?,
            LinkLayer::Bare => LaxSlicedPacket::from_ip(&frame.bytes).ok()?,
        };
        let to_mac = match &sliced.link {
            Some(LinkSlice::Ethernet2(header)) => Some(header.destination()),
            _ => None,
        };
        let tag = sliced.vlan_ids().first().map(|id| id.value());
        let says = match sliced.net? {
            LaxNetSlice::Arp(arp) => {
                let arp = arp.to_packet().try_eth_ipv4().ok()?;
                let (target, asker) = (arp.target_ipv4.into(), arp.sender_ipv4.into());
                if arp.operation == etherparse::ArpOperation::REQUEST {
                    Says::WhoHas { target, asker }
                } else {
                    Says::IsAt { target: asker, mac: arp.sender_mac }
                }
            }
            net => {
                let ip = Ip::of(&net)?;
                neighbour_discovery(&net, ip.from).unwrap_or(Says::Ip(ip))
            }
        };
        Some(Self { to_mac, tag, says })
    }

    pub(super) fn ip(&self) -> Option<&Ip> {
        if let Says::Ip(ip) = &self.says { Some(ip) } else { None }
    }
}

/// RFC 4861 sections 4.3 and 4.4: a solicitation, or an advertisement with the target's address.
fn neighbour_discovery(net: &LaxNetSlice<'_>, from: IpAddr) -> Option<Says> {
    let LaxNetSlice::Ipv6(packet) = net else { return None };
    let message = (packet.payload().ip_number.0 == ICMPV6).then_some(packet.payload().payload)?;
    let target = IpAddr::from(*message.get(8..)?.first_chunk::<16>()?);
    match message[0] {
        135 => Some(Says::WhoHas { target, asker: from }),
        136 => {
            let option = message.get(24..)?;
            let mac = if option.first() == Some(&2) { *option.get(2..)?.first_chunk()? } else { [0; 6] };
            Some(Says::IsAt { target, mac })
        }
        _ => None,
    }
}

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
pub(super) const SCTP: u8 = 132;

impl Ip {
    fn of(net: &LaxNetSlice<'_>) -> Option<Self> {
        let (from, to, ttl, length, dont_fragment, payload) = match net {
            LaxNetSlice::Ipv4(packet) => {
                let header = packet.header();
                let (from, to) = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
                (from, to, header.ttl(), header.total_len().into(), header.dont_fragment(), packet.payload())
            }
            LaxNetSlice::Ipv6(packet) => {
                let header = packet.header();
                let (from, to) = (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()));
                let length = usize::from(header.payload_length()) + header.slice().len();
                (from, to, header.hop_limit(), length, true, packet.payload())
            }
            LaxNetSlice::Arp(_) => return None,
        };
        let whole = match net {
            LaxNetSlice::Ipv4(packet) => length.saturating_sub(packet.header().slice().len()),
            LaxNetSlice::Ipv6(packet) => length.saturating_sub(packet.header().slice().len()),
            LaxNetSlice::Arp(_) => 0,
        };
        let carries = Carries::of(payload.ip_number.0, payload.payload, whole).unwrap_or(Carries::Other);
        Some(Self { from, to, ttl, length, dont_fragment, carries })
    }

    /// What it is known again by on its way, whoever has translated its addresses.
    pub(super) fn identity(&self) -> Option<Identity> {
        match &self.carries {
            Carries::Echo { request, id, sequence, payload } => {
                let told_apart = if payload.len() < ENOUGH { id.to_be_bytes().to_vec() } else { payload.clone() };
                Some(Identity::Echo(*request, *sequence, told_apart))
            }
            // The numbers are chosen for each connection, and count bytes.
            Carries::Tcp { sequence, acknowledges, flags, .. } => Some(Identity::Tcp(*sequence, *acknowledges, *flags)),
            Carries::Udp { payload, .. } => Some(Identity::Udp(self.length, payload.clone())),
            Carries::Sctp { chunk, .. } => Some(Identity::Sctp(chunk.clone())),
            Carries::Error { .. } | Carries::Other => None,
        }
    }

    /// Whether of packets like this only some are recorded, each host by chance: that it was not seen says nothing.
    pub(super) fn is_bulk(&self) -> bool {
        let of_bulk = matches!(self.carries, Carries::Tcp { .. } | Carries::Udp { .. });
        // With the longest headers of the link below it.
        of_bulk && self.length + 32 > LONG as usize
    }

    /// Whether it carries a connection on, so that in a rush it is as [bulk](Self::is_bulk) is.
    pub(super) fn carries_on(&self) -> bool {
        matches!(self.carries, Carries::Tcp { flags, .. } if u32::from(flags) & SYN_FIN_RST == 0)
    }

    /// The ports that it is from and to.
    pub(super) fn ports(&self) -> Option<(u16, u16)> {
        match self.carries {
            Carries::Tcp { ports, .. } | Carries::Udp { ports, .. } | Carries::Sctp { ports, .. } => Some(ports),
            _ => None,
        }
    }

    /// Whether it is TCP's RST or SCTP's ABORT.
    pub(super) fn is_reset(&self) -> bool {
        match &self.carries {
            Carries::Tcp { flags, .. } => flags & RST != 0,
            Carries::Sctp { chunk, .. } => chunk.first() == Some(&ABORT),
            _ => false,
        }
    }

    /// What a filter knows it by where it is as it was seen.
    pub(super) fn known_by(&self) -> Option<KnownBy> {
        match self.carries {
            Carries::Echo { id, .. } => Some(KnownBy::Number(id)),
            Carries::Tcp { ports: (from, to), .. } => Some(KnownBy::Ports(TCP, from, to)),
            Carries::Udp { ports: (from, to), .. } => Some(KnownBy::Ports(UDP, from, to)),
            Carries::Sctp { ports: (from, to), .. } => Some(KnownBy::Ports(SCTP, from, to)),
            Carries::Error { .. } | Carries::Other => None,
        }
    }

    /// Whether this answers the other, as both were seen at the same place.
    pub(super) fn answers(&self, other: &Self) -> bool {
        let back = self.from == other.to && self.to == other.from;
        match (&self.carries, &other.carries) {
            (
                Carries::Echo { request: false, sequence, payload, .. },
                Carries::Echo { request: true, sequence: asked, payload: other_payload, .. },
            ) => sequence == asked && payload == other_payload && self.to == other.from,
            (
                Carries::Tcp { ports, acknowledges, flags, data, .. },
                Carries::Tcp { ports: other_ports, sequence, data: asked, .. },
            ) => {
                // A question in a connection is answered by data; that it has arrived is not enough. Numbers go round.
                let is_answer = match u32::try_from(*asked).unwrap_or(0) {
                    0 => *acknowledges == sequence.wrapping_add(1),
                    asked => *data > 0 && acknowledges.wrapping_sub(sequence.wrapping_add(asked)).cast_signed() >= 0,
                };
                back && *ports == swap(*other_ports) && (is_answer || flags & RST != 0)
            }
            (Carries::Udp { ports, .. }, Carries::Udp { ports: other_ports, .. }) => {
                back && *ports == swap(*other_ports)
            }
            (Carries::Sctp { ports, chunk, .. }, Carries::Sctp { ports: other_ports, chunk: asked, .. }) => {
                let wants_data = asked.first() == Some(&DATA);
                let is_answer = !wants_data || matches!(chunk.first(), Some(&(DATA | ABORT)));
                back && *ports == swap(*other_ports) && is_answer
            }
            _ => false,
        }
    }

    /// Whether this is to whoever has sent the other, and from another address or port than that was to, as both were seen at the same place.
    pub(super) fn answers_from_elsewhere(&self, other: &Self) -> bool {
        let (Carries::Udp { ports, .. }, Carries::Udp { ports: asked, .. }) = (&self.carries, &other.carries) else {
            return false;
        };
        (self.to, ports.1) == (other.from, asked.0) && (self.from, ports.0) != (other.to, asked.1)
    }

    /// Type and code, if this says that the other could not go on, as both were seen at the same place.
    pub(super) fn refuses(&self, other: &Self) -> Option<(u8, u8)> {
        let Carries::Error { kind, code, about: Some(about) } = &self.carries else { return None };
        let same_way = about.from == other.from && about.to == other.to;
        (same_way && about.is_cut_from(other)).then_some((*kind, *code))
    }

    /// Whether this is the beginning of the other: at least eight bytes behind the header (RFC 792).
    fn is_cut_from(&self, other: &Self) -> bool {
        match (&self.carries, &other.carries) {
            (Carries::Echo { id, sequence, .. }, Carries::Echo { id: other_id, sequence: other_sequence, .. }) => {
                id == other_id && sequence == other_sequence
            }
            (Carries::Tcp { ports, sequence, .. }, Carries::Tcp { ports: other, sequence: other_sequence, .. }) => {
                ports == other && sequence == other_sequence
            }
            (Carries::Udp { ports, .. }, Carries::Udp { ports: other, .. })
            | (Carries::Sctp { ports, .. }, Carries::Sctp { ports: other, .. }) => ports == other,
            _ => false,
        }
    }
}

fn swap((first, second): (u16, u16)) -> (u16, u16) {
    (second, first)
}

impl Carries {
    /// Of the payload of an IP packet, which is `whole` bytes long, as much as is known.
    fn of(protocol: u8, bytes: &[u8], whole: usize) -> Option<Self> {
        let ports = || Some((number16(bytes, 0)?, number16(bytes, 2)?));
        Some(match protocol {
            ICMP | ICMPV6 => Self::of_icmp(protocol, bytes)?,
            TCP => {
                let (sequence, acknowledges) = (number32(bytes, 4)?, number32(bytes, 8).unwrap_or(0));
                let flags = bytes.get(13).copied().unwrap_or(0);
                // Where data begins, in words of four bytes.
                let header = bytes.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
                let data = if header == 0 { 0 } else { whole.saturating_sub(header) };
                Self::Tcp { ports: ports()?, sequence, acknowledges, flags, data }
            }
            UDP => Self::Udp { ports: ports()?, payload: beginning(bytes, 8, ENOUGH_OF_DATAGRAM) },
            SCTP => Self::Sctp { ports: ports()?, tag: number32(bytes, 4)?, chunk: chunk(bytes) },
            _ => return None,
        })
    }

    fn of_icmp(protocol: u8, bytes: &[u8]) -> Option<Self> {
        let (kind, code) = (*bytes.first()?, *bytes.get(1)?);
        match (protocol, kind) {
            (ICMP, 0 | 8) | (ICMPV6, 128 | 129) => {
                let (id, sequence) = (number16(bytes, 4)?, number16(bytes, 6)?);
                Some(Self::Echo {
                    request: matches!(kind, 8 | 128),
                    id,
                    sequence,
                    payload: beginning(bytes, 8, ENOUGH),
                })
            }
            (ICMP, 3 | 11 | 12) | (ICMPV6, 1..=4) => {
                let quoted = LaxSlicedPacket::from_ip(bytes.get(8..)?).ok();
                let about = quoted.and_then(|quoted| Ip::of(&quoted.net?));
                Some(Self::Error { kind, code, about: about.map(Box::new) })
            }
            _ => None,
        }
    }
}

/// The beginning of the chunk of SCTP that says most.
fn chunk(packet: &[u8]) -> Vec<u8> {
    let mut at = 12;
    // A chunk is as long as it says, and the next begins at a multiple of four (RFC 9260 section 3.2).
    while let (Some(kind), Some(length @ 4..)) = (packet.get(at), number16(packet, at + 2)) {
        if *kind == DATA {
            return beginning(packet, at, ENOUGH);
        }
        at += usize::from(length).next_multiple_of(4);
    }
    beginning(packet, 12, ENOUGH)
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn beginning(bytes: &[u8], at: usize, most: usize) -> Vec<u8> {
    let rest = bytes.get(at..).unwrap_or_default();
    rest[..rest.len().min(most)].to_vec()
}
