//! The interfaces of a host: the segments that they join, and what kinds of devices they are.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::MTU;
use super::network::{Family, Found, Interface, Member, Network, Vrf};
use super::report::{Refusal, Report};
use super::segments::{check_mtu, most_over, mtu_of, too_large};
use crate::{
    BondMode, Complaint, Device, DrawnDevice, DrawnInterface, IfName, Impairment, InterfacePart, MacAddr, MacAddrError,
    Medium, did_you_mean,
};

/// How many legs a bond can have.
const LEGS: RangeInclusive<u32> = 2..=16;

/// The modes of a bond, as ip-link(8) calls them.
const MODES: [(&str, BondMode); 7] = [
    ("active-backup", BondMode::ActiveBackup),
    ("balance-rr", BondMode::BalanceRoundRobin),
    ("balance-xor", BondMode::BalanceXor),
    ("broadcast", BondMode::Broadcast),
    ("802.3ad", BondMode::Lacp),
    ("balance-tlb", BondMode::BalanceTlb),
    ("balance-alb", BondMode::BalanceAlb),
];

/// Parses what is written about interfaces.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        join(network, host, report);
        lower(network, host, report);
        vrfs(network, host, report);
        for interface in 0..network.hosts[host].interfaces.len() {
            let member = Member { host, interface };
            mac(network, member, report);
            device(network, member, report);
        }
        mtus(network, host, report);
        over_taps(network, host, report);
        let interfaces = network.hosts[host].interfaces.iter().enumerate();
        let joined: Vec<_> = interfaces.map(|(interface, joined)| (interface, joined.segment)).collect();
        for (interface, segment) in joined {
            network.segments[segment].members.push(Member { host, interface });
        }
    }
    same_macs(network, report);
}

/// Finds the segments that the host joins.
fn join(network: &mut Network<'_>, host: usize, report: &mut Report) {
    let (scope, drawn) = (network.hosts[host].scope, network.hosts[host].drawn);
    let mut joined = HashMap::new();
    for (drawn_as, drawn) in drawn.interfaces.iter().enumerate() {
        let word = drawn.segment.as_str();
        match network.find_segment(scope, word) {
            Found::Known(segment) if joined.insert(segment, drawn_as).is_some() => {
                let message = format!("it is on `{word}` twice");
                let complaint = network.about_interface(host, drawn_as, InterfacePart::Segment, &message);
                report.add(complaint.help("leave out one of the two; an interface can have an address of each subnet"));
                in_doubt(network, host);
            }
            Found::Known(segment) => {
                network.hosts[host].interfaces.push(Interface::new(drawn, drawn_as, segment));
            }
            Found::Doubtful => in_doubt(network, host),
            Found::Unknown => {
                let message = format!("it is on `{word}`, which is no segment");
                let complaint = network.about_interface(host, drawn_as, InterfacePart::Segment, &message);
                report.add(network.meant_segment(scope, word, complaint));
                network.doubt_members(scope, word);
                in_doubt(network, host);
            }
        }
    }
}

/// Notes that a host is on a segment, and nobody knows which.
fn in_doubt(network: &mut Network<'_>, host: usize) {
    network.hosts[host].interfaces_in_doubt = true;
    network.joints_in_doubt |= network.hosts[host].is_router();
}

impl<'d> Interface<'d> {
    fn new(drawn: &'d DrawnInterface, drawn_as: usize, segment: usize) -> Self {
        Self {
            drawn_as,
            drawn,
            segment,
            name: None,
            mac: None,
            device: Device::Plain,
            lower: None,
            vrf: None,
            addresses: Vec::new(),
            egress: Impairment::new(),
            ingress: Impairment::new(),
        }
    }
}

/// Sorts the interfaces so that each comes after the one it is over, and otherwise as they were drawn.
fn lower(network: &mut Network<'_>, host: usize, report: &mut Report) {
    let mut rest: Vec<_> = std::mem::take(&mut network.hosts[host].interfaces).into_iter().map(Some).collect();
    let drawn: HashMap<_, _> = rest.iter().flatten().map(|interface| interface.segment).zip(0..).collect();
    let mut places = HashMap::new();
    for first in 0..rest.len() {
        let mut pile = Vec::new();
        let mut next = Some(first);
        while let Some(interface) = next.and_then(|next| rest[next].take()) {
            let lower = network.segments[interface.segment].over;
            pile.push(interface);
            next = lower.and_then(|lower| drawn.get(&lower).copied());
        }
        for mut interface in pile.into_iter().rev() {
            let over = network.segments[interface.segment].over;
            interface.lower = over.and_then(|over| places.get(&over).copied());
            places.insert(interface.segment, network.hosts[host].interfaces.len());
            network.hosts[host].interfaces.push(interface);
        }
    }
    lower_ones_are_joined(network, host, report);
}

