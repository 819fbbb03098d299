//! Datagrams that a program has handed over at once (`UDP_SEGMENT`, udp(7)): one frame stands for all of them, which a card would cut. What a test
//! claims of a datagram would not be true of that frame, so it is cut here.

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice, UdpHeader, UdpSlice};

use crate::capture::LinkLayer;

/// Bytes of `struct virtio_net_hdr` (`linux/virtio_net.h`).
pub(super) const OFFLOAD: usize = 10;

/// `VIRTIO_NET_HDR_GSO_UDP_L4`, and what may stand beside it.
const UDP: u8 = 5;
const ECN: u8 = 0x80;

/// Bytes of a UDP header, and of an IPv6 header without extensions.
const UDP_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;

/// How a frame that stands for several datagrams is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagrams {
    /// Bytes of payload that each has, but for the last.
    size: usize,
    /// Where the header of UDP begins, as it was heard.
    udp: usize,
}

impl Datagrams {
    /// As the kernel says beside a frame, if it is one.
    pub(super) fn of(offload: [u8; OFFLOAD]) -> Option<Self> {
        let field = |at: usize| usize::from(u16::from_ne_bytes([offload[at], offload[at + 1]]));
        // `gso_size`, and `csum_start`: the checksum of such a frame is always left to the device.
        let datagrams = Self { size: field(4), udp: field(6) };
        (offload[1] & !ECN == UDP && datagrams.size > 0).then_some(datagrams)
    }

    /// The same of a frame that has become longer in front of UDP.
    pub(super) fn behind(self, tag: usize) -> Self {
        Self { udp: self.udp + tag, ..self }
    }

    /// The datagrams' own frames, with their checksums; nothing if what is to be cut is within a tunnel, into which nobody looks.
    pub(super) fn cut(self, link: LinkLayer, frame: &[u8]) -> Option<Vec<Vec<u8>>> {
        let parsed = match link {
            LinkLayer::Ethernet => LaxSlicedPacket::from_ethernet(frame).ok()?,
            LinkLayer::Bare => LaxSlicedPacket::from_ip(frame).ok()?,
        };
        let Some(TransportSlice::Udp(udp)) = &parsed.transport else { return None };
        if offset(frame, udp.slice()) != self.udp {
            return None;
        }
        let net = parsed.net?;
        let pieces = udp.payload().chunks(self.size).enumerate();
        Some(pieces.map(|(nth, payload)| self.piece(frame, &net, udp, (nth, payload))).collect())
    }

    /// One of them, as the kernel makes it (`__udp_gso_segment`).
    fn piece(self, frame: &[u8], net: &LaxNetSlice<'_>, udp: &UdpSlice<'_>, (nth, payload): (usize, &[u8])) -> Vec<u8> {
        let length = |bytes: usize| u16::try_from(bytes).expect("it is a part of a packet");
        let mut piece = [&frame[..self.udp + UDP_HEADER], payload].concat();
        let mut header = UdpHeader {
            source_port: udp.source_port(),
            destination_port: udp.destination_port(),
            length: length(UDP_HEADER + payload.len()),
            checksum: 0,
        };
        let checksum = match net {
            LaxNetSlice::Ipv4(v4) => {
                let ip = offset(frame, v4.header().slice());
                let mut header_v4 = v4.header().to_header();
                header_v4.total_len = length(piece.len() - ip);
                header_v4.identification = header_v4.identification.wrapping_add(u16::try_from(nth).unwrap_or(0));
                header_v4.header_checksum = header_v4.calc_header_checksum();
                let bytes = header_v4.to_bytes();
                piece[ip..ip + bytes.len()].copy_from_slice(&bytes);
                header.calc_checksum_ipv4_raw(v4.header().source(), v4.header().destination(), payload)
            }
            LaxNetSlice::Ipv6(v6) => {
                let ip = offset(frame, v6.header().slice());
                let bytes = length(piece.len() - ip - IPV6_HEADER).to_be_bytes();
                piece[ip + 4..ip + 6].copy_from_slice(&bytes);
                header.calc_checksum_ipv6_raw(v6.header().source(), v6.header().destination(), payload)
            }
            LaxNetSlice::Arp(_) => unreachable!("it has no UDP in it"),
        };
        header.checksum = checksum.expect("it is a part of a packet");
        piece[self.udp..self.udp + UDP_HEADER].copy_from_slice(&header.to_bytes());
        piece
    }
}

