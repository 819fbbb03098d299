//! Frames that were captured, and those among them that are meant.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::panic::Location;
use std::sync::Arc;

use etherparse::ip_number;

use super::Frame;
use crate::Host;

/// Frames that were captured, in the order of time; all of a capture's until then, or some that were chosen.
///
/// Cheap to clone and to choose from. A protocol is known by the number that the packet's header has, also in fragments; and what is inside of a tunnel's
/// packets is not looked into.
///
/// What is chosen by protocol, port or address is what the headers say, read behind up to three tags of VLANs and the common extension headers of IPv6. Some frames
/// cannot be read so far, and are among none of those: [`Frames::unread`] are these. A claim that something was not sent is only as good as
/// `unread().assert_none()`.
///
/// `{}` is a line for each, and how many could not be read of those that they were chosen from.
#[must_use = "frames claim nothing by themselves: assert on them"]
#[derive(Clone, Debug)]
pub struct Frames {
    /// Of what they are, in the user's words.
    pub(super) of: Arc<str>,
    pub(super) all: Arc<[Arc<Frame>]>,
    /// The hosts that were heard.
    hosts: Arc<[Host]>,
    /// What each of them is from and to, also if it is a fragment.
    ports: Arc<[Ports]>,
    /// Those that are meant.
    chosen: Vec<usize>,
    /// What they were chosen by.
    pub(super) by: Vec<String>,
}

/// The ports of a frame, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    /// One of these; none if its protocol has no ports.
    OneOf(Vec<(u16, u16)>),
    /// The fragment that would tell is not there.
    Unknown,
}

const TCP: u8 = ip_number::TCP.0;
const UDP: u8 = ip_number::UDP.0;
const SCTP: u8 = ip_number::SCTP.0;
const ICMP: [u8; 2] = [ip_number::ICMP.0, ip_number::IPV6_ICMP.0];

