//! What ICMP says about packets of other protocols (RFC 792, RFC 4443).
//!
//! A raw socket hears it for every protocol alike, with the code and who says so. The error queue of a socket (`IP_RECVERR`, ip(7)) has neither
//! for a TCP connection that is established, nor anything for SCTP; and with it an ICMP message would end a connection that RFC 1122 section
//! 4.2.3.9 wants to be kept.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, Ipv4HeaderSlice, Ipv6HeaderSlice};
use socket2::{Domain, Protocol, Socket, Type};

use super::Transport;
use super::socket::{self, Bound};
use crate::filter::{answer, instruction};
use crate::probe::UnreachableCode;
use crate::sys;

/// `linux/icmp.h`.
const ICMP_FILTER: i32 = 1;

/// An ICMP error quotes no more than this in all (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4).
const LONGEST: usize = 1500;

/// An ICMP error about a packet that was sent by this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Number of the packet's protocol.
    pub(crate) protocol: u8,
    /// Where the packet came from, and where it was going.
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// Who says so.
    pub(crate) from: IpAddr,
    pub(crate) said: Said,
}

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Unreachable(UnreachableCode),
    TimeExceeded,
    ParameterProblem,
}

impl Said {
    /// As the field calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreachable(_) => "destination unreachable",
            Self::TimeExceeded => "time exceeded",
            Self::ParameterProblem => "parameter problem",
        }
    }
}

impl Refusal {
    /// Whether it is about a packet of such a protocol from here to there.
    pub(crate) fn is_about(&self, transport: Transport, source: SocketAddr, destination: SocketAddr) -> bool {
        let same = |one: SocketAddr, other: SocketAddr| one.ip() == other.ip() && one.port() == other.port();
        self.protocol == transport.number() && same(self.source, source) && same(self.destination, destination)
    }
}

/// Hears the ICMP errors that arrive at a host, from when it is made.
pub(crate) struct Ear {
    socket: Bound,
    buffer: Vec<u8>,
    v4: bool,
}

impl Ear {
    /// For packets to a port, over the family of the address: with many conversations at once, each would hear of all. To be called on the
    /// host's runtime.
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let v4 = to.is_ipv4();
        let (domain, protocol) = if v4 { (Domain::IPV4, Protocol::ICMPV4) } else { (Domain::IPV6, Protocol::ICMPV6) };
        let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))?;
        if v4 {
            // Bit by type, blocked where it is set (raw(7)).
            let errors = (1 << 3) | (1 << 11) | (1 << 12);
            sys::setsockopt_int(socket.as_fd(), libc::SOL_RAW, ICMP_FILTER, !errors)?;
        } else {
            sys::block_icmpv6_requests(socket.as_fd())?;
        }
        sys::attach_filter(socket.as_fd(), &about_packets_to(to))?;
        Ok(Self { socket: sys::watch(socket)?, buffer: vec![0; LONGEST], v4 })
    }

    /// Waits until there may be something to hear.
    pub(crate) async fn stirs(&self) -> io::Result<()> {
        socket::readable(&self.socket).await
    }

    /// Whether there may be something to hear. Wakes the task when there may be.
    pub(crate) fn poll_stirs(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        socket::poll_readable(&self.socket, context)
    }

    /// The next of the errors that have arrived.
    pub(crate) fn hear(&mut self) -> io::Result<Option<Refusal>> {
        while let Some((length, from)) = socket::receive_from(self.socket.get_ref(), &mut self.buffer)? {
            let message = &self.buffer[..length];
            let refusal = if self.v4 { refusal_v4(message, from.ip()) } else { refusal_v6(message, from.ip()) };
            if refusal.is_some() {
                return Ok(refusal);
            }
        }
        Ok(None)
    }

    /// An error if it has missed anything.
    pub(crate) fn has_heard_all(&self) -> io::Result<()> {
        match sys::socket_drops(self.socket.get_ref().as_fd())? {
            0 => Ok(()),
            drops => Err(io::Error::other(format!("the socket was too full for {drops} messages that arrived"))),
        }
    }
}

/// Lets through what quotes a packet to this port: all three protocols have it in their third and fourth byte. What quotes less says nothing.
fn about_packets_to(to: SocketAddr) -> Vec<libc::sock_filter> {
    let plain = |code, k| instruction(code, k, [0, 0]);
    let port = match to {
        // After the IP header, eight bytes of ICMP, and the quoted IP header: of the two the length is in their first byte.
        SocketAddr::V4(_) => vec![
            plain(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0),
            plain(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 8),
            plain(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0x0f),
            plain(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 2),
            plain(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0),
            plain(libc::BPF_MISC | libc::BPF_TAX, 0),
            plain(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 8 + 2),
        ],
        // A raw IPv6 socket is not handed the IP header.
        SocketAddr::V6(_) => vec![plain(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 8 + 40 + 2)],
    };
    let is = instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, to.port().into(), [0, 1]);
    [&port[..], &[is, answer(u32::MAX), answer(0)]].concat()
}

