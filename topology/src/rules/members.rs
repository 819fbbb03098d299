//! How many are on a segment.

use std::collections::HashMap;

use super::SWITCH_PORTS;
use super::network::{Interface, Network};
use super::report::Report;
use crate::{Complaint, Device, Medium, SegmentPart};

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    let mut carries = vec![false; network.segments.len()];
    for segment in &network.segments {
        if let Some(lower) = segment.over.filter(|_| !segment.members.is_empty()) {
            carries[lower] = true;
        }
    }
    for (segment, carries) in carries.into_iter().enumerate() {
        if network.segments[segment].members.is_empty() {
            // Whoever is on a segment over this one has been told to join this one, too.
            if !network.segments[segment].members_in_doubt && !carries {
                nobody(network, segment, report);
            }
            continue;
        }
        match network.segments[segment].drawn.medium {
            Medium::Veth | Medium::Gre | Medium::Ipip => exactly(network, segment, 2, report),
            Medium::Dummy => exactly(network, segment, 1, report),
            Medium::Switch => ports(network, segment, report),
            Medium::Vlan { .. } | Medium::Vxlan { .. } | Medium::WireGuard => {}
        }
    }
    twin_tunnels(network, report);
}

/// The kernel tells tunnels of a kind by the addresses of their ends, which are those on the segment below.
fn twin_tunnels(network: &Network<'_>, report: &mut Report) {
    let mut first_between = HashMap::new();
    for (index, segment) in network.segments.iter().enumerate() {
        let medium = &segment.drawn.medium;
        let (Medium::Gre | Medium::Ipip, Some(over)) = (medium, segment.over) else { continue };
        if network.size(index) != 2 {
            continue;
        }
        let there = segment.members.iter().map(|member| member.host).filter(|&host| network.hosts[host].count > 0);
        let mut ends: Vec<_> = there.collect();
        ends.sort_unstable();
        let first = *first_between.entry((over, *medium == Medium::Gre, ends)).or_insert(index);
        if first != index {
            let (first, over) = (&network.segments[first].name, &network.segments[over].name);
            let message = format!("`{first}` is {} between the same two over `{over}`", medium.phrase());
            let complaint = network.about_segment(index, SegmentPart::Medium, &message);
            report.add(complaint.help("write `vni = 42` in its place: a VXLAN is told by its number, too"));
        }
    }
}

fn nobody(network: &Network<'_>, segment: usize, report: &mut Report) {
    let place = network.segment_place(segment, SegmentPart::Whole);
    let full = &network.segments[segment].name;
    let name = network.local_name(network.segments[segment].scope, full);
    let complaint = Complaint::new(place, format!("nobody is on the segment `{full}`"));
    report.add(complaint.help(format!("put a host on it, `#[host({name})]`, or leave it out")));
}

fn exactly(network: &Network<'_>, segment: usize, wanted: usize, report: &mut Report) {
    let hosts = network.size(segment);
    let Some(first) = network.segments[segment].members.first() else { return };
    let first = &network.hosts[first.host].name;
    let medium = &network.segments[segment].drawn.medium;
    let sentence = format!("{} is for {}", medium.phrase(), if wanted == 2 { "two" } else { "one" });
    let message = match hosts {
        _ if hosts == wanted => return,
        0 | 1 if network.segments[segment].members_in_doubt => return,
        0 => format!("{sentence}, and none is on it"),
        1 => format!("{sentence}, and only `{first}` is on it"),
        _ => format!("{sentence}, {hosts} hosts are on it"),
    };
    let complaint = network.about_segment(segment, SegmentPart::Medium, &message);
    let help = match medium {
        Medium::Veth => "leave out `veth`: a switch is for any number",
        Medium::Dummy => "leave out `dummy`: a switch is for any number",
        _ => "write `wireguard`, which is for any number",
    };
    report.add(complaint.help(help));
}

fn ports(network: &Network<'_>, segment: usize, report: &mut Report) {
    let ports = needed_ports(network, segment);
    if ports <= SWITCH_PORTS {
        return;
    }
    let hosts = network.size(segment);
    let message = if ports == hosts {
        format!("a switch has at most {SWITCH_PORTS} ports, {hosts} hosts are on this one")
    } else {
        format!("a switch has at most {SWITCH_PORTS} ports, this one needs {ports} for {hosts} hosts")
    };
    report.add(network.about_segment(segment, SegmentPart::Whole, &message));
}

/// A bond has a port for each leg; all macvlans of a segment are on one device, and so are all ipvlans and all macvtaps.
fn needed_ports(network: &Network<'_>, segment: usize) -> usize {
    let (mut ports, mut shared) = (0usize, [false; 3]);
    for &member in &network.segments[segment].members {
        let Interface { device, .. } = *network.interface(member);
        let count = network.hosts[member.host].count;
        match device {
            Device::Plain | Device::Tap => ports = ports.saturating_add(count),
            Device::Bond { legs, .. } => ports = ports.saturating_add(count.saturating_mul(legs as usize)),
            Device::Macvlan => shared[0] |= count > 0,
            Device::Ipvlan => shared[1] |= count > 0,
            Device::Macvtap => shared[2] |= count > 0,
        }
    }
    ports.saturating_add(shared.into_iter().filter(|shared| *shared).count())
}
