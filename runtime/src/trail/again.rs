//! Asking a question once more, to see what becomes of it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, LaxNetSlice, LaxSlicedPacket};
use socket2::{Domain, Protocol, Socket, Type};

use super::packet::{ICMP, ICMPV6, Ip, SCTP, TCP, UDP};
use super::question::{Asked, Asking, Fingerprint};
use crate::capture::{Frame, LinkLayer};
use crate::transport::{self, Transport};

/// How a question is asked once more.
#[derive(Clone, Debug)]
pub(super) enum Again {
    /// By the packet that was followed, as it was when it left a host: an IP packet, its header and all.
    Same { host: usize, ip: Ip, packet: Vec<u8> },
    /// By one like it: none has left, or not one that can be sent again.
    Like(Asking),
}

/// What is about to be asked, and what it is known by.
pub(super) struct Ready {
    socket: Socket,
    to: SocketAddr,
    /// Nothing if a connection is to be tried.
    message: Option<Vec<u8>>,
    pub(super) known_by: KnownBy,
}

/// What a filter knows a question and its answer by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// The number of an echo request.
    Number(u16),
    /// The number of the protocol, and the ports, from and to.
    Ports(u8, u16, u16),
}

impl Again {
    /// From where this thread is; nothing is sent yet.
    pub(super) fn prepare(&self) -> io::Result<Ready> {
        match self {
            Self::Same { ip, packet, .. } => {
                let known_by = ip.known_by().ok_or(io::ErrorKind::Unsupported)?;
                // The kernel takes the header as it is (raw(7), RFC 3542).
                let socket =
                    Socket::new(Domain::for_address(at(ip.to, 0)), Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
                // Rules of routing may ask where it is from. One that is not the host's own is in the header all the same.
                let _ = socket.bind(&at(ip.from, 0).into());
                Ok(Ready { socket, to: at(ip.to, 0), message: Some(packet.clone()), known_by })
            }
            Self::Like(asking) => asking.prepare(),
        }
    }

    /// Which host it was sent by, if it is the packet that was followed.
    pub(super) fn host(&self) -> Option<usize> {
        if let Self::Same { host, .. } = self { Some(*host) } else { None }
    }

    /// Whether it is the packet that was followed.
    pub(super) fn is_same(&self) -> bool {
        matches!(self, Self::Same { .. })
    }
}

impl Ready {
    /// Asks, and does not wait for an answer. The socket is the one that it would come to.
    pub(super) fn ask(self) -> io::Result<Socket> {
        let Self { socket, to, message, .. } = self;
        socket.set_nonblocking(true)?;
        match message {
            Some(message) => _ = socket.send_to(&message, &to.into())?,
            None => match socket.connect(&to.into()) {
                Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
                connected => connected?,
            },
        }
        Ok(socket)
    }
}

fn at(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}

impl Asking {
    fn prepare(&self) -> io::Result<Ready> {
        let domain = Domain::for_address(at(self.to, 0));
        let any: IpAddr = if self.to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let source = self.source.unwrap_or(any);
        let fingerprint = self.fingerprints.all().pop();
        if let Asked::Data(..) = self.asked {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if let Asked::Port(transport, port) = self.asked {
            let socket = transport::create(transport, domain)?;
            // The port that it was asked from may still be in use.
            let _ = socket.set_reuse_address(true);
            let own = if let Some(Fingerprint::Port(own)) = fingerprint { own } else { 0 };
            socket.bind(&at(source, own).into()).or_else(|_| socket.bind(&at(source, 0).into()))?;
            let own = socket.local_addr()?.as_socket().map_or(0, |own| own.port());
            let message = match fingerprint {
                Some(Fingerprint::Datagram(said)) => Some(said),
                _ => (transport == Transport::Udp).then(|| vec![0; 8]),
            };
            return Ok(Ready {
                socket,
                to: at(self.to, port),
                message,
                known_by: KnownBy::Ports(transport.number(), own, port),
            });
        }
        let (id, said) = if let Some(Fingerprint::Echo(id, said)) = fingerprint { (id, said) } else { (0, Vec::new()) };
        let echo = IcmpEchoHeader { id, seq: 0 };
        let (protocol, header) = match self.to {
            IpAddr::V4(_) => {
                let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), &said);
                (Protocol::ICMPV4, header.to_bytes().to_vec())
            }
            // Of ICMPv6 the kernel computes the checksum (RFC 3542 section 3.1).
            IpAddr::V6(_) => (Protocol::ICMPV6, Icmpv6Header::new(Icmpv6Type::EchoRequest(echo)).to_bytes().to_vec()),
        };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.bind(&at(source, 0).into())?;
        let message = Some([header, said].concat());
        Ok(Ready { socket, to: at(self.to, 0), message, known_by: KnownBy::Number(id) })
    }
}

