//! ICMP echo on the wire (RFC 792, RFC 4443): making requests, and telling what an arriving message has to do with them.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Slice, Icmpv4Type, Icmpv6Header, Icmpv6Slice, Icmpv6Type, Ipv4HeaderSlice,
    Ipv6HeaderSlice,
};
use once_cell::sync::Lazy;

use super::ping::UnreachableCode;
use crate::filter::{answer, instruction};
use crate::trail::Fingerprint;

/// Bytes of the nonce at the start of a payload that has room for it.
const NONCE: usize = 8;

/// What fingerprints the requests of one ping: no other ping of this process has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    destination: IpAddr,
    id: u16,
    payload: Vec<u8>,
}

/// What an arriving message says about the request with a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It was answered.
    Reply,
    /// It did not get through: destination unreachable.
    Unreachable(UnreachableCode),
    /// It was too large for a link on the way, which takes packets up to this many bytes, if that was told.
    TooBig(Option<u32>),
    /// Its time to live ran out.
    TimeExceeded,
    /// Something in its header was not understood.
    ParameterProblem,
}

impl Echo {
    /// Requests to a destination, each with so many bytes of payload.
    pub(super) fn new(destination: IpAddr, size: u16) -> Self {
        static IDS: Lazy<AtomicU16> = Lazy::new(|| AtomicU16::new(seed().to_be_bytes()[0].into()));
        static NONCES: Lazy<AtomicU64> = Lazy::new(|| AtomicU64::new(seed()));
        let nonce = NONCES.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let payload = nonce.into_iter().chain((0..=u8::MAX).cycle()).take(size.into()).collect();
        Self { destination, id: IDS.fetch_add(1, Ordering::Relaxed), payload }
    }

