//! What there is to be drawn, in words: all forms of a picture say the same.

use std::collections::HashMap;

use super::marks::{Marks, Spot};
use super::words::{clean, few};
use crate::impairment::written_time;
use crate::{
    BondMode, BridgePlan, Crossing, Device, HostPlan, Impairment, InterfacePlan, IpNet, Plan, PortForwardPlan,
    SegmentKind, SegmentPlan, Transport, VlanProtocol,
};

/// The most remarks about pairs of hosts that stand at one segment.
const MOST_PAIRS: usize = 6;

/// What there is to be drawn.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) hosts: Vec<Host>,
    pub(super) segments: Vec<Segment>,
    /// The interfaces on the way of a packet, in order.
    pub(super) way: Vec<(usize, usize)>,
    /// Where it died.
    pub(super) death: Option<(Place, String)>,
    /// Marks of what is not in the picture.
    pub(super) notes: Vec<String>,
}

/// A place in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host(usize),
    Interface(usize, usize),
    Segment(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) is_router: bool,
    pub(super) remarks: Vec<String>,
    pub(super) interfaces: Vec<Interface>,
}

#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) mac: String,
    pub(super) segment: usize,
    pub(super) addresses: Vec<String>,
    pub(super) remarks: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) kind: String,
    /// The name of the segment that it is over.
    pub(super) over: Option<String>,
    pub(super) subnets: Vec<String>,
    pub(super) remarks: Vec<String>,
    pub(super) members: Vec<(usize, usize)>,
}

impl Scene {
    pub(super) fn of(plan: &Plan) -> Self {
        let segments = plan.segments.iter().map(|segment| segment_of(plan, segment)).collect();
        let mut hosts: Vec<_> = plan.hosts.iter().map(|host| host_of(plan, host)).collect();
        for segment in &plan.segments {
            for (member, remark) in cables(segment) {
                hosts[member.0].interfaces[member.1].remarks.push(remark);
            }
        }
        Self { hosts, segments, way: Vec::new(), death: None, notes: Vec::new() }
    }

    pub(super) fn mark(&mut self, marks: &Marks) {
        (self.way, self.death, self.notes) = (Vec::new(), None, Vec::new());
        let hosts: HashMap<&str, usize> = self.hosts.iter().map(|host| host.name.as_str()).zip(0..).collect();
        let find = |host: &str, interface: &str| {
            let host = *hosts.get(host)?;
            let number = self.hosts[host].interfaces.iter().position(|other| other.name == interface)?;
            Some((host, number))
        };
        for (host, interface) in &marks.way {
            match find(host, interface) {
                Some(member) => self.way.push(member),
                None => self.notes.push(clean(&format!("not in this picture: {host} {interface}, on the way"))),
            }
        }
        let Some((spot, words)) = &marks.death else { return };
        let (place, name) = match spot {
            Spot::Host(host) => (hosts.get(host.as_str()).map(|&host| Place::Host(host)), host.clone()),
            Spot::Interface(host, interface) => {
                let place = find(host, interface).map(|(host, interface)| Place::Interface(host, interface));
                (place, format!("{host} {interface}"))
            }
            Spot::Segment(name) => {
                let place = self.segments.iter().position(|segment| segment.name == *name).map(Place::Segment);
                (place, format!("segment {name}"))
            }
        };
        match place {
            Some(place) => self.death = Some((place, clean(words))),
            None => self.notes.push(clean(&format!("not in this picture: {name}, where it died: {words}"))),
        }
    }

    /// Whether there are marks.
    pub(super) fn is_marked(&self) -> bool {
        !self.way.is_empty() || self.death.is_some() || !self.notes.is_empty()
    }

    /// How somebody died here.
    pub(super) fn death_at(&self, place: Place) -> Option<&str> {
        self.death.as_ref().filter(|(death, _)| *death == place).map(|(_, words)| words.as_str())
    }

