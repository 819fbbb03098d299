//! ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861) on the wire: asking who has an address, saying it, and telling what a packet that
//! arrives says about it. Packets are without their link-layer header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::icmpv6::NeighborAdvertisementHeader;
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, EtherType, Icmpv6Header, Icmpv6Slice, Icmpv6Type, IpNumber, Ipv6Header,
    Ipv6HeaderSlice,
};
use netns_test_topology::MacAddr;

use crate::filter::{answer, instruction};

/// Neighbour discovery is for neighbours: whatever a router has passed on has less (RFC 4861 section 7.1).
const HOP_LIMIT: u8 = 255;

const BROADCAST: MacAddr = MacAddr([0xff; 6]);
const NOBODY: MacAddr = MacAddr([0; 6]);

/// `ff02::1`: all nodes.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Types of options (RFC 4861 section 4.6.1).
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;

/// A packet and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) to: MacAddr,
    pub(super) bytes: Vec<u8>,
}

/// The ethertype of packets about an address.
pub(super) fn ethertype(about: IpAddr) -> EtherType {
    if about.is_ipv4() { EtherType::ARP } else { EtherType::IPV6 }
}

/// Who has this address? Without a source it is asked as by somebody who is about to take it (RFC 5227 section 2.1.1, RFC 4862
/// section 5.4.2): nobody's table changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) about: IpAddr,
    /// Of the same family.
    pub(super) source: Option<IpAddr>,
    /// Of the interface that asks.
    pub(super) mac: MacAddr,
}

impl Asked {
    pub(super) fn question(&self) -> Packet {
        match self.about {
            IpAddr::V4(about) => {
                let bytes = arp(ArpOperation::REQUEST, (self.mac, self.source_v4()), (NOBODY, about));
                Packet { to: BROADCAST, bytes }
            }
            IpAddr::V6(about) => {
                let (source, option) = match self.source {
                    Some(IpAddr::V6(source)) => (source, Some(option(SOURCE_LINK_LAYER, self.mac))),
                    _ => (Ipv6Addr::UNSPECIFIED, None),
                };
                let group = solicited_node(about);
                let body = [&about.octets()[..], option.as_ref().map_or(&[], |option| &option[..])].concat();
                let bytes = icmpv6((source, group), Icmpv6Type::NeighborSolicitation, &body);
                Packet { to: multicast(group), bytes }
            }
        }
    }

    fn source_v4(&self) -> Ipv4Addr {
        match self.source {
            Some(IpAddr::V4(source)) => source,
            _ => Ipv4Addr::UNSPECIFIED,
        }
    }

    /// Who has the address, by a packet that arrived from a link-layer address, if it is an answer to this question: not to one that the
    /// host's kernel has asked, or that was asked from another address.
    pub(super) fn claimant(&self, packet: &[u8], from: MacAddr) -> Option<MacAddr> {
        match self.about {
            IpAddr::V4(about) => {
                let arp = ArpPacket::from_slice(packet).ok()?.try_eth_ipv4().ok()?;
                let asker = (MacAddr(arp.target_mac), arp.target_ipv4);
                let answers = arp.operation == ArpOperation::REPLY && asker == (self.mac, self.source_v4().octets());
                (answers && arp.sender_ipv4 == about.octets()).then_some(MacAddr(arp.sender_mac))
            }
            IpAddr::V6(about) => {
                let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
                if header.hop_limit() != HOP_LIMIT || header.next_header() != IpNumber::IPV6_ICMP {
                    return None;
                }
                // To the unspecified address nothing can be sent: everybody is told (RFC 4861 section 7.2.4).
                let asker = self.source.unwrap_or(IpAddr::V6(ALL_NODES));
                if asker != IpAddr::V6(header.destination_addr()) {
                    return None;
                }
                let length = usize::from(header.payload_length());
                let message = packet.get(Ipv6Header::LEN..)?.get(..length)?;
                let icmp = Icmpv6Slice::from_slice(message).ok()?;
                if !matches!(icmp.icmp_type(), Icmpv6Type::NeighborAdvertisement(_)) {
                    return None;
                }
                let (target, options) = icmp.payload().split_at_checked(16)?;
                (target == about.octets()).then(|| link_layer_address(options).unwrap_or(from))
            }
        }
    }
}

