//! What a segment is made of and what it is over.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::MTU;
use super::network::{Family, Found, Network};
use super::report::Report;
use super::subnets;
use crate::units;
use crate::{BridgePlan, Complaint, DrawnBridge, Medium, SegmentKind, SegmentPart, VlanProtocol};

/// Ids of VLANs (IEEE 802.1Q section 9.6).
const VLAN_IDS: RangeInclusive<u32> = 1..=4094;

/// Network identifiers of VXLANs (RFC 7348 section 5); 0 is a VXLAN that takes all of them.
const VNIS: RangeInclusive<u32> = 1..=0xff_ffff;

/// How many segments one can be over: devices over devices (`MAX_NEST_DEV` less one in `net/core/dev.c`).
const LEVELS: usize = 7;

/// The least MTU of a segment with IPv6 (RFC 8200 section 5), in bytes.
pub const MTU_IPV6: u32 = 1280;

/// Parses what is written about segments.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for segment in 0..network.segments.len() {
        subnets::resolve(network, segment, report);
        over(network, segment, report);
        mtu(network, segment, report);
    }
    chains(network, report);
    let mut ids = Ids::new();
    for segment in 0..network.segments.len() {
        underlay(network, segment, report);
        network.segments[segment].kind = kind(network, segment, &mut ids, report);
        mtu_of_lower(network, segment, report);
    }
}

impl Medium {
    /// What it is called in a sentence.
    pub(super) fn phrase(&self) -> &'static str {
        match self {
            Self::Switch => "a switch",
            Self::Veth => "a veth pair",
            Self::Dummy => "a dummy",
            Self::Vlan { .. } => "a VLAN",
            Self::Vxlan { .. } => "a VXLAN",
            Self::WireGuard => "a WireGuard mesh",
            Self::Gre => "a GRE tunnel",
            Self::Ipip => "an IP-in-IP tunnel",
        }
    }

    fn is_over_another(&self) -> bool {
        !matches!(self, Self::Switch | Self::Veth | Self::Dummy)
    }

    /// Whether it carries Ethernet frames; others carry packets, and have no link-layer addresses.
    pub(super) fn has_frames(&self) -> bool {
        !matches!(self, Self::WireGuard | Self::Gre | Self::Ipip)
    }

    /// How many bytes it adds to each packet, on an underlay that is IPv4 or IPv6.
    ///
    /// A VLAN's tag is not counted by the kernel. VXLAN: Ethernet, VXLAN, UDP and IP. `WireGuard`: its header and tag, UDP and
    /// IP. GRE: without key and checksum.
    pub(super) fn overhead(&self, underlay: Family) -> u32 {
        match (self, underlay) {
            (Self::Switch | Self::Veth | Self::Dummy | Self::Vlan { .. }, _) => 0,
            (Self::Vxlan { .. }, Family::V4) => 50,
            (Self::Vxlan { .. }, Family::V6) => 70,
            (Self::WireGuard, Family::V4) => 60,
            (Self::WireGuard, Family::V6) => 80,
            (Self::Gre, _) => 24,
            (Self::Ipip, _) => 20,
        }
    }
}

