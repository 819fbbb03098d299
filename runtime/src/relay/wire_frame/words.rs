//! A frame in one line. Whatever it says of itself is numbers by then: nothing of its payload reaches a terminal.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use etherparse::{ArpOperation, LaxNetSlice};

use super::WireFrame;

impl fmt::Display for WireFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for vlan in self.vlans() {
            write!(f, "VLAN {vlan}  ")?;
        }
        match (self.source(), self.destination()) {
            (Some(source), Some(destination)) => self.packet(f, source, destination),
            _ if self.is_arp() => self.neighbours(f),
            _ => self.foreign(f),
        }
    }
}

impl WireFrame {
    fn packet(&self, f: &mut fmt::Formatter<'_>, source: IpAddr, destination: IpAddr) -> fmt::Result {
        match self.ports() {
            Some((from, to)) => write!(f, "{} → {}", SocketAddr::new(source, from), SocketAddr::new(destination, to))?,
            None => write!(f, "{source} → {destination}")?,
        }
        f.write_str("  ")?;
        if let Some(segment) = self.tcp() {
            let flags = [
                (segment.syn, "SYN"),
                (segment.fin, "FIN"),
                (segment.rst, "RST"),
                (segment.psh, "PSH"),
                (segment.ack, "ACK"),
                (segment.ece, "ECE"),
                (segment.cwr, "CWR"),
            ];
            let flags: Vec<_> = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect();
            write!(f, "TCP {}, sequence {}", flags.join(" "), segment.sequence)?;
            if segment.ack {
                write!(f, ", acknowledgment {}", segment.acknowledgment)?;
            }
            write!(f, ", {} bytes", segment.payload.len())?;
        } else if let Some(datagram) = self.udp() {
            write!(f, "UDP, {} bytes", datagram.payload.len())?;
        } else if let Some(message) = self.icmp() {
            let name = if source.is_ipv4() { "ICMP" } else { "ICMPv6" };
            write!(f, "{name} type {} code {}", message.kind, message.code)?;
            if let Some(words) = icmp(source.is_ipv4(), message.kind) {
                write!(f, " ({words})")?;
            }
        } else {
            match self.protocol() {
                Some(6) => f.write_str("TCP")?,
                Some(17) => f.write_str("UDP")?,
                Some(132) => f.write_str("SCTP")?,
                Some(protocol) => write!(f, "protocol {protocol}")?,
                None => f.write_str("IP")?,
            }
            if let Some(fragment) = self.fragment() {
                f.write_str(if fragment.is_first { ", the first fragment" } else { ", a fragment" })?;
            }
        }
        if let Some(dscp) = self.dscp() {
            write!(f, ", DSCP {dscp}")?;
        }
        if self.ecn() == Some(3) {
            f.write_str(", congestion experienced")?;
        }
        Ok(())
    }

    fn neighbours(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parsed = self.parsed().and_then(|parsed| match parsed.net {
            Some(LaxNetSlice::Arp(arp)) => arp.to_packet().try_eth_ipv4().ok(),
            _ => None,
        });
        let Some(arp) = parsed else { return f.write_str("ARP") };
        let (sender, target) = (IpAddr::from(arp.sender_ipv4), IpAddr::from(arp.target_ipv4));
        match arp.operation {
            ArpOperation::REQUEST => write!(f, "ARP: who has {target}? asks {sender}"),
            _ => write!(f, "ARP: {sender} is at {}", super::MacAddr(arp.sender_mac)),
        }
    }

    /// What is neither IP nor ARP.
    fn foreign(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(source), Some(destination)) = (self.source_mac(), self.destination_mac()) {
            write!(f, "{source} → {destination}  ")?;
        }
        let ethertype = self.parsed().and_then(|parsed| match parsed.link_exts.last() {
            Some(tag) => tag.payload().map(|payload| payload.ether_type),
            None => parsed.link?.ether_payload().map(|payload| payload.ether_type),
        });
        if let Some(ethertype) = ethertype {
            write!(f, "ethertype {:#06x}, ", ethertype.0)?;
        }
        write!(f, "{} bytes in all", self.bytes().len())
    }
}

/// What a type is called: RFC 792, RFC 4443 and RFC 4861.
fn icmp(is_v4: bool, kind: u8) -> Option<&'static str> {
    Some(match (is_v4, kind) {
        (true, 0) | (false, 129) => "echo reply",
        (true, 8) | (false, 128) => "echo request",
        (true, 3) | (false, 1) => "destination unreachable",
        (true, 11) | (false, 3) => "time exceeded",
        (true, 5) | (false, 137) => "redirect",
        (false, 2) => "packet too big",
        (false, 133) => "router solicitation",
        (false, 134) => "router advertisement",
        (false, 135) => "neighbour solicitation",
        (false, 136) => "neighbour advertisement",
        (false, 143) => "multicast listener report",
        _ => return None,
    })
}