/// Where a part of a frame begins.
fn offset(frame: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - frame.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use etherparse::{PacketBuilder, PacketBuilderStep, UdpHeader};

    use super::*;

    fn offload(kind: u8, size: u16, udp: u16) -> [u8; OFFLOAD] {
        let mut offload = [1, kind, 0, 0, 0, 0, 0, 0, 6, 0];
        offload[4..6].copy_from_slice(&size.to_ne_bytes());
        offload[6..8].copy_from_slice(&udp.to_ne_bytes());
        offload
    }

    fn written(builder: PacketBuilderStep<UdpHeader>, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    /// A frame around a payload.
    type Written<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

    #[test]
    fn each_datagram_is_as_if_it_had_been_sent_by_itself() {
        let ethernet = || PacketBuilder::ethernet2([2; 6], [4; 6]);
        let (a, b) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let v4 = |payload: &[u8]| written(ethernet().ipv4(a, b, 64).udp(4000, 53), payload);
        let tagged =
            |payload: &[u8]| written(ethernet().single_vlan(7.try_into().unwrap()).ipv4(a, b, 64).udp(1, 2), payload);
        let v6 = |payload: &[u8]| written(ethernet().ipv6([1; 16], [2; 16], 64).udp(4000, 53), payload);
        let bare = |payload: &[u8]| written(PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(4000, 53), payload);
        let frames: [(LinkLayer, u16, u16, Written<'_>); 4] = [
            (LinkLayer::Ethernet, 34, 0, &v4),
            (LinkLayer::Ethernet, 34, 4, &tagged),
            (LinkLayer::Ethernet, 54, 0, &v6),
            (LinkLayer::Bare, 40, 0, &bare),
        ];
        for (link, udp, tag, frame) in frames {
            let datagrams = Datagrams::of(offload(5, 6, udp)).unwrap().behind(tag.into());
            let pieces = datagrams.cut(link, &frame(b"secretpublicend")).unwrap();
            let mut expected = [&b"secret"[..], b"public", b"end"].map(frame);
            let is_v4 = expected[0].get(usize::from(12 + tag)..usize::from(14 + tag)) == Some(&[8, 0]);
            for (nth, expected) in expected.iter_mut().enumerate().filter(|_| is_v4) {
                // The identification counts on, and so does the checksum.
                let ip = usize::from(14 + tag);
                expected[ip + 5] += u8::try_from(nth).unwrap();
                let checksum = etherparse::Ipv4HeaderSlice::from_slice(&expected[ip..]).unwrap();
                let checksum = checksum.to_header().calc_header_checksum().to_be_bytes();
                expected[ip + 10..ip + 12].copy_from_slice(&checksum);
            }
            assert_eq!(pieces, expected);
        }
    }

    #[test]
    fn nothing_else_is_cut() {
        let udp = written(PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([1; 4], [2; 4], 64).udp(4000, 53), b"whole");
        // TCP, a frame that is not to be cut, and one that is for nobody knows what.
        for offload in [offload(1, 2, 34), offload(0, 0, 34), offload(5, 0, 34)] {
            assert_eq!(Datagrams::of(offload), None);
        }
        let of_a_tunnel = Datagrams::of(offload(5, 2, 84)).unwrap();
        assert_eq!(of_a_tunnel.cut(LinkLayer::Ethernet, &udp), None);
        assert_eq!(of_a_tunnel.cut(LinkLayer::Ethernet, &[0; 10]), None);
    }
}