/// Finds the segment that this one is over.
fn over(network: &mut Network<'_>, segment: usize, report: &mut Report) {
    let scope = network.segments[segment].scope;
    let drawn = network.segments[segment].drawn;
    let medium = drawn.medium.phrase();
    match &drawn.over {
        None if drawn.medium.is_over_another() => {
            let message = format!("{medium} is over another segment, and it is not said which");
            let complaint = network.about_segment(segment, SegmentPart::Medium, &message);
            let other = network.scopes[scope].drawing.segments.iter().find(|other| other.medium == Medium::Switch);
            let other = other.map_or("trunk", |other| other.name.as_str());
            report.add(complaint.help(format!("write for example `over = {other}`")));
        }
        Some(_) if !drawn.medium.is_over_another() => {
            let message = format!("{medium} is over no other segment");
            let complaint = network.about_segment(segment, SegmentPart::Over, &message);
            let help = "leave out `over`, or say what is over it: `vlan = 10`, `vni = 42`, `wireguard`, `gre`, `ipip`";
            report.add(complaint.help(help));
        }
        Some(name) => match network.find_segment(scope, name) {
            Found::Known(lower) => network.segments[segment].over = Some(lower),
            Found::Doubtful => {}
            Found::Unknown => {
                let message = format!("it is over `{name}`, which is no segment");
                let complaint = network.about_segment(segment, SegmentPart::Over, &message);
                report.add(network.meant_segment(scope, name, complaint));
                // Whoever is on it may be on what was meant, for its sake.
                network.doubt_members(scope, name);
            }
        },
        None => {}
    }
}

/// Finds segments that are over themselves or over too many others, and cuts them off.
fn chains(network: &mut Network<'_>, report: &mut Report) {
    let mut depths: Vec<Option<usize>> = vec![None; network.segments.len()];
    for start in 0..network.segments.len() {
        let mut path = Vec::new();
        let mut next = Some(start);
        while let Some(segment) = next.filter(|&segment| depths[segment].is_none()) {
            depths[segment] = Some(0);
            path.push(segment);
            next = network.segments[segment].over;
        }
        if let Some(begin) = next.and_then(|again| path.iter().position(|&segment| segment == again)) {
            cycle(network, &path[begin..], report);
        }
        for &segment in path.iter().rev() {
            let lower = network.segments[segment].over;
            depths[segment] = Some(lower.map_or(0, |lower| depths[lower].map_or(0, |depth| depth + 1)));
            if depths[segment] > Some(LEVELS) {
                let message = format!("it is over {} segments, at most {LEVELS} are possible", LEVELS + 1);
                report.add(network.about_segment(segment, SegmentPart::Over, &message));
                network.segments[segment].over = None;
                depths[segment] = Some(0);
            }
        }
    }
}

fn cycle(network: &mut Network<'_>, cycle: &[usize], report: &mut Report) {
    let Some(&first) = cycle.iter().min() else { return };
    let others = cycle.iter().filter(|&&segment| segment != first);
    let others: Vec<_> = others.map(|&segment| format!("`{}`", network.segments[segment].name)).collect();
    let by_way = if others.is_empty() { String::new() } else { format!(", as it is by way of {}", others.join(", ")) };
    let message = format!("{} cannot be over itself{by_way}", network.segments[first].drawn.medium.phrase());
    report.add(network.about_segment(first, SegmentPart::Over, &message));
    for &segment in cycle {
        network.segments[segment].over = None;
    }
}

/// Whether the segment below can carry this one.
fn underlay(network: &Network<'_>, segment: usize, report: &mut Report) {
    let Some(lower) = network.segments[segment].over else { return };
    let (medium, lower) = (&network.segments[segment].drawn.medium, &network.segments[lower]);
    let name = &lower.name;
    let (message, help) = match medium {
        Medium::Vlan { .. } if !lower.drawn.medium.has_frames() => {
            let message = format!("{} has no frames that could carry a VLAN's tag", lower.drawn.medium.phrase());
            (format!("{message}, and `{name}` is one"), None)
        }
        Medium::Vlan { .. } => return,
        Medium::Gre | Medium::Ipip if !lower.has(Family::V4) && !lower.subnets_in_doubt => {
            let message = format!("{} is between IPv4 addresses, and `{name}` has none", medium.phrase());
            (message, Some(format!("give `{name}` a subnet: `#[segment(\"10.0.0.0/24\")]`")))
        }
        _ if lower.subnets.is_empty() && !lower.subnets_in_doubt => {
            let message = format!("{} is between addresses, and `{name}` has none", medium.phrase());
            (message, Some(format!("give `{name}` a subnet: `#[segment(\"10.0.0.0/24\")]`")))
        }
        _ => return,
    };
    let complaint = network.about_segment(segment, SegmentPart::Over, &message);
    report.add(Complaint { help, ..complaint });
}