/// A filter for a packet socket that lets through what could be an answer: of all that an interface receives over IPv6, neighbour
/// advertisements. A packet begins with its IP header.
pub(super) fn answers(about: IpAddr) -> Vec<libc::sock_filter> {
    let (everything, nothing) = (answer(u32::MAX), answer(0));
    if about.is_ipv4() {
        return vec![everything];
    }
    let byte = |at: u32| instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, at, [0, 0]);
    let is =
        |value: u32, otherwise: u8| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, [0, otherwise]);
    vec![byte(6), is(58, 3), byte(40), is(136, 1), everything, nothing]
}

/// What tells everybody who has an address: a gratuitous ARP request (RFC 5227 section 3), or an unsolicited neighbour advertisement (RFC 4861
/// section 7.2.6).
pub(super) fn announcement(address: IpAddr, mac: MacAddr, router: bool) -> Packet {
    match address {
        IpAddr::V4(address) => {
            Packet { to: BROADCAST, bytes: arp(ArpOperation::REQUEST, (mac, address), (NOBODY, address)) }
        }
        IpAddr::V6(address) => {
            let header = NeighborAdvertisementHeader { router, solicited: false, r#override: true };
            let body = [&address.octets()[..], &option(TARGET_LINK_LAYER, mac)].concat();
            let bytes = icmpv6((address, ALL_NODES), Icmpv6Type::NeighborAdvertisement(header), &body);
            Packet { to: multicast(ALL_NODES), bytes }
        }
    }
}

fn arp(operation: ArpOperation, sender: (MacAddr, Ipv4Addr), target: (MacAddr, Ipv4Addr)) -> Vec<u8> {
    let packet = ArpEthIpv4Packet {
        operation,
        sender_mac: sender.0.0,
        sender_ipv4: sender.1.octets(),
        target_mac: target.0.0,
        target_ipv4: target.1.octets(),
    };
    packet.to_bytes().to_vec()
}

fn icmpv6((source, to): (Ipv6Addr, Ipv6Addr), kind: Icmpv6Type, body: &[u8]) -> Vec<u8> {
    let icmp = Icmpv6Header::with_checksum(kind, source.octets(), to.octets(), body).expect("a short message");
    let message = [&icmp.to_bytes()[..], body].concat();
    let header = Ipv6Header {
        payload_length: u16::try_from(message.len()).expect("a short message"),
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: HOP_LIMIT,
        source: source.octets(),
        destination: to.octets(),
        ..Ipv6Header::default()
    };
    [&header.to_bytes()[..], &message].concat()
}

/// An option with a link-layer address: one unit of eight bytes.
fn option(kind: u8, mac: MacAddr) -> [u8; 8] {
    let mut option = [kind, 1, 0, 0, 0, 0, 0, 0];
    option[2..].copy_from_slice(&mac.0);
    option
}

fn link_layer_address(mut options: &[u8]) -> Option<MacAddr> {
    while let [kind, units, ..] = *options {
        let (option, rest) = options.split_at_checked(usize::from(units).max(1) * 8)?;
        if kind == TARGET_LINK_LAYER {
            return option[2..8].try_into().ok().map(MacAddr);
        }
        options = rest;
    }
    None
}

/// The group of all who may have an address (RFC 4291 section 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., high, low] = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (high & 0xff), low)
}