    /// For each interface on the way, its places in it, counted from 1.
    pub(super) fn steps(&self) -> HashMap<(usize, usize), Vec<usize>> {
        let mut steps: HashMap<_, Vec<_>> = HashMap::new();
        for (&member, step) in self.way.iter().zip(1..) {
            steps.entry(member).or_default().push(step);
        }
        steps
    }

    pub(super) fn interface(&self, (host, interface): (usize, usize)) -> &Interface {
        &self.hosts[host].interfaces[interface]
    }

    /// What it is called where there is no picture.
    pub(super) fn place_name(&self, place: Place) -> String {
        match place {
            Place::Host(host) => self.hosts[host].name.clone(),
            Place::Interface(host, interface) => self.member_name((host, interface)),
            Place::Segment(segment) => format!("segment {}", self.segments[segment].name),
        }
    }

    pub(super) fn member_name(&self, member: (usize, usize)) -> String {
        format!("{} {}", self.hosts[member.0].name, self.interface(member).name)
    }

    /// What it is in a few words.
    pub(super) fn title(&self) -> String {
        let some = |count: usize, what: &str| match count {
            0 => format!("no {what}s"),
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let death = self.death.iter().map(|(place, words)| format!(". Died at {}: {words}", self.place_name(*place)));
        let (hosts, segments) = (some(self.hosts.len(), "host"), some(self.segments.len(), "segment"));
        format!("A network of {hosts} and {segments}{}", death.collect::<String>())
    }
}

fn texts(nets: &[IpNet]) -> Vec<String> {
    nets.iter().map(ToString::to_string).collect()
}

fn host_of(plan: &Plan, host: &HostPlan) -> Host {
    let mut interfaces: Vec<_> = host.interfaces.iter().map(|interface| interface_of(plan, host, interface)).collect();
    for &interface in &host.nat.masquerade {
        interfaces[interface].remarks.push("masquerades".to_owned());
    }
    for (interface, address) in &host.nat.source {
        interfaces[*interface].remarks.push(format!("snat {address}"));
    }
    let mut remarks: Vec<_> = host.nat.forwards.iter().map(forwarded).collect();
    remarks.extend(host.nat.hairpin.then(|| "hairpin".to_owned()));
    Host { name: host.name.to_string(), is_router: host.forwarding, remarks, interfaces }
}

fn forwarded(forward: &PortForwardPlan) -> String {
    let protocol = match forward.protocol {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let to: Vec<_> = forward.to.iter().map(ToString::to_string).collect();
    format!("{protocol} {} to {} port {}", forward.port, to.join(" and "), forward.to_port)
}

fn interface_of(plan: &Plan, host: &HostPlan, interface: &InterfacePlan) -> Interface {
    let mut remarks = Vec::new();
    remarks.extend(device(interface.device));
    remarks.extend(interface.lower.map(|lower| format!("on {}", host.interfaces[lower].name)));
    remarks.extend(interface.vrf.map(|vrf| format!("vrf {}", host.vrfs[vrf].name)));
    let mtu = interface.mtu.filter(|_| interface.mtu != plan.segments[interface.segment].mtu);
    remarks.extend(mtu.map(|mtu| format!("mtu {mtu}")));
    Interface {
        name: interface.name.to_string(),
        mac: interface.mac.to_string(),
        segment: interface.segment,
        addresses: texts(&interface.addresses),
        remarks,
    }
}

fn device(device: Device) -> Option<String> {
    let word = match device {
        Device::Plain => return None,
        Device::Macvlan => "macvlan",
        Device::Ipvlan => "ipvlan",
        Device::Macvtap => "macvtap",
        Device::Tap => "tap",
        Device::Bond { legs, mode } => {
            let mode = match mode {
                BondMode::BalanceRoundRobin => "balance-rr",
                BondMode::ActiveBackup => "active-backup",
                BondMode::BalanceXor => "balance-xor",
                BondMode::Broadcast => "broadcast",
                BondMode::Lacp => "802.3ad",
                BondMode::BalanceTlb => "balance-tlb",
                BondMode::BalanceAlb => "balance-alb",
            };
            return Some(format!("bond of {legs}, {mode}"));
        }
    };
    Some(word.to_owned())
}

fn segment_of(plan: &Plan, segment: &SegmentPlan) -> Segment {
    let over = segment.kind.over().map(|over| plan.segments[over].name.to_string());
    let mut remarks = Vec::new();
    if let SegmentKind::Switch(bridge) = &segment.kind {
        remarks.extend(knobs(bridge));
    }
    remarks.extend(segment.mtu.map(|mtu| format!("mtu {mtu}")));
    let all = segment.impairments.iter().filter(|impaired| impaired.crossing == Crossing::All);
    remarks.extend(all.map(|impaired| impaired.impairment.to_string()));
    remarks.extend(few(pairs(plan, segment), MOST_PAIRS, "between hosts"));
    Segment {
        name: segment.name.to_string(),
        kind: kind(&segment.kind),
        over,
        subnets: texts(&segment.subnets),
        remarks,
        members: segment.members.clone(),
    }
}

fn kind(kind: &SegmentKind) -> String {
    match kind {
        SegmentKind::Wire => "wire".to_owned(),
        SegmentKind::Switch(_) => "switch".to_owned(),
        SegmentKind::Dummy => "dummy".to_owned(),
        SegmentKind::Vlan { id, protocol: VlanProtocol::Ieee8021Q, .. } => format!("vlan {id}"),
        SegmentKind::Vlan { id, protocol: VlanProtocol::Ieee8021Ad, .. } => format!("vlan {id} (802.1ad)"),
        SegmentKind::Vxlan { vni, .. } => format!("vxlan {vni}"),
        SegmentKind::WireGuard { .. } => "wireguard".to_owned(),
        SegmentKind::Gre { .. } => "gre".to_owned(),
        SegmentKind::Ipip { .. } => "ipip".to_owned(),
    }
}

fn knobs(bridge: &BridgePlan) -> Vec<String> {
    let mut knobs = Vec::new();
    knobs.extend(bridge.vlan_filtering.then(|| "vlan filtering".to_owned()));
    knobs.extend(bridge.stp.then(|| "stp".to_owned()));
    knobs.extend(bridge.ageing.map(|ageing| format!("ageing {}", written_time(ageing))));
    knobs
}

/// What happens between two hosts, with both directions in one where that is the same.
fn pairs(plan: &Plan, segment: &SegmentPlan) -> Vec<String> {
    let mut impaired: HashMap<_, Impairment> = HashMap::new();
    for other in &segment.impairments {
        if let Crossing::Between(from, to) = other.crossing {
            impaired.insert((from, to), other.impairment);
        }
    }
    let mut remarks = Vec::new();
    for other in &segment.impairments {
        let Crossing::Between(from, to) = other.crossing else { continue };
        let is_both = impaired.get(&(to, from)) == Some(&other.impairment);
        if !is_both || from < to {
            let arrow = if is_both { "↔" } else { "→" };
            let (from, to) = (&plan.hosts[from.0].name, &plan.hosts[to.0].name);
            remarks.push(format!("{from} {arrow} {to}: {}", other.impairment));
        }
    }
    remarks
}

/// What happens on the cable of one interface, with both directions in one where that is the same.
fn cables(segment: &SegmentPlan) -> Vec<((usize, usize), String)> {
    let mut cables: HashMap<_, [Option<Impairment>; 2]> = HashMap::new();
    for impaired in &segment.impairments {
        let (member, way) = match impaired.crossing {
            Crossing::From(member) => (member, 0),
            Crossing::To(member) => (member, 1),
            Crossing::All | Crossing::Between(..) => continue,
        };
        cables.entry(member).or_default()[way] = Some(impaired.impairment);
    }
    let remarks = segment.members.iter().filter_map(|member| Some((*member, *cables.get(member)?)));
    let remarks = remarks.flat_map(|(member, [sent, received])| {
        let words = if sent == received {
            [sent.map(|both| both.to_string()), None]
        } else {
            [sent.map(|sent| format!("sent: {sent}")), received.map(|received| format!("received: {received}"))]
        };
        words.into_iter().flatten().map(move |words| (member, words))
    });
    remarks.collect()
}
