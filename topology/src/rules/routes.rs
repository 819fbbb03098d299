//! The gateways and routes that are written.

use std::collections::{HashMap, HashSet};
use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::addresses::{self, of_a_host};
use super::gateways;
use super::network::{Family, Found, Machine, Member, Named, Network};
use super::report::{Refusal, Report};
use super::subnets::{self, overlap};
use super::vrfs;
use crate::{Complaint, HostPart, InterfacePart, IpNet, RoutePart};

/// A route whose gateway has no address yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) to: IpNet,
    pub(super) way: Towards,
}

/// How a route leads to its destination.
#[derive(Clone, Copy, Debug)]
pub(super) enum Towards {
    Unreachable,
    Gateway {
        gateway: Gateway,
        /// Index of the interface through which it is reached.
        interface: usize,
    },
}

/// A gateway as it is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gateway {
    Address(IpAddr),
    /// The first address that the machine has on this interface, of the family of the destination.
    Machine(Machine, usize),
}

/// Nothing if something is in doubt that another rule has complained about.
type Resolved<T> = Result<Option<T>, Refusal>;

/// Resolves what is written about routes.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        let mut routes = Written { host, seen: HashSet::new(), accepted: Vec::new(), in_doubt: false };
        routes.gateways(network, report);
        routes.written(network, report);
        network.hosts[host].routes = routes.accepted;
        network.hosts[host].routes_in_doubt = routes.in_doubt;
    }
}

/// Every address of a family.
pub(super) fn default_of(family: Family) -> IpNet {
    let any: IpAddr = match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    any.into_net(0)
}

trait IntoNet {
    /// The subnet with this prefix length that it is in.
    fn into_net(self, prefix_len: u8) -> IpNet;
}

impl IntoNet for IpAddr {
    fn into_net(self, prefix_len: u8) -> IpNet {
        IpNet::new(self, prefix_len).unwrap_or_else(|_| IpNet::from(self)).trunc()
    }
}

/// The routes that are written for one host.
struct Written {
    host: usize,
    /// VRFs and destinations.
    seen: HashSet<(Option<usize>, IpNet)>,
    accepted: Vec<Route>,
    /// Whether others were refused.
    in_doubt: bool,
}

impl Written {
    fn gateways(&mut self, network: &Network<'_>, report: &mut Report) {
        // In the order in which they were drawn, since the second default route is the wrong one.
        let interfaces = &network.hosts[self.host].interfaces;
        let mut in_order: Vec<_> = (0..interfaces.len()).collect();
        in_order.sort_by_key(|&interface| interfaces[interface].drawn_as);
        for interface in in_order {
            let Some(word) = interfaces[interface].drawn.gateway.as_deref() else { continue };
            let part = HostPart::Interface(interfaces[interface].drawn_as, InterfacePart::Gateway);
            match gateway(network, Member { host: self.host, interface }, word) {
                Ok(Some((gateway, families))) => {
                    let way = Towards::Gateway { gateway, interface };
                    let routes: Vec<_> =
                        families.into_iter().map(|family| Route { to: default_of(family), way }).collect();
                    self.forwards(network, word, &routes, part, report);
                    self.add(network, routes, part, report);
                }
                Ok(None) => self.in_doubt = true,
                Err(refusal) => self.refuse(network, part, refusal, report),
            }
        }
    }

    fn written(&mut self, network: &Network<'_>, report: &mut Report) {
        for (index, drawn) in network.hosts[self.host].drawn.routes.iter().enumerate() {
            let to_part = HostPart::Route(index, RoutePart::To);
            let to = match destinations(network, self.host, &drawn.to) {
                Ok(to) => to,
                Err(refusal) => {
                    self.refuse(network, to_part, refusal, report);
                    None
                }
            };
            let ways = match &drawn.via {
                None => Ok(to.map(|to| to.into_iter().map(|to| Route { to, way: Towards::Unreachable }).collect())),
                Some(word) => via(network, self.host, word, to.as_deref()),
            };
            let via_part = HostPart::Route(index, RoutePart::Via);
            match ways {
                Ok(Some(routes)) => {
                    self.forwards(network, drawn.via.as_deref().unwrap_or_default(), &routes, via_part, report);
                    self.add(network, routes, to_part, report);
                }
                Ok(None) => self.in_doubt = true,
                Err(refusal) => self.refuse(network, via_part, refusal, report),
            }
        }
    }

