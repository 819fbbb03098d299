//! The addresses that routers translate.

use std::net::IpAddr;

use super::addresses::{of_a_host, parse, ranges};
use super::network::{Family, Found, Member, Network};
use super::report::{Refusal, Report};
use super::routes::{Route, Towards};
use super::subnets::usable;
use crate::{Complaint, HostPart, PortForwardPart, SourceNatPart};

/// What a router translates, resolved.
#[derive(Debug, Default)]
pub(super) struct Nat {
    /// Indices of interfaces.
    pub(super) masquerade: Vec<usize>,
    pub(super) source: Vec<(usize, IpAddr)>,
}

/// Finds where addresses are translated, and to which.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        let drawn = network.hosts[host].drawn;
        if !network.hosts[host].is_router() {
            if let Some(part) = first_part(network, host) {
                let complaint =
                    network.about_host(host, part, "it translates the addresses of what it forwards, and is no router");
                report.add(complaint.help("draw it as a router, `#[router(…)]`"));
            }
            continue;
        }
        for (index, word) in drawn.masquerade.iter().enumerate() {
            masquerade(network, host, index, word, report);
        }
        for (index, source) in drawn.source_nat.iter().enumerate() {
            let on =
                leaving(network, host, &source.segment, HostPart::SourceNat(index, SourceNatPart::Segment), report);
            if let Some(interface) = on {
                source_nat(network, Member { host, interface }, index, &source.address, report);
            }
        }
        if drawn.hairpin && drawn.forwards.is_empty() {
            let complaint =
                network.about_host(host, HostPart::Hairpin, "`hairpin` is about forwarded ports, and there are none");
            report.add(complaint.help("write for example `forward(tcp = 8080, to = server, port = 80)`"));
        }
    }
}

/// The first that was drawn of what a router does.
fn first_part(network: &Network<'_>, host: usize) -> Option<HostPart> {
    let drawn = network.hosts[host].drawn;
    let masquerade = (!drawn.masquerade.is_empty()).then_some(HostPart::Masquerade(0));
    let source = (!drawn.source_nat.is_empty()).then_some(HostPart::SourceNat(0, SourceNatPart::Segment));
    let forward = (!drawn.forwards.is_empty()).then_some(HostPart::PortForward(0, PortForwardPart::Port));
    masquerade.or(source).or(forward).or(drawn.hairpin.then_some(HostPart::Hairpin))
}

fn masquerade(network: &mut Network<'_>, host: usize, index: usize, word: &str, report: &mut Report) {
    let part = HostPart::Masquerade(index);
    let Some(interface) = leaving(network, host, word, part, report) else { return };
    if network.hosts[host].nat.masquerade.contains(&interface) {
        report.add(network.about_host(host, part, &format!("it masquerades on `{word}` twice")));
    } else {
        network.hosts[host].nat.masquerade.push(interface);
    }
}

/// The interface on the segment with this name.
fn leaving(network: &mut Network<'_>, host: usize, word: &str, part: HostPart, report: &mut Report) -> Option<usize> {
    let scope = network.hosts[host].scope;
    let found = network.find_segment(scope, word);
    if let Found::Known(segment) = found
        && let Some(interface) = network.hosts[host].on(segment)
    {
        return Some(interface);
    }
    network.nat_in_doubt = true;
    match found {
        Found::Unknown => {
            let complaint =
                network.about_host(host, part, &format!("it translates addresses on `{word}`, which is no segment"));
            report.add(network.meant_segment(scope, word, complaint));
        }
        Found::Known(_) if !network.hosts[host].interfaces_in_doubt => {
            let complaint =
                network.about_host(host, part, &format!("it translates addresses on `{word}`, and is not on it"));
            let joins: Vec<_> =
                network.hosts[host].interfaces.iter().map(|i| format!("`{}`", i.drawn.segment)).collect();
            report.add(complaint.help(format!("put it on `{word}`, too; it is on {}", joins.join(", "))));
        }
        Found::Known(_) | Found::Doubtful => {}
    }
    None
}