impl Frames {
    pub(super) fn new(of: String, all: Vec<Arc<Frame>>, hosts: Vec<Host>) -> Self {
        let (ports, chosen) = (ports(&all).into(), (0..all.len()).collect());
        Self { of: of.into(), chosen, all: all.into(), hosts: hosts.into(), ports, by: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.chosen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Frame> + ExactSizeIterator {
        self.chosen.iter().map(|&nth| &*self.all[nth])
    }

    /// Those of TCP, as far as headers could be read: see [`Frames::unread`].
    pub fn tcp(&self) -> Self {
        self.of_protocols(&[TCP], "TCP")
    }

    /// Those of UDP, as far as headers could be read: see [`Frames::unread`].
    pub fn udp(&self) -> Self {
        self.of_protocols(&[UDP], "UDP")
    }

    /// Those of SCTP, as far as headers could be read: see [`Frames::unread`].
    pub fn sctp(&self) -> Self {
        self.of_protocols(&[SCTP], "SCTP")
    }

    /// Those of ICMP and `ICMPv6`, of which neighbour discovery is a part; as far as headers could be read.
    pub fn icmp(&self) -> Self {
        self.of_protocols(&ICMP, "ICMP")
    }

    /// Those of ARP.
    pub fn arp(&self) -> Self {
        self.choose("ARP".to_owned(), |nth| self.all[nth].is_arp())
    }

    /// Those from a port of TCP, UDP or SCTP, or to it, as far as headers could be read: see [`Frames::unread`].
    ///
    /// A fragment is at the ports that the first of its packet is at. One whose first fragment was not captured may be at any port, so it is among those at
    /// each, and its line says so.
    pub fn port(&self, port: u16) -> Self {
        self.choose(format!("at port {port}"), |nth| match &self.ports[nth] {
            Ports::OneOf(ports) => ports.iter().any(|&(from, to)| from == port || to == port),
            Ports::Unknown => true,
        })
    }

    /// Those whose packet is from this address, if it is one of IPv4 or IPv6: ARP is not.
    pub fn source(&self, address: impl Into<IpAddr>) -> Self {
        let address = address.into();
        self.choose(format!("from {address}"), |nth| self.all[nth].source() == Some(address))
    }

    /// Those whose packet is to this address, if it is one of IPv4 or IPv6: ARP is not.
    pub fn destination(&self, address: impl Into<IpAddr>) -> Self {
        let address = address.into();
        self.choose(format!("to {address}"), |nth| self.all[nth].destination() == Some(address))
    }

    /// Those that went by at this host, whatever their addresses: of a segment's [`frames`](crate::Capture::frames) those that it has sent, of
    /// [`arrivals`](crate::Capture::arrivals) those that it has received. Of a host's capture they are all.
    ///
    /// # Panics
    /// At the caller's line, if the capture has never heard this host: it is not on the segment, or of another lab. Of a host that could have sent nothing here,
    /// that there is nothing is no claim, so the test is *broken*.
    #[track_caller]
    pub fn at(&self, host: &Host) -> Self {
        if !self.hosts.contains(host) {
            let heard: Vec<_> = self.hosts.iter().map(|host| format!("`{}`", host.name())).collect();
            let message = format!(
                "host `{}` is not heard by the capture of {}, so what went by at it is not known; those that are: {}",
                host.name(),
                self.of,
                heard.join(", ")
            );
            host.surroundings().could_not(Location::caller(), message);
        }
        self.choose(format!("at host `{}`", host.name()), |nth| self.all[nth].host() == host.name())
    }

    /// Those for which this holds.
    #[track_caller]
    pub fn filter(&self, wanted: impl Fn(&Frame) -> bool) -> Self {
        self.choose(format!("as the filter at {} wants it", Location::caller()), |nth| wanted(&self.all[nth]))
    }

    /// A frame's line, with what is known of it only beside others.
    pub(super) fn line(&self, nth: usize) -> String {
        let remark =
            if self.ports[nth] == Ports::Unknown { ", at unknown ports: the first fragment is missing" } else { "" };
        format!("{}{remark}", self.all[nth])
    }

    /// Those that are meant, by their numbers among all.
    pub(super) fn chosen(&self) -> &[usize] {
        &self.chosen
    }

    /// Those whose headers could not be read to the end, whatever is in them: neither IP nor ARP is found (a fourth tag, MPLS, `PPPoE`, an LLC header), a header of IPv6
    /// that is not common stands in front of what the packet carries (mobility, HIP, shim6), or it is too short.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// # #[netns_test(veth = true)]
    /// # async fn doc(client: Host, server: Host, lan: Segment) -> TestResult {
    /// let capture = lan.capture().await?;
    /// client.assert_ping(&server).await;
    /// let frames = capture.frames()?;
    /// frames.udp().port(53).assert_none();
    /// frames.unread().assert_none(); // nor anything that may have been it
    /// # Ok(())
    /// # }
    /// ```
    pub fn unread(&self) -> Self {
        self.choose("not read to the end".to_owned(), |nth| !self.all[nth].is_understood())
    }

    /// How many could not be read to the end of those that these were chosen from, in words; nothing if all could.
    pub(super) fn remark(&self) -> String {
        match self.all.iter().filter(|frame| !frame.is_understood()).count() {
            0 => String::new(),
            count => format!("{count} could not be read to the end, and may be anything: see `unread()`"),
        }
    }

    fn of_protocols(&self, protocols: &[u8], name: &str) -> Self {
        let is_one = |nth: usize| self.all[nth].protocol().is_some_and(|protocol| protocols.contains(&protocol));
        self.choose(name.to_owned(), is_one)
    }

    fn choose(&self, by: String, wanted: impl Fn(usize) -> bool) -> Self {
        let chosen = self.chosen.iter().copied().filter(|&nth| wanted(nth)).collect();
        let by = self.by.iter().cloned().chain([by]).collect();
        Self { chosen, by, ..self.clone() }
    }
}

/// What each frame may be from and to. Only the first fragment of a packet says so, and may come after the others; numbers that packets are told apart by
/// are used again, and then a fragment may be of either.
fn ports(frames: &[Arc<Frame>]) -> Vec<Ports> {
    let packet = |frame: &Frame| {
        let fragment = frame.fragment()?;
        Some((frame.source()?, frame.destination()?, frame.protocol()?, fragment.identification))
    };
    let mut of_packets: HashMap<_, Vec<(u16, u16)>> = HashMap::new();
    for frame in frames {
        if let (Some(packet), Some(ports)) = (packet(frame), frame.ports()) {
            of_packets.entry(packet).or_default().push(ports);
        }
    }
    let has_ports = |frame: &Frame| frame.protocol().is_some_and(|protocol| [TCP, UDP, SCTP].contains(&protocol));
    let of_frame = |frame: &Arc<Frame>| match (frame.ports(), packet(frame)) {
        (Some(ports), _) => Ports::OneOf(vec![ports]),
        (None, Some(packet)) if has_ports(frame) => {
            of_packets.get(&packet).cloned().map_or(Ports::Unknown, Ports::OneOf)
        }
        (None, _) => Ports::OneOf(Vec::new()),
    };
    frames.iter().map(of_frame).collect()
}

impl<'a> IntoIterator for &'a Frames {
    type Item = &'a Frame;
    type IntoIter = Box<dyn Iterator<Item = &'a Frame> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chosen.iter().try_for_each(|&nth| writeln!(f, "{}", self.line(nth)))?;
        match self.remark() {
            remark if remark.is_empty() => Ok(()),
            remark => writeln!(f, "of {} that were captured, {remark}", self.all.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use etherparse::{IpFragOffset, IpNumber, Ipv4Header, PacketBuilder};

    use super::super::frame::tests::{A, B, frames, heard};
    use super::*;

    /// A UDP datagram to port 53 in two fragments, of 8 bytes and of the rest.
    fn fragments(identification: u16) -> [Vec<u8>; 2] {
        let mut udp = Vec::new();
        PacketBuilder::ipv4(A, B, 64).udp(4000, 53).write(&mut udp, b"a question").unwrap();
        let udp = &udp[20..];
        [(0, &udp[..8]), (1, &udp[8..])].map(|(offset, payload)| {
            let length = u16::try_from(payload.len()).unwrap();
            let mut header = Ipv4Header::new(length, 64, IpNumber(UDP), A, B).unwrap();
            header.identification = identification;
            header.dont_fragment = false;
            header.more_fragments = offset == 0;
            header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
            let mut bytes = [[2; 6], [4; 6]].concat();
            bytes.extend([8, 0]);
            header.write(&mut bytes).unwrap();
            bytes.extend_from_slice(payload);
            bytes
        })
    }

    #[test]
    fn all_fragments_are_at_the_ports_that_the_first_is() {
        let [first, second] = fragments(7);
        let [of_another, _] = fragments(8);
        // In any order.
        let all = frames([second, first, of_another].map(heard));
        assert_eq!(all.udp().len(), 3);
        assert_eq!((all.port(53).len(), all.port(4000).len(), all.port(54).len()), (3, 3, 0));
        assert_eq!(all.udp().port(53).to_string().lines().count(), 3);
    }

    #[test]
    fn a_fragment_without_the_first_may_be_at_any_port() {
        let [first, _] = fragments(7);
        let [_, second] = fragments(8);
        let mut of_icmp = second.clone();
        of_icmp[14 + 9] = ICMP[0];
        let all = frames([first, second, of_icmp].map(heard));
        assert_eq!((all.port(53).len(), all.port(54).len(), all.tcp().port(53).len()), (2, 1, 0));
        let line = all.port(54).to_string();
        assert!(line.ends_with(", at unknown ports: the first fragment is missing\n"), "{line}");
        assert!(!all.port(53).line(0).contains("unknown"), "{}", all.port(53));
    }

    /// An IPv6 packet that begins with a header of this kind, which says that UDP to port 53 is behind it.
    fn ipv6(header: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv6([1; 16], [2; 16], 64);
        let behind = [&[UDP, 0, 1, 4, 0, 0, 0, 0, 0, 7, 0, 53, 0, 12, 0, 0][..], b"deep"].concat();
        builder.write(&mut bytes, IpNumber(header), &behind).unwrap();
        bytes
    }

    /// A question to port 53 that begins with this in the place of its ethertype.
    fn behind(link: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(A, B, 64).udp(7, 53).write(&mut bytes, b"deep").unwrap();
        bytes.splice(12..14, link.iter().copied());
        bytes
    }

    #[test]
    fn what_cannot_be_read_to_the_end_is_told() {
        let tags = |count: usize| behind(&[&[0x81, 0, 0, 1].repeat(count)[..], &[8, 0]].concat());
        let mut short = behind(&[8, 0]);
        short.truncate(14 + 20 + 3);
        let mut of_icmp = fragments(1);
        for fragment in &mut of_icmp {
            fragment[14 + 9] = ICMP[0];
        }
        let [destination_options, security] = [60, 50];
        let readable = [tags(0), tags(3), ipv6(destination_options), ipv6(security)];
        let readable = readable.into_iter().chain(fragments(2)).chain(of_icmp);
        let all = frames(readable.map(heard));
        assert_eq!((all.len(), all.unread().len(), all.port(53).len()), (8, 0, 5), "{all}");
        assert_eq!(all.to_string().lines().count(), 8);

        let [mobility, host_identity] = [135, 139];
        let llc = [&[0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..]].concat();
        let unreadable =
            [tags(4), behind(&llc), behind(&[0x88, 0x47]), ipv6(mobility), ipv6(host_identity), short, vec![]];
        let all = frames(unreadable.map(heard));
        assert_eq!((all.unread().len(), all.port(53).len()), (7, 0), "{}", all.unread());
        let said = "of 7 that were captured, 7 could not be read to the end, and may be anything: see `unread()`\n";
        assert_eq!(all.udp().port(53).to_string(), said);
        let panic = std::panic::catch_unwind(AssertUnwindSafe(|| all.udp().port(53).assert_some())).unwrap_err();
        let message = panic.downcast_ref::<String>().unwrap();
        let said = "found none among 7 that were captured, of which 7 could not be read to the end, and may be anything: see `unread()`:\n";
        assert!(message.contains(said), "{message}");
    }

    #[test]
    fn what_is_chosen_can_be_chosen_from() {
        let udp = |from: u16, to: u16| {
            let mut bytes = Vec::new();
            PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(A, B, 64).udp(from, to).write(&mut bytes, b"").unwrap();
            heard(bytes)
        };
        let all = frames([udp(1, 53), udp(53, 2), udp(3, 4)]);
        assert_eq!((all.len(), all.tcp().len(), all.udp().port(53).len()), (3, 0, 2));
        assert_eq!(all.port(53).port(2).iter().next().unwrap().ports(), Some((53, 2)));
        assert_eq!((all.source(A).len(), all.source(B).len(), all.destination(B).len()), (3, 0, 3));
        assert_eq!(all.filter(|frame| frame.ports() == Some((3, 4))).len(), 1);
        assert!(all.arp().is_empty() && all.icmp().is_empty() && all.sctp().is_empty());
    }

    #[test]
    fn a_claim_that_does_not_hold_says_what_there_is() {
        let frame = || heard(fragments(1)[0].clone());
        let all = frames((0..12).map(|_| frame()));
        let said = |claim: &dyn Fn()| {
            let panic = std::panic::catch_unwind(AssertUnwindSafe(claim)).unwrap_err();
            panic.downcast_ref::<String>().unwrap().clone()
        };
        let message = said(&|| all.udp().port(53).assert_none());
        let begins =
            "assertion failed: no frames of segment `lan`: UDP, at port 53\n  found 12 among 12 that were captured:\n";
        assert!(message.starts_with(begins), "{message}");
        assert_eq!(message.lines().count(), 2 + 10 + 1);
        assert!(message.ends_with("and 2 more"), "{message}");
        let message = said(&|| all.tcp().assert_count(1));
        let begins =
            "assertion failed: exactly 1 frame of segment `lan`: TCP\n  found none among 12 that were captured:\n";
        assert!(message.starts_with(begins), "{message}");
        let message = said(&|| frames([]).assert_some());
        assert_eq!(message, "assertion failed: some frames of segment `lan`\n  found none among 0 that were captured");
        all.assert_some();
        all.assert_count(12);
        all.tcp().assert_none();
    }
}