fn lower_ones_are_joined(network: &Network<'_>, host: usize, report: &mut Report) {
    for interface in &network.hosts[host].interfaces {
        if let (Some(over), None) = (network.segments[interface.segment].over, interface.lower)
            && !network.hosts[host].interfaces_in_doubt
        {
            let scope = network.hosts[host].scope;
            let over = network.local_name(scope, &network.segments[over].name);
            let word = &interface.drawn.segment;
            let message = format!("it is on `{word}`, but not on `{over}`, which that is over");
            let complaint = network.about_interface(host, interface.drawn_as, InterfacePart::Segment, &message);
            report.add(complaint.help(format!("put it on both, `{over}, {word}`")));
        }
    }
}

fn vrfs(network: &mut Network<'_>, host: usize, report: &mut Report) {
    for interface in 0..network.hosts[host].interfaces.len() {
        let Interface { drawn, drawn_as, .. } = network.hosts[host].interfaces[interface];
        let Some(written) = drawn.vrf.as_deref() else { continue };
        let known = network.hosts[host].vrfs.iter().position(|vrf| vrf.written == written);
        let vrf = known.unwrap_or_else(|| {
            let name = written.parse::<IfName>().map_err(|error| {
                report.add(network.about_interface(host, drawn_as, InterfacePart::Vrf, &error.to_string()));
            });
            network.hosts[host].vrfs.push(Vrf { written, name: name.ok() });
            network.hosts[host].vrfs.len() - 1
        });
        network.hosts[host].interfaces[interface].vrf = Some(vrf);
    }
}

fn mac(network: &mut Network<'_>, member: Member, report: &mut Report) {
    let Interface { drawn, drawn_as, segment, .. } = *network.interface(member);
    let Some(text) = drawn.mac.as_deref() else { return };
    let medium = &network.segments[segment].drawn.medium;
    let parsed = if !medium.has_frames() {
        Err(format!("an interface of {} has no MAC address", medium.phrase()))
    } else if drawn.device == DrawnDevice::Ipvlan {
        Err("an ipvlan has the MAC address of the device that it is on".to_owned())
    } else {
        parse_mac(text)
    };
    match parsed {
        Ok(mac) => network.hosts[member.host].interfaces[member.interface].mac = Some(mac),
        Err(message) => {
            report.add(network.about_interface(member.host, drawn_as, InterfacePart::Mac, &message));
        }
    }
}

/// The MAC address of one machine.
pub(super) fn parse_mac(text: &str) -> Result<MacAddr, String> {
    let mac: MacAddr = text.parse().map_err(|error: MacAddrError| error.to_string())?;
    if mac.0[0] & 1 == 1 {
        Err(format!("`{text}` is the MAC address of a group; the first byte of a machine's is even"))
    } else if mac == MacAddr([0; 6]) {
        Err(format!("`{text}` is nobody's MAC address"))
    } else {
        Ok(mac)
    }
}

/// Finds MAC addresses that two interfaces on one segment would have.
fn same_macs(network: &Network<'_>, report: &mut Report) {
    for segment in &network.segments {
        let mut first_with = HashMap::new();
        for &member in &segment.members {
            let (host, interface) = (&network.hosts[member.host], network.interface(member));
            let Some(mac) = interface.mac else { continue };
            let message = match first_with.insert(mac, member) {
                Some(first) => {
                    let first = &network.hosts[first.host].name;
                    format!("the MAC address {mac} is that of `{first}` on `{}` already", segment.name)
                }
                None if host.count > 1 => format!("its {} hosts cannot all have the MAC address {mac}", host.count),
                None => continue,
            };
            report.add(network.about_interface(member.host, interface.drawn_as, InterfacePart::Mac, &message));
        }
    }
}

fn device(network: &mut Network<'_>, member: Member, report: &mut Report) {
    let Interface { drawn, drawn_as, segment, .. } = *network.interface(member);
    if drawn.device == DrawnDevice::Plain {
        return;
    }
    let about_part = |part, message: &str| network.about_interface(member.host, drawn_as, part, message);
    let about = |message: &str| about_part(InterfacePart::Device, message);
    let (medium, name) = (&network.segments[segment].drawn.medium, &network.segments[segment].name);
    if *medium != Medium::Switch {
        let message = format!("{} can be on a switch only, and `{name}` is {}", phrase(&drawn.device), medium.phrase());
        report.add(about(&message));
        return;
    }
    let taps = matches!(drawn.device, DrawnDevice::Tap | DrawnDevice::Macvtap);
    if taps && network.hosts[member.host].is_router() {
        let message = format!("it forwards nothing on {}: what arrives there is for the test", phrase(&drawn.device));
        report.add(about(&message));
        return;
    }
    match parse_device(&drawn.device) {
        Ok(device) => network.hosts[member.host].interfaces[member.interface].device = device,
        Err((part, (message, help))) => {
            let complaint = about_part(part, &message);
            report.add(Complaint { help, ..complaint });
        }
    }
}