    /// Complains about a gateway that does not forward. The routes are there all the same, so that nothing else is missed.
    fn forwards(&self, network: &Network<'_>, word: &str, routes: &[Route], part: HostPart, report: &mut Report) {
        if let Err(refusal) = gateways::forward(network, self.host, word, routes) {
            report.add(self.complaint(network, part, refusal));
        }
    }

    fn refuse(&mut self, network: &Network<'_>, part: HostPart, refusal: Refusal, report: &mut Report) {
        report.add(self.complaint(network, part, refusal));
        self.in_doubt = true;
    }

    fn complaint(&self, network: &Network<'_>, part: HostPart, (message, help): Refusal) -> Complaint {
        Complaint { help, ..network.about_host(self.host, part, &message) }
    }

    /// Adds routes from one thing that was written.
    fn add(&mut self, network: &Network<'_>, routes: Vec<Route>, part: HostPart, report: &mut Report) {
        let mut twice = Vec::new();
        for route in routes {
            let interfaces = &network.hosts[self.host].interfaces;
            let vrf = match route.way {
                Towards::Unreachable => None,
                Towards::Gateway { interface, .. } => interfaces[interface].vrf,
            };
            let mut same_table = interfaces.iter().filter(|interface| interface.vrf == vrf);
            let own =
                same_table.any(|i| network.segments[i.segment].subnets.iter().any(|subnet| subnet.net == route.to));
            if own {
                let message = format!("a route to `{}` is one to where it is itself", route.to);
                report.add(self.complaint(network, part, (message, None)));
            } else if self.seen.insert((vrf, route.to)) {
                self.accepted.push(route);
            } else {
                twice.push(route.to);
            }
        }
        let message = match &twice[..] {
            [] => return,
            [to, ..] if to.prefix_len() == 0 => {
                let families: Vec<_> = twice.iter().map(|to| Family::of(to.addr()).name()).collect();
                format!("it has two default routes for {}", families.join(" and "))
            }
            [to, ..] => format!("it has two routes to `{to}`"),
        };
        report.add(self.complaint(network, part, (message, Some("leave out one of the two".to_owned()))));
    }
}

/// The gateway through an interface, and the families that it is for.
fn gateway(network: &Network<'_>, member: Member, word: &str) -> Resolved<(Gateway, Vec<Family>)> {
    let interface = network.interface(member);
    let segment = &network.segments[interface.segment];
    if !interface.speaks() {
        let message = format!("nothing is routed through its interface on `{}`, which is for the test", segment.name);
        return Err((message, None));
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        let Some(subnet) = segment.subnet_of(address) else {
            if segment.subnets_in_doubt {
                return Ok(None);
            }
            let message = format!("its gateway `{address}` is in no subnet of `{}`", segment.name);
            return Err((message, Some(addresses::ranges(segment, address))));
        };
        of_a_host(address, segment.subnets[subnet].net)?;
        not_its_own(network, member.host, address)?;
        return Ok(Some((Gateway::Address(address), vec![Family::of(address)])));
    }
    let Some(machine) = machine(network, member.host, word)? else { return Ok(None) };
    let Some(there) = network.hosts[machine.host].on(interface.segment) else {
        if network.hosts[machine.host].interfaces_in_doubt {
            return Ok(None);
        }
        let message = format!("its gateway `{word}` is not on `{}`", segment.name);
        return Err((message, Some(format!("add `{}` to the segments of `{word}`", interface.drawn.segment))));
    };
    let families: Vec<_> = Family::BOTH.into_iter().filter(|&family| segment.has(family)).collect();
    if families.is_empty() && !segment.subnets_in_doubt {
        return Err((format!("its gateway `{word}` has no address on `{}`", segment.name), None));
    }
    Ok(Some((Gateway::Machine(machine, there), families)))
}