    /// What all requests are told from others by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::Echo(self.id, self.payload.clone())
    }

    /// The request with a sequence number, without its IP header.
    pub(super) fn request(&self, sequence: u16) -> Vec<u8> {
        let echo = IcmpEchoHeader { id: self.id, seq: sequence };
        let header = match self.destination {
            IpAddr::V4(_) => {
                Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), &self.payload).to_bytes().to_vec()
            }
            // The kernel fills in the checksum of a raw ICMPv6 socket (RFC 3542 section 3.1).
            IpAddr::V6(_) => Icmpv6Header::new(Icmpv6Type::EchoRequest(echo)).to_bytes().to_vec(),
        };
        [&header[..], &self.payload].concat()
    }

    /// A filter for a raw socket that lets through replies to these requests, and whatever is no reply. Without it every socket of a
    /// host would hear the replies to all.
    ///
    /// Classic BPF (`Documentation/networking/filter.rst` in the kernel): a raw IPv4 socket is handed the IP header, a raw IPv6 socket
    /// is not.
    pub(super) fn filter(&self) -> [libc::sock_filter; 7] {
        // Where the ICMP header begins: after the IPv4 header, whose length is in its first byte, or at once.
        let (start, reply) = match self.destination {
            IpAddr::V4(_) => (libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0),
            IpAddr::V6(_) => (libc::BPF_LDX | libc::BPF_IMM, 129),
        };
        let is = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        [
            instruction(start, 0, [0, 0]),
            instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 0, [0, 0]),
            instruction(is, reply, [0, 2]),
            instruction(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 4, [0, 0]),
            instruction(is, self.id.into(), [0, 1]),
            answer(u32::MAX),
            answer(0),
        ]
    }

    /// What a message that a raw socket received says about one of these requests, if it is about one.
    ///
    /// A raw IPv4 socket hands over the IP header as well, a raw IPv6 socket does not (raw(7), RFC 3542).
    pub(super) fn hear(&self, message: &[u8], from: IpAddr) -> Option<(u16, Heard)> {
        match self.destination {
            IpAddr::V4(_) => self.hear_v4(message, from),
            IpAddr::V6(_) => self.hear_v6(message, from),
        }
    }

    fn hear_v4(&self, packet: &[u8], from: IpAddr) -> Option<(u16, Heard)> {
        let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
        let icmp = Icmpv4Slice::from_slice(packet.get(header.slice().len()..)?).ok()?;
        let heard = match icmp.icmp_type() {
            Icmpv4Type::EchoReply(echo) => return self.hear_reply(echo, icmp.payload(), from),
            Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded { next_hop_mtu }) => {
                Heard::TooBig((next_hop_mtu > 0).then(|| next_hop_mtu.into()))
            }
            Icmpv4Type::DestinationUnreachable(code) => Heard::Unreachable(UnreachableCode::V4(code.code_u8())),
            Icmpv4Type::TimeExceeded(_) => Heard::TimeExceeded,
            Icmpv4Type::ParameterProblem(_) => Heard::ParameterProblem,
            _ => return None,
        };
        let quoted = Ipv4HeaderSlice::from_slice(icmp.payload()).ok()?;
        let about = IpAddr::V4(quoted.destination_addr());
        self.quoted_sequence(about, icmp.payload().get(quoted.slice().len()..)?, 8).map(|sequence| (sequence, heard))
    }

    fn hear_v6(&self, message: &[u8], from: IpAddr) -> Option<(u16, Heard)> {
        let icmp = Icmpv6Slice::from_slice(message).ok()?;
        let heard = match icmp.icmp_type() {
            Icmpv6Type::EchoReply(echo) => return self.hear_reply(echo, icmp.payload(), from),
            Icmpv6Type::DestinationUnreachable(code) => Heard::Unreachable(UnreachableCode::V6(code.code_u8())),
            Icmpv6Type::PacketTooBig { mtu } => Heard::TooBig(Some(mtu)),
            Icmpv6Type::TimeExceeded(_) => Heard::TimeExceeded,
            Icmpv6Type::ParameterProblem(_) => Heard::ParameterProblem,
            _ => return None,
        };
        let quoted = Ipv6HeaderSlice::from_slice(icmp.payload()).ok()?;
        let about = IpAddr::V6(quoted.destination_addr());
        self.quoted_sequence(about, icmp.payload().get(quoted.slice().len()..)?, 128).map(|sequence| (sequence, heard))
    }

    fn hear_reply(&self, echo: IcmpEchoHeader, payload: &[u8], from: IpAddr) -> Option<(u16, Heard)> {
        // Whoever has the nonce has heard the question. The answer to a broadcast, multicast or anycast address comes from
        // another one.
        let heard_it = self.payload.len() >= NONCE || from == self.destination;
        (echo.id == self.id && payload == self.payload && heard_it).then_some((echo.seq, Heard::Reply))
    }

    /// The sequence number in the request that an error quotes, if it is one of ours. At least eight bytes are quoted (RFC 792).
    fn quoted_sequence(&self, about: IpAddr, quoted: &[u8], echo_request: u8) -> Option<u16> {
        let header: &[u8; 8] = quoted.first_chunk()?;
        let [kind, _, _, _, id_high, id_low, sequence_high, sequence_low] = *header;
        let nonce = &self.payload[..self.payload.len().min(NONCE)];
        let nonce_fits = quoted[8..].iter().zip(nonce).all(|(quoted, sent)| quoted == sent);
        let ours = kind == echo_request && u16::from_be_bytes([id_high, id_low]) == self.id;
        (ours && about == self.destination && nonce_fits).then(|| u16::from_be_bytes([sequence_high, sequence_low]))
    }
}