fn phrase(device: &DrawnDevice) -> &'static str {
    match device {
        DrawnDevice::Plain => "an interface",
        DrawnDevice::Macvlan => "a macvlan",
        DrawnDevice::Ipvlan => "an ipvlan",
        DrawnDevice::Macvtap => "a macvtap",
        DrawnDevice::Tap => "a tap",
        DrawnDevice::Bond { .. } => "a bond",
    }
}

fn parse_device(drawn: &DrawnDevice) -> Result<Device, (InterfacePart, Refusal)> {
    Ok(match drawn {
        DrawnDevice::Plain => Device::Plain,
        DrawnDevice::Macvlan => Device::Macvlan,
        DrawnDevice::Ipvlan => Device::Ipvlan,
        DrawnDevice::Macvtap => Device::Macvtap,
        DrawnDevice::Tap => Device::Tap,
        DrawnDevice::Bond { legs, mode } => bond(*legs, mode.as_deref())?,
    })
}

fn bond(legs: u32, mode: Option<&str>) -> Result<Device, (InterfacePart, Refusal)> {
    if !LEGS.contains(&legs) {
        let message = format!("a bond has {} to {} legs, not {legs}", LEGS.start(), LEGS.end());
        return Err((InterfacePart::Device, (message, Some("write `bond = 2`".to_owned()))));
    }
    let text = mode.unwrap_or("active-backup");
    let Some((_, mode)) = MODES.into_iter().find(|(name, _)| *name == text) else {
        let help = match did_you_mean(text, MODES.map(|(name, _)| name)) {
            Some(meant) => format!("did you mean `mode = \"{meant}\"`?"),
            None => format!("the modes are {}", MODES.map(|(name, _)| format!("`{name}`")).join(", ")),
        };
        return Err((InterfacePart::Mode, (format!("`{text}` is not the mode of a bond"), Some(help))));
    };
    Ok(Device::Bond { legs, mode })
}

/// What arrives on a tap is for the test, and nothing of it for an interface over that.
fn over_taps(network: &Network<'_>, host: usize, report: &mut Report) {
    for interface in &network.hosts[host].interfaces {
        let lower = interface.lower.map(|lower| &network.hosts[host].interfaces[lower]);
        if let Some(lower) = lower.filter(|lower| !lower.speaks()) {
            let (word, below) = (&interface.drawn.segment, &lower.drawn.segment);
            let message = format!("nothing arrives on `{word}`: its interface on `{below}` is for the test");
            report.add(network.about_interface(host, interface.drawn_as, InterfacePart::Segment, &message));
        }
    }
}

fn mtus(network: &Network<'_>, host: usize, report: &mut Report) {
    for interface in &network.hosts[host].interfaces {
        let segment = &network.segments[interface.segment];
        let about = |interface: &Interface<'_>, message: &str| {
            network.about_interface(host, interface.drawn_as, InterfacePart::Mtu, message)
        };
        if let Some(Err(message)) = interface.drawn.mtu.map(|mtu| check_mtu(mtu, segment.has(Family::V6))) {
            report.add(about(interface, &message));
            continue;
        }
        let Some(lower) = interface.lower.map(|lower| &network.hosts[host].interfaces[lower]) else { continue };
        // Where neither was written here, the segments have been compared.
        if interface.drawn.mtu.is_none() && lower.drawn.mtu.is_none() {
            continue;
        }
        let mtu = interface.drawn.mtu.or(segment.drawn.mtu).filter(|mtu| MTU.contains(mtu));
        let lower_mtu = lower.drawn.mtu.or_else(|| mtu_of(network, lower.segment)).filter(|mtu| MTU.contains(mtu));
        let most = most_over(network, interface.segment, lower_mtu);
        if let (Some(mtu), Some(most)) = (mtu, most)
            && mtu > most
        {
            let accused = if interface.drawn.mtu.is_some() { interface } else { lower };
            report.add(about(accused, &too_large(network, interface.segment, mtu, most)));
        }
    }
}