/// Which VLAN ids and VNIs are taken, on which segment, and by which.
type Ids = HashMap<(usize, &'static str, u32), usize>;

fn kind(network: &Network<'_>, segment: usize, ids: &mut Ids, report: &mut Report) -> Option<SegmentKind> {
    let drawn = network.segments[segment].drawn;
    let over = network.segments[segment].over;
    let switch = bridge(network, segment, &drawn.bridge, report);
    match &drawn.medium {
        Medium::Switch => Some(SegmentKind::Switch(switch?)),
        Medium::Veth => Some(SegmentKind::Wire),
        Medium::Dummy => Some(SegmentKind::Dummy),
        Medium::Vlan { id, protocol } => {
            let in_range = id_in_range(network, segment, "VLAN id", *id, VLAN_IDS, report);
            let protocol = vlan_protocol(network, segment, protocol.as_deref(), report);
            let id = in_range.filter(|&id| is_free(network, segment, "VLAN id", id, ids, report))?;
            Some(SegmentKind::Vlan { id: u16::try_from(id).ok()?, protocol: protocol?, over: over? })
        }
        Medium::Vxlan { vni } => {
            let vni = id_in_range(network, segment, "VNI", *vni, VNIS, report)?;
            let free = is_free(network, segment, "VNI", vni, ids, report);
            Some(SegmentKind::Vxlan { vni: free.then_some(vni)?, over: over? })
        }
        Medium::WireGuard => Some(SegmentKind::WireGuard { over: over? }),
        Medium::Gre => Some(SegmentKind::Gre { over: over? }),
        Medium::Ipip => Some(SegmentKind::Ipip { over: over? }),
    }
}

fn id_in_range(
    network: &Network<'_>,
    segment: usize,
    what: &str,
    id: u32,
    range: RangeInclusive<u32>,
    report: &mut Report,
) -> Option<u32> {
    if range.contains(&id) {
        return Some(id);
    }
    let message = format!("the {what} {id} is out of range: it is between {} and {}", range.start(), range.end());
    report.add(network.about_segment(segment, SegmentPart::Medium, &message));
    None
}

fn is_free(
    network: &Network<'_>,
    segment: usize,
    what: &'static str,
    id: u32,
    ids: &mut Ids,
    report: &mut Report,
) -> bool {
    let Some(over) = network.segments[segment].over else { return true };
    let first = *ids.entry((over, what, id)).or_insert(segment);
    if first != segment {
        let (first, over) = (&network.segments[first].name, &network.segments[over].name);
        let message = format!("`{first}` has the {what} {id} over `{over}` already");
        report.add(network.about_segment(segment, SegmentPart::Medium, &message));
    }
    first == segment
}

fn vlan_protocol(
    network: &Network<'_>,
    segment: usize,
    protocol: Option<&str>,
    report: &mut Report,
) -> Option<VlanProtocol> {
    const PROTOCOLS: [(&str, VlanProtocol); 2] =
        [("802.1Q", VlanProtocol::Ieee8021Q), ("802.1ad", VlanProtocol::Ieee8021Ad)];
    let Some(text) = protocol else { return Some(VlanProtocol::Ieee8021Q) };
    let known = PROTOCOLS.into_iter().find(|(name, _)| *name == text);
    if known.is_none() {
        let message = format!("`{text}` is not the protocol of a VLAN");
        let complaint = network.about_segment(segment, SegmentPart::Protocol, &message);
        report.add(complaint.help("write `protocol = \"802.1Q\"` or `protocol = \"802.1ad\"`"));
    }
    known.map(|(_, protocol)| protocol)
}

fn bridge(network: &Network<'_>, segment: usize, drawn: &DrawnBridge, report: &mut Report) -> Option<BridgePlan> {
    let medium = &network.segments[segment].drawn.medium;
    if *medium != Medium::Switch && *drawn != DrawnBridge::default() {
        let message = format!("`bridge(…)` is about a switch, and this is {}", medium.phrase());
        report.add(network.about_segment(segment, SegmentPart::Bridge, &message).help("leave out `bridge(…)`"));
        return None;
    }
    let ageing = match drawn.ageing.as_deref().map(units::duration).transpose() {
        Ok(ageing) => ageing,
        Err(message) => {
            report.add(network.about_segment(segment, SegmentPart::Bridge, &message));
            return None;
        }
    };
    let (vlan_filtering, stp) = (drawn.vlan_filtering.unwrap_or(false), drawn.stp.unwrap_or(false));
    Some(BridgePlan { vlan_filtering, stp, ageing })
}

fn mtu(network: &Network<'_>, segment: usize, report: &mut Report) {
    let Some(mtu) = network.segments[segment].drawn.mtu else { return };
    if let Err(message) = check_mtu(mtu, network.segments[segment].has(Family::V6)) {
        report.add(network.about_segment(segment, SegmentPart::Mtu, &message));
    }
}

/// Whether an interface can have this MTU.
pub(super) fn check_mtu(mtu: u32, ipv6: bool) -> Result<(), String> {
    if !MTU.contains(&mtu) {
        Err(format!("an MTU of {mtu} is out of range: it is between {} and {} bytes", MTU.start(), MTU.end()))
    } else if mtu < MTU_IPV6 && ipv6 {
        Err(format!("an MTU of {mtu} is too small for IPv6, which needs {MTU_IPV6} bytes"))
    } else {
        Ok(())
    }
}

/// Whether the packets of this segment fit into those of the one below.
fn mtu_of_lower(network: &Network<'_>, segment: usize, report: &mut Report) {
    let (Some(mtu), Some(lower)) = (network.segments[segment].drawn.mtu, network.segments[segment].over) else {
        return;
    };
    let Some(most) = most_over(network, segment, mtu_of(network, lower)) else { return };
    if MTU.contains(&mtu) && mtu > most {
        let message = too_large(network, segment, mtu, most);
        let complaint = network.about_segment(segment, SegmentPart::Mtu, &message);
        report.add(complaint.help(format!("write `mtu = {most}`, or leave it out")));
    }
}

/// The sentence that says so.
pub(super) fn too_large(network: &Network<'_>, segment: usize, mtu: u32, most: u32) -> String {
    let medium = network.segments[segment].drawn.medium.phrase();
    let lower = network.segments[segment].over.map_or("", |lower| &*network.segments[lower].name);
    format!("an MTU of {mtu} is too large for {medium} over `{lower}`, which leaves {most} bytes")
}

/// The MTU of a segment that is not written: the kernel's choice, by which all of a packet fits into the one below.
pub(super) fn mtu_of(network: &Network<'_>, segment: usize) -> Option<u32> {
    let drawn = network.segments[segment].drawn;
    match (drawn.mtu, network.segments[segment].over) {
        (Some(mtu), _) => Some(mtu).filter(|mtu| MTU.contains(mtu)),
        (None, Some(lower)) => most_over(network, segment, mtu_of(network, lower)),
        (None, None) => (!drawn.medium.is_over_another()).then_some(1500),
    }
}

/// The largest MTU of a segment over one with this MTU.
pub(super) fn most_over(network: &Network<'_>, segment: usize, lower_mtu: Option<u32>) -> Option<u32> {
    let lower = &network.segments[network.segments[segment].over?];
    let underlay = if lower.has(Family::V4) || lower.subnets_in_doubt { Family::V4 } else { Family::V6 };
    Some(lower_mtu?.saturating_sub(network.segments[segment].drawn.medium.overhead(underlay)))
}
