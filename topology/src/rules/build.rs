//! From a network that nobody complained about to its plan.

use std::collections::HashSet;
use std::net::IpAddr;

use super::automatic::Automatic;
use super::forwards::Forward;
use super::impairments::{End, Pair};
use super::network::{Family, Host, Interface, Machine, Member, Network};
use super::routes::{Gateway, Route, Towards};
use super::sysctls::sysctl;
use crate::allocate::nth_host;
use crate::{
    BridgePlan, Crossing, Device, HostPlan, Impairment, ImpairmentPlan, InterfacePlan, IpNet, MacAddr, NatPlan, Plan,
    PortForwardPlan, RoutePlan, SegmentKind, SegmentPlan, VrfPlan, Way,
};

/// The routing table of a host's first VRF. Those up to 255 are others' already, by name or by habit.
const FIRST_TABLE: u32 = 1001;

pub(super) fn build(network: &Network<'_>, automatic: &mut Automatic<'_, '_>) -> Plan {
    let mut macs = Macs::new(network);
    let mut hosts = Vec::new();
    let mut first_of = Vec::with_capacity(network.hosts.len());
    for host in &network.hosts {
        first_of.push(hosts.len());
        hosts.extend((0..host.count).map(|number| machine(network, host, number, &mut macs)));
    }
    allocate(network, &first_of, &mut hosts);
    for (index, host) in network.hosts.iter().enumerate() {
        let routes = automatic.routes(index);
        // Those that were written come first.
        let routes = routes.iter().zip(0..).map(|(route, nth)| (route, nth < host.routes.len()));
        let routes = routes.filter_map(|(route, written)| routed(route, written, &first_of, &hosts)).collect();
        let nat = nat(host, &first_of, &hosts);
        fill(&mut hosts[first_of[index]..][..host.count], routes, nat);
    }
    let segments = (0..network.segments.len()).map(|index| segment(network, index, &first_of)).collect();
    Plan { hosts, segments }
}

/// Gives all hosts of an array what they have alike.
fn fill(machines: &mut [HostPlan], routes: Vec<RoutePlan>, nat: NatPlan) {
    let Some((last, others)) = machines.split_last_mut() else { return };
    for machine in others {
        machine.routes.clone_from(&routes);
        machine.nat.clone_from(&nat);
    }
    last.routes = routes;
    last.nat = nat;
}

/// A route whose gateway has its address now.
fn routed(route: &Route, written: bool, first_of: &[usize], hosts: &[HostPlan]) -> Option<RoutePlan> {
    let way = match route.way {
        Towards::Unreachable => Way::Unreachable,
        Towards::Gateway { gateway: Gateway::Address(gateway), interface } => Way::Via { gateway, interface },
        Towards::Gateway { gateway: Gateway::Machine(machine, there), interface } => {
            let gateway = address(machine, there, Family::of(route.to.addr()), first_of, hosts)?;
            Way::Via { gateway, interface }
        }
    };
    Some(RoutePlan { to: route.to, way, written })
}

/// The first address of a family that a machine has on an interface.
fn address(
    machine: Machine,
    interface: usize,
    family: Family,
    first_of: &[usize],
    hosts: &[HostPlan],
) -> Option<IpAddr> {
    let interface = &hosts.get(first_of[machine.host] + machine.number)?.interfaces[interface];
    interface.addresses.iter().map(IpNet::addr).find(|&address| Family::of(address) == family)
}

fn nat(host: &Host<'_>, first_of: &[usize], hosts: &[HostPlan]) -> NatPlan {
    let forward = |forward: &Forward| {
        let to = forward.on.iter();
        let to = to.filter_map(|&(family, interface)| address(forward.to, interface, family, first_of, hosts));
        let Forward { protocol, port, to_port, interface, .. } = *forward;
        PortForwardPlan { protocol, port, to: to.collect(), to_port, interface }
    };
    NatPlan {
        masquerade: host.nat.masquerade.clone(),
        source: host.nat.source.clone(),
        forwards: host.forwards.iter().map(forward).collect(),
        hairpin: host.drawn.hairpin,
    }
}

fn machine(network: &Network<'_>, host: &Host<'_>, number: usize, macs: &mut Macs) -> HostPlan {
    HostPlan {
        name: host.machine_name(number).parse().expect("the longest name of an array has been checked"),
        forwarding: host.is_router(),
        interfaces: host.interfaces.iter().map(|joined| interface(network, joined, macs)).collect(),
        vrfs: vrfs(host),
        routes: Vec::new(),
        neighbours: host.neighbours.clone(),
        sysctls: host.drawn.sysctls.iter().filter_map(|(name, value)| sysctl(name, value).ok()).collect(),
        nat: NatPlan::default(),
    }
}