/// The Ethernet address of an IPv6 group (RFC 2464 section 7).
fn multicast(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr([0x33, 0x33, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn v4(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn asked(about: &str, source: Option<&str>) -> Asked {
        Asked { about: v4(about), source: source.map(v4), mac: MAC }
    }

    #[test]
    fn a_question_over_ipv4_is_as_rfc_826_has_it() {
        let packet = asked("192.0.2.1", Some("192.0.2.9")).question();
        let bytes = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
        assert_eq!((packet.to, &packet.bytes[..]), (BROADCAST, &bytes[..]));
        let probe = asked("192.0.2.1", None).question();
        assert_eq!(probe.bytes[14..18], [0; 4]);
    }

    #[test]
    fn a_question_over_ipv6_goes_to_the_solicited_node_group() {
        let packet = asked("2001:db8::1:2345", Some("2001:db8::9")).question();
        assert_eq!(packet.to, MacAddr([0x33, 0x33, 0xff, 1, 0x23, 0x45]));
        let header = Ipv6HeaderSlice::from_slice(&packet.bytes).unwrap();
        assert_eq!((header.hop_limit(), header.payload_length()), (255, 32));
        assert_eq!(header.destination_addr(), "ff02::1:ff01:2345".parse::<Ipv6Addr>().unwrap());
        let icmp = Icmpv6Slice::from_slice(&packet.bytes[40..]).unwrap();
        assert!(icmp.is_checksum_valid(header.source(), header.destination()));
        assert_eq!(packet.bytes[40], 135);
        assert_eq!(packet.bytes[64..], [1, 1, 2, 0, 0, 0, 0, 7]);
        // From nobody there is no option (RFC 4861 section 4.3).
        assert_eq!(asked("2001:db8::1", None).question().bytes.len(), 64);
    }

    fn reply() -> Vec<u8> {
        arp(ArpOperation::REPLY, (OTHER, Ipv4Addr::new(192, 0, 2, 1)), (MAC, Ipv4Addr::new(192, 0, 2, 9)))
    }

    #[test]
    fn an_answer_names_who_has_the_address() {
        assert_eq!(asked("192.0.2.1", Some("192.0.2.9")).claimant(&reply(), OTHER), Some(OTHER));
        assert_eq!(asked("192.0.2.2", Some("192.0.2.9")).claimant(&reply(), OTHER), None);
        // Without a source everybody is told.
        let told = announcement(v4("2001:db8::1"), OTHER, false).bytes;
        assert_eq!(asked("2001:db8::1", None).claimant(&told, MAC), Some(OTHER));
        assert_eq!(asked("2001:db8::2", None).claimant(&told, MAC), None);
        // Without its option, it is whom it came from.
        assert_eq!(asked("2001:db8::1", None).claimant(&told[..64], MAC), None, "it says that it is longer");
        let mut short = told[..64].to_vec();
        short[5] = 24;
        assert_eq!(asked("2001:db8::1", None).claimant(&short, MAC), Some(MAC));
    }

    #[test]
    fn the_answer_to_somebody_else_is_none() {
        assert_eq!(asked("192.0.2.1", Some("192.0.2.66")).claimant(&reply(), OTHER), None);
        assert_eq!(asked("192.0.2.1", None).claimant(&reply(), OTHER), None);
        let mut other = asked("192.0.2.1", Some("192.0.2.9"));
        other.mac = OTHER;
        assert_eq!(other.claimant(&reply(), OTHER), None);
        let told = announcement(v4("2001:db8::1"), OTHER, false).bytes;
        assert_eq!(asked("2001:db8::1", Some("2001:db8::9")).claimant(&told, OTHER), None);
    }

    #[test]
    fn a_question_is_no_answer_and_nor_is_what_a_router_passed_on() {
        for about in ["192.0.2.1", "2001:db8::1"] {
            let question = asked(about, Some(about));
            assert_eq!(question.claimant(&question.question().bytes, OTHER), None, "{about}");
        }
        let mut routed = announcement(v4("2001:db8::1"), OTHER, false).bytes;
        routed[7] = 254;
        assert_eq!(asked("2001:db8::1", None).claimant(&routed, OTHER), None);
    }

    #[test]
    fn broken_packets_are_nobodys() {
        let announced = announcement(v4("2001:db8::1"), OTHER, true).bytes;
        for end in 0..announced.len() {
            assert_eq!(asked("2001:db8::1", None).claimant(&announced[..end], MAC), None);
        }
        for end in 0..reply().len() {
            assert_eq!(asked("192.0.2.1", Some("192.0.2.9")).claimant(&reply()[..end], MAC), None);
        }
        assert_eq!(link_layer_address(&[TARGET_LINK_LAYER, 0, 1]), None);
        assert_eq!(link_layer_address(&[14, 1, 0, 0, 0, 0, 0, 0, TARGET_LINK_LAYER, 9, 1]), None);
    }
}
