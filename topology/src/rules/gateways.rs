//! Whether what is written as a gateway forwards packets. Through one that does not nothing is reached, and a test of that passes for
//! the wrong reason.

use std::net::IpAddr;

use super::network::{Family, Host, Member, Network};
use super::report::Refusal;
use super::routes::{Gateway, Route, Towards};
use super::subnets::overlap;
use super::sysctls;
use crate::allocate::index_of;
use crate::{IpNet, Medium};

/// Whether the gateway that these routes of a host have in common, written as `word`, forwards what is sent there.
pub(super) fn forward(network: &Network<'_>, host: usize, word: &str, routes: &[Route]) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    let mut named = format!("its gateway `{word}` is");
    let mut accused = None;
    for route in routes {
        let Towards::Gateway { gateway, interface } = route.way else { continue };
        let on = network.hosts[host].interfaces[interface].segment;
        let there = match gateway {
            Gateway::Machine(machine, interface) => Member { host: machine.host, interface },
            Gateway::Address(address) => {
                let Some((owner, number)) = owner(network, on, address) else { continue };
                if owner.host == host && network.hosts[host].drawn.count.is_none() {
                    return Err((format!("`{address}` is its own address"), None));
                }
                named =
                    format!("its gateway `{word}` is `{}`, which is", network.hosts[owner.host].machine_name(number));
                owner
            }
        };
        let family = Family::of(route.to.addr());
        let forwards = may_forward(&network.hosts[there.host], there.interface, family);
        if !forwards && !may_be_its_own(network, there.host, route.to) && !missing.contains(&family) {
            missing.push(family);
            accused = Some(there);
        }
    }
    let Some(there) = accused else { return Ok(()) };
    let other = Family::BOTH.into_iter().find(|family| !missing.contains(family));
    let is_half = other.is_some_and(|family| may_forward(&network.hosts[there.host], there.interface, family));
    let lacks = if is_half { format!(", and forwards no {}", missing[0].name()) } else { String::new() };
    let sysctls: Vec<_> = missing.iter().map(|family| format!("\"{}\" = 1", sysctl(*family))).collect();
    let help = format!("draw it as a router, `#[router(…)]`, or let it forward: `sysctl({})`", sysctls.join(", "));
    Err((format!("{named} no router{lacks}"), Some(help)))
}

/// What turns forwarding on.
fn sysctl(family: Family) -> &'static str {
    match family {
        Family::V4 => "net.ipv4.ip_forward",
        Family::V6 => "net.ipv6.conf.all.forwarding",
    }
}

/// Whether a host forwards what arrives at an interface, as far as it is known.
fn may_forward(host: &Host<'_>, interface: usize, family: Family) -> bool {
    // What could not be read may say so. And what arrives at a tap is for the test, which may forward it.
    if host.is_router() || host.interfaces_in_doubt || !host.interfaces[interface].speaks() {
        return true;
    }
    let (whole, each) = match family {
        Family::V4 => ("net/ipv4/ip_forward", "net/ipv4/conf/"),
        Family::V6 => ("net/ipv6/conf/all/forwarding", "net/ipv6/conf/"),
    };
    host.drawn.sysctls.iter().any(|(name, value)| {
        let Ok(sysctl) = sysctls::sysctl(name, value) else { return true };
        let is_meant = sysctl.path == whole || (sysctl.path.starts_with(each) && sysctl.path.ends_with("forwarding"));
        is_meant && sysctl.value.trim() != "0"
    })
}

/// Whether the destination may be of the gateway itself, which then forwards nothing: addresses of a dummy, an address of another
/// interface, or one of nobody that the test gives it.
fn may_be_its_own(network: &Network<'_>, host: usize, to: IpNet) -> bool {
    let mut own = network.hosts[host].interfaces.iter().map(|interface| &network.segments[interface.segment]);
    if to.prefix_len() < to.max_prefix_len() {
        let mut dummies = own.filter(|segment| segment.drawn.medium == Medium::Dummy);
        return to.prefix_len() > 0 && dummies.any(|dummy| dummy.subnets.iter().any(|subnet| overlap(subnet.net, to)));
    }
    let address = to.addr();
    let mut others = network.segments.iter().filter(|segment| segment.subnet_of(address).is_some());
    own.any(|segment| segment.subnet_of(address).is_some()) || others.next().is_none()
}

/// Whose an address of a segment is, and with which number of an array, as far as it is known.
fn owner(network: &Network<'_>, on: usize, address: IpAddr) -> Option<(Member, usize)> {
    let segment = &network.segments[on];
    if let Some(&member) = segment.taken.get(&address) {
        return Some((member, 0));
    }
    let subnet = segment.subnet_of(address)?;
    // An array of routers is before all hosts, and the macros may not know its length.
    let in_doubt = |&member: &Member| {
        let (host, interface) = (&network.hosts[member.host], network.interface(member));
        let refused = interface.drawn.addresses.len() != interface.addresses.iter().flatten().count();
        refused || (host.is_router() && host.drawn.count.is_some() && interface.addresses[subnet].is_none())
    };
    let others_in_doubt = segment.members_in_doubt || segment.subnets_in_doubt || network.nat_in_doubt;
    if others_in_doubt || segment.members.iter().any(in_doubt) {
        return None;
    }
    let net = segment.subnets[subnet].net;
    let taken = segment.taken.keys().filter(|&taken| net.contains(taken) && *taken < address).count();
    let mut before = index_of(&net, address)?.checked_sub(taken as u128)?;
    let mut given = network.in_turn(on).filter(|&member| network.interface(member).addresses[subnet].is_none());
    given.find_map(|member| {
        let count = network.hosts[member.host].count as u128;
        match usize::try_from(before) {
            Ok(number) if before < count => Some((member, number)),
            _ => {
                before = before.checked_sub(count)?;
                None
            }
        }
    })
}