fn vrfs(host: &Host<'_>) -> Vec<VrfPlan> {
    host.vrfs
        .iter()
        .zip(FIRST_TABLE..)
        .filter_map(|(vrf, table)| Some(VrfPlan { name: vrf.name.clone()?, table }))
        .collect()
}

fn interface(network: &Network<'_>, joined: &Interface<'_>, macs: &mut Macs) -> InterfacePlan {
    let segment = network.segments[joined.segment].drawn;
    let drawn = joined.drawn;
    InterfacePlan {
        name: joined.name.clone().expect("only what is refused has none"),
        mac: macs.of(joined),
        segment: joined.segment,
        addresses: Vec::with_capacity(joined.addresses.len()),
        mtu: drawn.mtu.or(segment.mtu),
        offload: drawn.offload.or(segment.offload).unwrap_or(true),
        device: joined.device,
        lower: joined.lower,
        vrf: joined.vrf,
    }
}

/// Gives every interface an address of each of its segment's subnets: routers first, then the others, as they were drawn.
fn allocate(network: &Network<'_>, first_of: &[usize], hosts: &mut [HostPlan]) {
    for (index, segment) in network.segments.iter().enumerate() {
        for (number, subnet) in segment.subnets.iter().enumerate() {
            let mut free =
                (0..).map(|n| nth_host(&subnet.net, n)).filter(|net| !segment.taken.contains_key(&net.addr()));
            for member in network.in_turn(index) {
                let written = network.interface(member).addresses[number];
                let written = written.and_then(|address| IpNet::new(address, subnet.net.prefix_len()).ok());
                for machine in &mut hosts[first_of[member.host]..][..network.hosts[member.host].count] {
                    machine.interfaces[member.interface].addresses.extend(written.or_else(|| free.next()));
                }
            }
        }
    }
}

fn segment(network: &Network<'_>, index: usize, first_of: &[usize]) -> SegmentPlan {
    let segment = &network.segments[index];
    let machines = |member: &Member| {
        let (host, interface) = (member.host, member.interface);
        (0..network.hosts[host].count).map(move |number| (first_of[host] + number, interface))
    };
    SegmentPlan {
        name: segment.name.parse().expect("checked"),
        kind: segment.kind.clone().unwrap_or_else(|| SegmentKind::Switch(BridgePlan::default())),
        subnets: segment.subnets.iter().map(|subnet| subnet.net).collect(),
        mtu: segment.drawn.mtu,
        members: segment.members.iter().flat_map(machines).collect(),
        impairments: impairments(network, index, first_of),
        engine: segment.engine,
    }
}

/// What happens to frames on a segment: to all of them, on each cable, between two.
fn impairments(network: &Network<'_>, index: usize, first_of: &[usize]) -> Vec<ImpairmentPlan> {
    let segment = &network.segments[index];
    let end = |end: &End| (first_of[end.machine.host] + end.machine.number, end.interface);
    let mut impairments = Vec::new();
    let mut add = |crossing, impairment: Impairment| {
        if !impairment.is_none() {
            impairments.push(ImpairmentPlan::new(crossing, impairment));
        }
    };
    add(Crossing::All, segment.impairment);
    for &member in &segment.members {
        let Interface { egress, ingress, .. } = *network.interface(member);
        for number in 0..network.hosts[member.host].count {
            let at = (first_of[member.host] + number, member.interface);
            add(Crossing::From(at), egress);
            add(Crossing::To(at), ingress);
        }
    }
    for Pair { from, to, both_ways, impairment } in &segment.pairs {
        add(Crossing::Between(end(from), end(to)), *impairment);
        if *both_ways {
            add(Crossing::Between(end(to), end(from)), *impairment);
        }
    }
    impairments
}

/// MAC addresses that nobody has.
struct Macs {
    written: HashSet<MacAddr>,
    next: u32,
    /// By segment; all its ipvlans are on one device and have its address.
    of_ipvlans: Vec<Option<MacAddr>>,
}

impl Macs {
    fn new(network: &Network<'_>) -> Self {
        let interfaces = network.hosts.iter().flat_map(|host| &host.interfaces);
        let written = interfaces.filter_map(|interface| interface.mac).collect();
        Self { written, next: 0, of_ipvlans: vec![None; network.segments.len()] }
    }

    fn of(&mut self, joined: &Interface<'_>) -> MacAddr {
        let shared = self.of_ipvlans[joined.segment].filter(|_| joined.device == Device::Ipvlan);
        let mac = joined.mac.or(shared).unwrap_or_else(|| self.next());
        if joined.device == Device::Ipvlan {
            self.of_ipvlans[joined.segment] = Some(mac);
        }
        mac
    }

    fn next(&mut self) -> MacAddr {
        loop {
            let mac = MacAddr::nth(self.next);
            self.next += 1;
            if !self.written.contains(&mac) {
                return mac;
            }
        }
    }
}