/// The machine that a word is the name of.
fn machine(network: &Network<'_>, host: usize, word: &str) -> Resolved<Machine> {
    let scope = network.hosts[host].scope;
    match network.find_host(scope, word) {
        Found::Known(Named::One(machine)) if machine.host == host => {
            Err((format!("`{word}` cannot be its own gateway"), None))
        }
        Found::Known(Named::One(machine)) => Ok(Some(machine)),
        Found::Known(Named::Array(array)) => Err(not_one(network, array, word)),
        Found::Doubtful => Ok(None),
        Found::Unknown => {
            let message = format!("`{word}` is neither a host nor an address");
            Err((message, network.like_host(scope, word)))
        }
    }
}

/// That an array was named where one host has to be.
pub(super) fn not_one(network: &Network<'_>, array: usize, word: &str) -> Refusal {
    let count = network.hosts[array].drawn.count.unwrap_or(1);
    let first = (count > 0).then(|| format!("write for example `\"{word}-0\"`"));
    (format!("`{word}` is an array of {count} hosts, not one"), first)
}

fn not_its_own(network: &Network<'_>, host: usize, address: IpAddr) -> Result<(), Refusal> {
    let mut own = network.hosts[host].interfaces.iter().flat_map(|interface| interface.addresses.iter().flatten());
    if own.any(|&own| own == address) { Err((format!("`{address}` is its own address"), None)) } else { Ok(()) }
}

/// The destinations that a word stands for.
fn destinations(network: &Network<'_>, host: usize, word: &str) -> Resolved<Vec<IpNet>> {
    if word == "default" {
        let has = |family| network.hosts[host].speaking().any(|(_, i)| network.segments[i.segment].has(family));
        let families = Family::BOTH.into_iter().filter(|&family| has(family));
        return Ok(Some(families.map(default_of).collect()));
    }
    if word.contains('/') {
        return subnets::parse(word).map(|net| Some(vec![net]));
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Ok(Some(vec![IpNet::from(address)]));
    }
    let scope = network.hosts[host].scope;
    match network.find_segment(scope, word) {
        Found::Known(segment) => {
            let segment = &network.segments[segment];
            if segment.subnets.is_empty() && !segment.subnets_in_doubt {
                return Err((format!("there is no route to `{word}`, which has no subnet"), None));
            }
            Ok(Some(segment.subnets.iter().map(|subnet| subnet.net).collect()))
        }
        Found::Doubtful => Ok(None),
        Found::Unknown => {
            let message = format!("`{word}` is neither `default`, a subnet, an address nor a segment");
            Err((message, network.like_segment(scope, word)))
        }
    }
}

