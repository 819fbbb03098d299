//! A frame on its way through the relay, and what the kernel says of it beside.

use std::ops::Range;

/// Bytes of an Ethernet header: two addresses and an ethertype.
pub(crate) const ETHERNET: usize = 14;

/// Where the ethertype is.
const ETHERTYPE: usize = 12;

/// Bytes of a VLAN's tag.
const TAG: usize = 4;

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// What stands in front of each frame (`struct virtio_net_hdr`): which checksum is still to be computed, and how the frame is to be cut into
/// segments. Between two hosts nobody does either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offload(pub(super) [u8; Offload::SIZE]);

impl Offload {
    pub(super) const SIZE: usize = 10;

    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM`
    const NEEDS_CHECKSUM: u8 = 1;

    /// Where the checksum begins to count, and where it is written.
    fn checksum(self) -> Option<(usize, usize)> {
        let at = |offset: usize| usize::from(u16::from_ne_bytes([self.0[offset], self.0[offset + 1]]));
        let (start, offset) = (at(6), at(8));
        (self.0[0] & Self::NEEDS_CHECKSUM != 0).then_some((start, start + offset))
    }

    /// The frame has become longer in front of all that this is about.
    fn shift(&mut self, by: u16) {
        // `hdr_len` and `csum_start`.
        for offset in [2, 6] {
            let old = u16::from_ne_bytes([self.0[offset], self.0[offset + 1]]);
            if old > 0 {
                self.0[offset..offset + 2].copy_from_slice(&(old + by).to_ne_bytes());
            }
        }
    }
}

/// A frame with the tag of a VLAN that the kernel has taken out of it.
pub(crate) fn with_tag(bytes: &[u8], tag: Option<[u8; TAG]>) -> Vec<u8> {
    match tag {
        Some(tag) if bytes.len() >= ETHERTYPE => {
            let (addresses, rest) = bytes.split_at(ETHERTYPE);
            [addresses, &tag, rest].concat()
        }
        _ => bytes.to_vec(),
    }
}

/// A frame on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) offload: Offload,
    pub(super) bytes: Vec<u8>,
}

impl Frame {
    /// As it was received; the kernel takes a VLAN's tag out and tells it beside.
    pub(super) fn received(offload: Offload, bytes: &[u8], tag: Option<[u8; TAG]>) -> Self {
        let mut frame = Self { offload, bytes: with_tag(bytes, tag) };
        if frame.bytes.len() > bytes.len() {
            frame.offload.shift(4);
        }
        frame
    }

    /// Computes the checksum that the sender has left to a device, so that what changes from now on is noticed.
    pub(super) fn complete_checksum(&mut self) {
        let Some((start, at)) = self.offload.checksum() else { return };
        self.offload.0[0] &= !Offload::NEEDS_CHECKSUM;
        if at + 2 > self.bytes.len() || start > at {
            return;
        }
        if View::of(&self.bytes).is_some_and(|view| view.protocol() == Some(132)) {
            let crc = crc32c::crc32c(&without(&self.bytes[start..], at - start..at - start + 4));
            if let Some(field) = self.bytes.get_mut(at..at + 4) {
                field.copy_from_slice(&crc.to_le_bytes());
            }
            return;
        }
        // The field holds the sum of the pseudo header.
        let sum = match checksum(&self.bytes[start..]) {
            // In UDP 0 means that there is none (RFC 768).
            0 => 0xffff,
            sum => sum,
        };
        self.bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }

    /// Flips a bit behind the Ethernet header. `random` is a number from all of its range.
    pub(super) fn flip_a_bit(&mut self, random: u64) {
        self.complete_checksum();
        let bits = (self.bytes.len().saturating_sub(ETHERNET) * 8) as u64;
        if bits > 0 {
            let bit = usize::try_from(random % bits).expect("a frame is small");
            self.bytes[ETHERNET + bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// RFC 1071: the complement of the sum of all 16-bit words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}

fn without(bytes: &[u8], zeroes: Range<usize>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(field) = bytes.get_mut(zeroes) {
        field.fill(0);
    }
    bytes
}

/// What is read of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    bytes: &'a [u8],
    /// The ethertype of the packet, and where it begins.
    ethertype: u16,
    packet: usize,
}

impl<'a> View<'a> {
    /// Of a frame that has an Ethernet header.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut at = ETHERTYPE;
        loop {
            let ethertype = u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
            if !TAGS.contains(&ethertype) {
                return Some(Self { bytes, ethertype, packet: at + 2 });
            }
            at += TAG;
        }
    }

    pub(super) fn destination(self) -> [u8; 6] {
        *self.bytes.first_chunk().expect("it has an Ethernet header")
    }

    pub(super) fn source(self) -> [u8; 6] {
        *self.bytes[6..].first_chunk().expect("it has an Ethernet header")
    }

    /// Bytes of the packet in it.
    pub(super) fn packet_length(self) -> usize {
        self.bytes.len() - self.packet
    }

    /// The protocol that the packet carries, without a look behind extension headers.
    fn protocol(self) -> Option<u8> {
        match self.ethertype {
            ETHERTYPE_IPV4 => self.bytes.get(self.packet + 9).copied(),
            ETHERTYPE_IPV6 => self.bytes.get(self.packet + 6).copied(),
            _ => None,
        }
    }

    /// Whether it is what kernels say among themselves and when they like: ARP, neighbour discovery (RFC 4861), IGMP and MLD.
    pub(super) fn is_of_neighbours(self) -> bool {
        match (self.ethertype, self.protocol()) {
            (ETHERTYPE_ARP, _) | (ETHERTYPE_IPV4, Some(2)) | (ETHERTYPE_IPV6, Some(0)) => true,
            (ETHERTYPE_IPV6, Some(58)) => {
                matches!(self.bytes.get(self.packet + 40), Some(130..=137 | 143))
            }
            _ => false,
        }
    }
}

/// Whether a switch keeps a frame with this destination to itself (IEEE 802.1D table 7-10): pause, LACP, LLDP. Those of the spanning tree are
/// passed on, as the kernel's bridge does where it has no part in it: hosts that have find their loops.
pub(super) fn is_link_local(destination: [u8; 6]) -> bool {
    destination[..5] == [0x01, 0x80, 0xc2, 0, 0] && (0x01..=0x0f).contains(&destination[5])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with this ethertype and packet.
    fn frame(ethertype: u16, packet: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        bytes.extend_from_slice(&ethertype.to_be_bytes());
        bytes.extend_from_slice(packet);
        bytes
    }

    fn needs_checksum(start: u16, offset: u16) -> Offload {
        let mut offload = Offload([0; 10]);
        offload.0[0] = Offload::NEEDS_CHECKSUM;
        offload.0[6..8].copy_from_slice(&start.to_ne_bytes());
        offload.0[8..10].copy_from_slice(&offset.to_ne_bytes());
        offload
    }

    #[test]
    fn a_tag_is_put_back() {
        let untagged = frame(ETHERTYPE_IPV4, &[0x45; 40]);
        let tagged = Frame::received(needs_checksum(34, 6), &untagged, Some([0x81, 0, 0, 10]));
        assert_eq!(tagged.bytes[12..18], [0x81, 0, 0, 10, 0x08, 0]);
        assert_eq!(tagged.bytes.len(), untagged.len() + 4);
        assert_eq!(tagged.offload.checksum(), Some((38, 44)));
        let view = View::of(&tagged.bytes).unwrap();
        assert_eq!((view.ethertype, view.packet_length()), (ETHERTYPE_IPV4, 40));
        assert_eq!(Frame::received(Offload::default(), &untagged, None).bytes, untagged);
    }

    #[test]
    fn a_checksum_is_completed_as_etherparse_has_it() {
        let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1000, 2000);
        let mut expected = Vec::new();
        builder.write(&mut expected, b"odd").unwrap();
        // What a sender leaves in the field: the sum of the pseudo header, not complemented.
        let mut bytes = expected.clone();
        let pseudo: [u8; 12] = [10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 11];
        bytes[40..42].copy_from_slice(&(!checksum(&pseudo)).to_be_bytes());
        let mut frame = Frame { offload: needs_checksum(34, 6), bytes };
        frame.complete_checksum();
        assert_eq!(frame.bytes, expected);
        assert_eq!(frame.offload.checksum(), None);
    }

    #[test]
    fn a_nonsensical_offset_is_ignored() {
        let mut frame = Frame { offload: needs_checksum(60_000, 6), bytes: frame(ETHERTYPE_IPV4, &[0; 30]) };
        frame.complete_checksum();
        frame.flip_a_bit(0);
        assert_eq!(frame.bytes[14], 1);
    }

    #[test]
    fn one_bit_of_the_packet_is_flipped() {
        let whole = frame(ETHERTYPE_IPV4, &[0; 30]);
        for random in [0, 7, 8, 239, 240, u64::MAX] {
            let mut frame = Frame { offload: Offload::default(), bytes: whole.clone() };
            frame.flip_a_bit(random);
            let differing: u32 = whole.iter().zip(&frame.bytes).map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!((differing, &frame.bytes[..14]), (1, &whole[..14]), "{random}");
        }
    }

    #[test]
    fn the_talk_of_neighbours_is_known() {
        let icmpv6 = |kind: u8| {
            let mut packet = [0; 48];
            (packet[6], packet[40]) = (58, kind);
            packet
        };
        let is_talk = |bytes: &[u8]| View::of(bytes).unwrap().is_of_neighbours();
        assert!(is_talk(&frame(ETHERTYPE_ARP, &[0; 28])));
        assert!(is_talk(&frame(ETHERTYPE_IPV6, &icmpv6(135))));
        assert!(is_talk(&frame(ETHERTYPE_IPV6, &[0; 48])), "hop-by-hop options, as MLD has them");
        assert!(!is_talk(&frame(ETHERTYPE_IPV6, &icmpv6(128))));
        let mut ping = [0; 28];
        ping[9] = 1;
        assert!(!is_talk(&frame(ETHERTYPE_IPV4, &ping)));
        assert!(View::of(&[0; 13]).is_none());
        assert!(View::of(&frame(0x8100, &[0, 0])).is_none());
    }
}