/// A number that another process will hardly have: std's hash keys are random.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use etherparse::{Ipv4Header, Ipv6Header, ip_number};

    const V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
    const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 254));

    fn ipv4(payload: &[u8], to: Ipv4Addr) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap();
        let header = Ipv4Header::new(length, 64, ip_number::ICMP, [198, 51, 100, 1], to.octets()).unwrap();
        [&header.to_bytes()[..], payload].concat()
    }

    fn reply_to(echo: &Echo, sequence: u16) -> Vec<u8> {
        let mut message = echo.request(sequence);
        message[0] = if echo.destination.is_ipv4() { 0 } else { 129 };
        message
    }

    #[test]
    fn a_reply_is_ours_by_address_id_and_nonce() {
        let (echo, other) = (Echo::new(V4.into(), 56), Echo::new(V4.into(), 56));
        let packet = ipv4(&reply_to(&echo, 7), V4);
        assert_eq!(echo.hear(&packet, V4.into()), Some((7, Heard::Reply)));
        assert_eq!(echo.hear(&packet, ROUTER), Some((7, Heard::Reply)), "from another of its addresses");
        let small = Echo::new(V4.into(), 7);
        assert_eq!(small.hear(&ipv4(&reply_to(&small, 7), V4), ROUTER), None, "from somebody else, without a nonce");
        assert_eq!(other.hear(&packet, V4.into()), None, "to another ping");
        assert_eq!(echo.hear(&ipv4(&echo.request(7), V4), V4.into()), None, "our own request");
        let mut stale = packet;
        *stale.last_mut().unwrap() ^= 1;
        assert_eq!(echo.hear(&stale, V4.into()), None, "another payload");
    }

    #[test]
    fn a_reply_over_ipv6_has_no_ip_header() {
        let echo = Echo::new(V6.into(), 0);
        assert_eq!(echo.hear(&reply_to(&echo, 65_535), V6.into()), Some((65_535, Heard::Reply)));
    }

    #[test]
    fn an_error_is_ours_by_what_it_quotes() {
        let echo = Echo::new(V4.into(), 56);
        let error = |quoted: &[u8], kind: u8, code: u8| {
            let mut message = vec![kind, code, 0, 0, 0, 0, 0x05, 0x78];
            message.extend_from_slice(quoted);
            ipv4(&message, V4)
        };
        let quoted = ipv4(&echo.request(3), V4);
        let unreachable = |code| Some((3, Heard::Unreachable(UnreachableCode::V4(code))));
        for code in [0, 1, 2, 3, 9, 10, 13] {
            assert_eq!(echo.hear(&error(&quoted, 3, code), ROUTER), unreachable(code));
        }
        assert_eq!(echo.hear(&error(&quoted, 3, 4), ROUTER), Some((3, Heard::TooBig(Some(1400)))));
        assert_eq!(echo.hear(&error(&quoted, 11, 0), ROUTER), Some((3, Heard::TimeExceeded)));
        assert_eq!(echo.hear(&error(&quoted[..28], 3, 1), ROUTER), unreachable(1), "the least that is quoted");
        let elsewhere = ipv4(&echo.request(3), Ipv4Addr::new(198, 51, 100, 3));
        assert_eq!(echo.hear(&error(&elsewhere, 3, 1), ROUTER), None, "about another destination");
        let others = ipv4(&Echo::new(V4.into(), 56).request(3), V4);
        assert_eq!(echo.hear(&error(&others, 3, 1), ROUTER), None, "about another ping");
    }

    #[test]
    fn an_error_over_ipv6_is_understood() {
        let echo = Echo::new(V6.into(), 56);
        let request = echo.request(1);
        let header = Ipv6Header {
            payload_length: u16::try_from(request.len()).unwrap(),
            next_header: ip_number::IPV6_ICMP,
            hop_limit: 64,
            destination: V6.octets(),
            ..Ipv6Header::default()
        };
        let quoted = [&header.to_bytes()[..], &request].concat();
        let error = |kind: u8, code: u8| [&[kind, code, 0, 0, 0, 0, 0x05, 0x00][..], &quoted].concat();
        for code in 0..=6 {
            let expected = Some((1, Heard::Unreachable(UnreachableCode::V6(code))));
            assert_eq!(echo.hear(&error(1, code), ROUTER), expected);
        }
        assert_eq!(echo.hear(&error(2, 0), ROUTER), Some((1, Heard::TooBig(Some(1280)))));
        assert_eq!(echo.hear(&error(3, 0), ROUTER), Some((1, Heard::TimeExceeded)));
    }

    #[test]
    fn noise_is_ignored() {
        let echo = Echo::new(V4.into(), 56);
        let packet = ipv4(&reply_to(&echo, 7), V4);
        for length in 0..packet.len() {
            assert_eq!(echo.hear(&packet[..length], V4.into()), None);
        }
    }
}