fn source_nat(network: &mut Network<'_>, member: Member, index: usize, text: &str, report: &mut Report) {
    let part = HostPart::SourceNat(index, SourceNatPart::Address);
    match source_address(network, member, text) {
        Ok(address) => {
            let segment = network.interface(member).segment;
            if network.segments[segment].subnet_of(address).is_some() {
                network.segments[segment].taken.entry(address).or_insert(member);
            }
            network.hosts[member.host].nat.source.push((member.interface, address));
        }
        Err((message, help)) => {
            report.add(Complaint { help, ..network.about_host(member.host, part, &message) });
            network.nat_in_doubt = true;
        }
    }
}

fn source_address(network: &Network<'_>, member: Member, text: &str) -> Result<IpAddr, Refusal> {
    let address = parse(text)?;
    let host = &network.hosts[member.host];
    let segment = &network.segments[network.interface(member).segment];
    let family = Family::of(address);
    if !usable(address) {
        return Err((format!("`{address}` is not an address that packets can come from"), None));
    }
    if !segment.has(family) && !segment.subnets_in_doubt {
        return Err((format!("`{address}` is {}, which `{}` has no subnet of", family.name(), segment.name), None));
    }
    if let Some(subnet) = segment.subnet_of(address) {
        of_a_host(address, segment.subnets[subnet].net)?;
    }
    if host.nat.source.iter().any(|&(on, other)| on == member.interface && Family::of(other) == family) {
        return Err((format!("it has another {} address for what leaves on `{}`", family.name(), segment.name), None));
    }
    match segment.taken.get(&address) {
        Some(other) if other.host != member.host => {
            Err((format!("`{address}` is the address of `{}` already", network.hosts[other.host].name), None))
        }
        _ if host.count > 1 => Err((format!("its {} hosts cannot all have the address `{address}`", host.count), None)),
        _ => Ok(address),
    }
}

/// Whether somebody answers to the addresses of source NAT: who is on the segment and has them on its subnets, or a route to them. All
/// routes that are written have been resolved.
pub(super) fn answers(network: &Network<'_>, report: &mut Report) {
    for (host, router) in network.hosts.iter().enumerate() {
        for (index, source) in router.drawn.source_nat.iter().enumerate() {
            let Ok(address) = parse(&source.address) else { continue };
            let Found::Known(segment) = network.find_segment(router.scope, &source.segment) else { continue };
            let is_there = |&(on, accepted): &(usize, _)| accepted == address && router.on(segment) == Some(on);
            if !router.nat.source.iter().any(is_there) || is_answered(network, host, segment, address) {
                continue;
            }
            let segment = &network.segments[segment];
            let message =
                format!("nobody on `{}` would answer to `{address}`, which is in none of its subnets", segment.name);
            let part = HostPart::SourceNat(index, SourceNatPart::Address);
            let route = format!("`route(\"{address}\", via = {})`", router.drawn.name);
            let help = format!("{}; or give a host there a route to it, {route}", ranges(segment, address));
            report.add(network.about_host(host, part, &message).help(help));
        }
    }
}

fn is_answered(network: &Network<'_>, router: usize, segment: usize, address: IpAddr) -> bool {
    let on = &network.segments[segment];
    if on.subnet_of(address).is_some() || on.subnets_in_doubt || on.members_in_doubt {
        return true;
    }
    let mut others = on.members.iter().filter(|member| member.host != router);
    others.any(|&member| {
        let other = &network.hosts[member.host];
        let leads = |route: &Route| matches!(route.way, Towards::Gateway { .. }) && route.to.contains(&address);
        // On a tap it is the test that answers.
        let in_doubt = other.interfaces_in_doubt || other.routes_in_doubt || !network.interface(member).speaks();
        in_doubt || other.routes.iter().any(leads)
    })
}