/// The routes through a gateway; to nowhere if the destination was refused.
fn via(network: &Network<'_>, host: usize, word: &str, to: Option<&[IpNet]>) -> Resolved<Vec<Route>> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return via_address(network, host, address, to);
    }
    let Some(machine) = machine(network, host, word)? else { return Ok(None) };
    let Some(to) = to else { return Ok(None) };
    for family in Family::BOTH.into_iter().filter(|&family| to.iter().any(|to| Family::of(to.addr()) == family)) {
        let all = shared(network, host, machine, family).map(|(interface, _)| interface);
        vrfs::one_of(&network.hosts[host], &format!("its gateway `{word}`"), all, |a, b| {
            let of =
                |interface: usize| network.segments[network.hosts[host].interfaces[interface].segment].nets(family);
            if of(a).any(|a| of(b).any(|b| overlap(a, b))) {
                vrfs::OTHER_SUBNET.to_owned()
            } else {
                "write one of its addresses there in a string".to_owned()
            }
        })?;
    }
    let first_shared = |family| Some((family, shared(network, host, machine, family).next()?.1));
    let ways: HashMap<_, _> = Family::BOTH.into_iter().filter_map(first_shared).collect();
    let route = |&to: &IpNet| Some(Route { to, way: *ways.get(&Family::of(to.addr()))? });
    let routes: Vec<_> = to.iter().filter_map(route).collect();
    let doubt = |host: usize| {
        let mut segments = network.hosts[host].interfaces.iter().map(|interface| interface.segment);
        network.hosts[host].interfaces_in_doubt || segments.any(|segment| network.segments[segment].subnets_in_doubt)
    };
    if !routes.is_empty() || doubt(host) || doubt(machine.host) {
        return Ok(Some(routes));
    }
    let mut segments = network.hosts[host].speaking().map(|(_, interface)| interface.segment);
    if segments.any(|segment| network.hosts[machine.host].on(segment).is_some()) {
        let family = to.first().map_or("", |to| Family::of(to.addr()).name());
        return Err((format!("its gateway `{word}` shares no {family} subnet with it").replace("  ", " "), None));
    }
    let joins: Vec<_> =
        network.hosts[machine.host].interfaces.iter().map(|i| format!("`{}`", i.drawn.segment)).collect();
    let help = (!joins.is_empty()).then(|| format!("`{word}` is on {}", joins.join(", ")));
    Err((format!("its gateway `{word}` shares no segment with it"), help))
}

/// The ways to a machine by the segments that both are on and that have the family, and the interfaces there.
fn shared(
    network: &Network<'_>,
    host: usize,
    machine: Machine,
    family: Family,
) -> impl Iterator<Item = (usize, Towards)> {
    network.hosts[host].speaking().filter_map(move |(interface, joined)| {
        let there = network.hosts[machine.host].on(joined.segment)?;
        let gateway = Gateway::Machine(machine, there);
        let has = network.segments[joined.segment].has(family);
        has.then_some((interface, Towards::Gateway { gateway, interface }))
    })
}

fn via_address(network: &Network<'_>, host: usize, address: IpAddr, to: Option<&[IpNet]>) -> Resolved<Vec<Route>> {
    let segments = || network.hosts[host].speaking().map(|(index, i)| (index, &network.segments[i.segment]));
    let mut on =
        segments().filter_map(|(index, segment)| Some((index, segment.subnets[segment.subnet_of(address)?].net)));
    let Some((interface, net)) = on.next() else {
        if network.hosts[host].interfaces_in_doubt || segments().any(|(_, segment)| segment.subnets_in_doubt) {
            return Ok(None);
        }
        let own: Vec<_> =
            segments().flat_map(|(_, segment)| &segment.subnets).map(|subnet| format!("`{}`", subnet.net)).collect();
        let help = (!own.is_empty()).then(|| format!("its subnets are {}", own.join(", ")));
        return Err((format!("its gateway `{address}` is in none of its subnets"), help));
    };
    of_a_host(address, net)?;
    not_its_own(network, host, address)?;
    let Some(to) = to else { return Ok(None) };
    let all = iter::once(interface).chain(on.map(|(interface, _)| interface));
    vrfs::one_of(&network.hosts[host], &format!("its gateway `{address}`"), all, |first, _| {
        if to.iter().all(|to| to.prefix_len() == 0) {
            let segment = &network.hosts[host].interfaces[first].drawn.segment;
            format!("write for example `{segment}(gateway = \"{address}\")`")
        } else {
            vrfs::OTHER_SUBNET.to_owned()
        }
    })?;
    let way = Towards::Gateway { gateway: Gateway::Address(address), interface };
    let of_family = to.iter().filter(|to| Family::of(to.addr()) == Family::of(address));
    let routes: Vec<_> = of_family.map(|&to| Route { to, way }).collect();
    match to.first() {
        Some(first) if routes.is_empty() => {
            let (family, other) = (Family::of(first.addr()).name(), Family::of(address).name());
            Err((format!("`{first}` is {family}, and its gateway `{address}` is {other}"), None))
        }
        _ => Ok(Some(routes)),
    }
}
