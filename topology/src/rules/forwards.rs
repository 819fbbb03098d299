//! Ports that routers forward.

use std::collections::HashMap;

use super::automatic::Automatic;
use super::network::{Family, Found, Machine, Named, Network};
use super::report::{Refusal, Report};
use super::routes::{Route, Towards, not_one};
use crate::{Complaint, DrawnPortForward, HostPart, PortForwardPart, Transport};

/// A forwarded port whose target has no address yet.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) protocol: Transport,
    pub(super) port: u16,
    pub(super) to: Machine,
    /// Its interfaces whose addresses are meant, one for a family.
    pub(super) on: Vec<(Family, usize)>,
    pub(super) to_port: u16,
    /// Index of the router's interface through which the first is reached.
    pub(super) interface: usize,
}

/// Resolves them.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    if network.hosts.iter().all(|host| host.drawn.forwards.is_empty()) {
        return;
    }
    let mut resolved = Vec::new();
    let mut automatic = Automatic::new(network);
    for host in 0..network.hosts.len() {
        // Others have been told that they forward nothing.
        if !network.hosts[host].drawn.forwards.is_empty() && network.hosts[host].is_router() {
            let routes = automatic.routes(host);
            resolved.push((host, of_host(network, host, &routes, report)));
        }
    }
    for (host, forwards) in resolved {
        network.hosts[host].forwards = forwards;
    }
}

fn of_host(network: &Network<'_>, host: usize, routes: &[Route], report: &mut Report) -> Vec<Forward> {
    let mut forwards = Vec::new();
    let mut first_with = HashMap::new();
    for (index, drawn) in network.hosts[host].drawn.forwards.iter().enumerate() {
        let mut refuse = |part, (message, help): Refusal| {
            let part = HostPart::PortForward(index, part);
            report.add(Complaint { help, ..network.about_host(host, part, &message) });
        };
        let from = port(drawn.port).and_then(|port| match first_with.insert((drawn.protocol, port), drawn) {
            Some(first) => {
                Err((format!("it forwards {} port {port} to `{}` already", drawn.protocol.name(), first.to), None))
            }
            None => Ok(port),
        });
        let from = from.map_err(|refusal| refuse(PortForwardPart::Port, refusal));
        let to_port = match drawn.to_port {
            Some(written) => port(written).map_err(|refusal| refuse(PortForwardPart::ToPort, refusal)),
            None => from,
        };
        match (target(network, host, routes, drawn), from, to_port) {
            (Err(refusal), ..) => refuse(PortForwardPart::To, refusal),
            (Ok(Some((to, on, interface))), Ok(port), Ok(to_port)) => {
                forwards.push(Forward { protocol: drawn.protocol, port, to, on, to_port, interface });
            }
            _ => {}
        }
    }
    forwards
}

fn port(port: u32) -> Result<u16, Refusal> {
    let number = u16::try_from(port).ok().filter(|&port| port > 0);
    number.ok_or_else(|| (format!("the port {port} is out of range: it is between 1 and 65535"), None))
}

type Target = (Machine, Vec<(Family, usize)>, usize);

/// The machine that a port is forwarded to; none if something about it is in doubt.
fn target(
    network: &Network<'_>,
    host: usize,
    routes: &[Route],
    drawn: &DrawnPortForward,
) -> Result<Option<Target>, Refusal> {
    let (scope, word) = (network.hosts[host].scope, drawn.to.as_str());
    let machine = match network.find_host(scope, word) {
        Found::Known(Named::One(machine)) => machine,
        Found::Known(Named::Array(array)) => return Err(not_one(network, array, word)),
        Found::Doubtful => return Ok(None),
        Found::Unknown => {
            let message = format!("it forwards a port to `{word}`, which is no host");
            return Err((message, network.like_host(scope, word)));
        }
    };
    if machine.host == host {
        return Err(("it forwards a port to itself".to_owned(), None));
    }
    let there = &network.hosts[machine.host];
    let mut on = Vec::new();
    let mut through = None;
    for family in Family::BOTH {
        let first = there.interfaces.iter().enumerate().find_map(|(index, interface)| {
            Some((index, reached_through(network, host, routes, family, interface.segment)?))
        });
        if let Some((index, interface)) = first {
            on.push((family, index));
            through = through.or(Some(interface));
        }
    }
    if let Some(through) = through {
        return Ok(Some((machine, on, through)));
    }
    let mut segments = there.interfaces.iter().map(|interface| &network.segments[interface.segment]);
    let in_doubt = there.interfaces_in_doubt || segments.clone().any(|segment| segment.subnets_in_doubt);
    if in_doubt || network.joints_in_doubt || network.nat_in_doubt || !network.unseen.is_empty() {
        Ok(None)
    } else if segments.all(|segment| segment.subnets.is_empty()) {
        Err((format!("it forwards a port to `{word}`, which has no address"), None))
    } else {
        let help = "put both on one segment, or a router between theirs";
        Err((format!("it forwards a port to `{word}`, which it cannot reach"), Some(help.to_owned())))
    }
}

/// The interface through which a host reaches the addresses of a family on a segment.
fn reached_through(
    network: &Network<'_>,
    host: usize,
    routes: &[Route],
    family: Family,
    segment: usize,
) -> Option<usize> {
    let net = network.segments[segment].nets(family).next()?;
    let mut speaking = network.hosts[host].speaking();
    if let Some((own, _)) = speaking.find(|(_, interface)| interface.segment == segment) {
        return Some(own);
    }
    let mut best: Option<&Route> = None;
    for route in routes.iter().filter(|route| route.to.contains(&net)) {
        if best.is_none_or(|best| best.to.prefix_len() < route.to.prefix_len()) {
            best = Some(route);
        }
    }
    match best?.way {
        Towards::Unreachable => None,
        Towards::Gateway { interface, .. } => Some(interface),
    }
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}