/// A raw IPv4 socket hands over the IP header as well (raw(7)).
fn refusal_v4(packet: &[u8], from: IpAddr) -> Option<Refusal> {
    let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let icmp = Icmpv4Slice::from_slice(packet.get(header.slice().len()..)?).ok()?;
    let said = match icmp.icmp_type() {
        // A matter of sizes, which the kernel takes care of.
        Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded { .. }) => return None,
        Icmpv4Type::DestinationUnreachable(code) => Said::Unreachable(UnreachableCode::V4(code.code_u8())),
        Icmpv4Type::TimeExceeded(_) => Said::TimeExceeded,
        Icmpv4Type::ParameterProblem(_) => Said::ParameterProblem,
        _ => return None,
    };
    let quoted = Ipv4HeaderSlice::from_slice(icmp.payload()).ok()?;
    let (source, destination) = ports(icmp.payload().get(quoted.slice().len()..)?)?;
    Some(Refusal {
        protocol: quoted.protocol().0,
        source: (quoted.source_addr(), source).into(),
        destination: (quoted.destination_addr(), destination).into(),
        from,
        said,
    })
}

/// A raw IPv6 socket does not (RFC 3542 section 3).
fn refusal_v6(message: &[u8], from: IpAddr) -> Option<Refusal> {
    let icmp = Icmpv6Slice::from_slice(message).ok()?;
    let said = match icmp.icmp_type() {
        Icmpv6Type::DestinationUnreachable(code) => Said::Unreachable(UnreachableCode::V6(code.code_u8())),
        Icmpv6Type::TimeExceeded(_) => Said::TimeExceeded,
        Icmpv6Type::ParameterProblem(_) => Said::ParameterProblem,
        _ => return None,
    };
    let quoted = Ipv6HeaderSlice::from_slice(icmp.payload()).ok()?;
    let (source, destination) = ports(icmp.payload().get(quoted.slice().len()..)?)?;
    Some(Refusal {
        protocol: quoted.next_header().0,
        source: (quoted.source_addr(), source).into(),
        destination: (quoted.destination_addr(), destination).into(),
        from,
        said,
    })
}

/// All three protocols begin with them.
fn ports(quoted: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *quoted.first_chunk()?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{IpNumber, Ipv4Header, Ipv6Header};
    use std::net::{Ipv4Addr, Ipv6Addr};

    const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 254));
    const PORTS: [u8; 8] = [0xab, 0xcd, 0, 80, 1, 2, 3, 4];

    fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let header = Ipv4Header::new(u16::try_from(payload.len()).unwrap(), 64, IpNumber(protocol), from, to).unwrap();
        [&header.to_bytes()[..], payload].concat()
    }

    fn error_v4(kind: u8, code: u8, quoted: &[u8]) -> Vec<u8> {
        let message = [&[kind, code, 0, 0, 0, 0, 0, 0][..], quoted].concat();
        ipv4(1, [198, 51, 100, 254], [198, 51, 100, 1], &message)
    }

    #[test]
    fn an_error_is_about_the_packet_that_it_quotes() {
        let [from, to] = [[198, 51, 100, 1], [203, 0, 113, 9]];
        let (source, destination) = (SocketAddr::from((from, 0xabcd)), SocketAddr::from((to, 80)));
        for (transport, number) in [(Transport::Tcp, 6), (Transport::Udp, 17), (Transport::Sctp, 132)] {
            for (kind, code, said) in [
                (3, 3, Said::Unreachable(UnreachableCode::V4(3))),
                (3, 13, Said::Unreachable(UnreachableCode::V4(13))),
                (11, 0, Said::TimeExceeded),
                (12, 0, Said::ParameterProblem),
            ] {
                let refusal = refusal_v4(&error_v4(kind, code, &ipv4(number, from, to, &PORTS)), ROUTER).unwrap();
                assert_eq!((refusal.said, refusal.from), (said, ROUTER));
                assert!(refusal.is_about(transport, source, destination));
                assert!(!refusal.is_about(transport, destination, source));
                assert!(!refusal.is_about(transport, source, SocketAddr::from((to, 81))));
                assert!(!refusal.is_about(transport, source, SocketAddr::from(([203, 0, 113, 8], 80))));
                let other = if transport == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
                assert!(!refusal.is_about(other, source, destination));
            }
        }
        assert_eq!(refusal_v4(&error_v4(3, 4, &ipv4(6, from, to, &PORTS)), ROUTER), None, "it was too big");
        assert_eq!(refusal_v4(&error_v4(0, 0, &ipv4(6, from, to, &PORTS)), ROUTER), None, "an answer to a ping");
    }

    #[test]
    fn an_error_over_ipv6_has_no_ip_header_but_the_quoted_one() {
        let [from, to] = [1, 2].map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        let header = Ipv6Header {
            payload_length: 8,
            next_header: IpNumber(17),
            source: from.octets(),
            destination: to.octets(),
            ..Ipv6Header::default()
        };
        let quoted = [&header.to_bytes()[..], &PORTS].concat();
        for code in 0..=6 {
            let message = [&[1, code, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
            let refusal = refusal_v6(&message, ROUTER).unwrap();
            assert_eq!(refusal.said, Said::Unreachable(UnreachableCode::V6(code)));
            assert!(refusal.is_about(Transport::Udp, (from, 0xabcd).into(), (to, 80).into()));
        }
    }

    #[test]
    fn noise_is_ignored() {
        let packet = error_v4(3, 3, &ipv4(6, [1; 4], [2; 4], &PORTS[..4]));
        assert!(refusal_v4(&packet, ROUTER).is_some(), "the ports are enough");
        for length in 0..packet.len() {
            assert_eq!(refusal_v4(&packet[..length], ROUTER), None);
            assert_eq!(refusal_v6(&packet[..length], ROUTER), None);
        }
    }
}