/// The IP packet in a frame, fit to be sent again: with a checksum, which a kernel leaves to its devices, and as long as it was. What was not recorded of it
/// is zeros, where that is not what somebody says to somebody: a program that hears it would take it for its peer's word.
pub(super) fn packet(frame: &Frame) -> Option<Vec<u8>> {
    let sliced = match frame.link {
        LinkLayer::Ethernet => LaxSlicedPacket::from_ethernet(&frame.bytes).ok()?,
        LinkLayer::Bare => LaxSlicedPacket::from_ip(&frame.bytes).ok()?,
    };
    let (header, length, ends, payload) = match sliced.net? {
        LaxNetSlice::Ipv4(packet) => {
            let header = packet.header();
            let ends = [&header.source()[..], &header.destination()].concat();
            let length = usize::from(header.total_len()).checked_sub(header.slice().len())?;
            (header.slice().to_vec(), length, ends, packet.payload().clone())
        }
        LaxNetSlice::Ipv6(packet) if packet.extensions().is_empty() => {
            let header = packet.header();
            let ends = [&header.source()[..], &header.destination()].concat();
            (header.slice().to_vec(), header.payload_length().into(), ends, packet.payload().clone())
        }
        _ => return None,
    };
    if payload.fragmented {
        return None;
    }
    let protocol = payload.ip_number.0;
    let mut said = payload.payload.to_vec();
    if said.len() < length && matches!(protocol, TCP | UDP | SCTP) {
        return None;
    }
    said.resize(length, 0);
    let checksum = |at: usize, pseudo: &[u8], said: &mut [u8]| {
        said.get_mut(at..at + 2)?.fill(0);
        let sum = Sum16BitWords::new().add_slice(pseudo).add_slice(said).ones_complement().to_be();
        said[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        Some(())
    };
    // RFC 9293 section 3.1, RFC 8200 section 8.1.
    let pseudo = [&ends[..], &u32::try_from(length).ok()?.to_be_bytes(), &[0, 0, 0, protocol]].concat();
    match protocol {
        ICMP => checksum(2, &[], &mut said)?,
        ICMPV6 => checksum(2, &pseudo, &mut said)?,
        TCP => checksum(16, &pseudo, &mut said)?,
        UDP => checksum(6, &pseudo, &mut said)?,
        SCTP => {
            // RFC 9260 appendix A.
            said.get_mut(8..12)?.fill(0);
            let sum = crc32c::crc32c(&said);
            said[8..12].copy_from_slice(&sum.to_le_bytes());
        }
        _ => return None,
    }
    Some([header, said].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::capture::Direction;

    fn frame(bytes: &[u8], recorded: usize) -> Frame {
        Frame {
            host: 0,
            interface: 2,
            direction: Direction::Out,
            link: LinkLayer::Bare,
            time: Duration::ZERO,
            length: bytes.len(),
            bytes: bytes[..recorded].into(),
        }
    }

    #[test]
    fn a_packet_is_sent_again_with_the_checksum_that_a_device_would_have_computed() {
        let builder = || etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).tcp(1000, 80, 7, 512);
        let v6 = || etherparse::PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(1000, 80);
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        builder().write(&mut tcp, b"hello").unwrap();
        v6().write(&mut udp, b"hello").unwrap();
        for (whole, at) in [(tcp, 20 + 16), (udp, 40 + 6)] {
            let mut partial = whole.clone();
            partial[at..at + 2].fill(0xab);
            assert_eq!(packet(&frame(&partial, whole.len())).unwrap(), whole);
        }
    }

    #[test]
    fn what_somebody_says_is_sent_again_only_if_all_of_it_was_recorded() {
        let builder = || etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        builder().tcp(1000, 80, 7, 512).write(&mut tcp, &[7; 400]).unwrap();
        builder().udp(1000, 80).write(&mut udp, &[7; 400]).unwrap();
        for whole in [tcp, udp] {
            assert_eq!(packet(&frame(&whole, whole.len())).unwrap(), whole);
            assert_eq!(packet(&frame(&whole, 256)), None);
        }
    }

    #[test]
    fn what_was_not_recorded_of_an_echo_request_is_zeros() {
        let builder = || etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).icmpv4_echo_request(1, 2);
        let mut zeros = Vec::new();
        builder().write(&mut zeros, &[0; 400]).unwrap();
        assert_eq!(packet(&frame(&zeros, 256)).unwrap(), zeros);
    }
}
