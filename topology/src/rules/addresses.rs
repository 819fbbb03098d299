//! The addresses that are written for interfaces.

use std::net::IpAddr;

use super::network::{Interface, Member, Network, Segment};
use super::report::{Refusal, Report};
use super::subnets::usable;
use crate::allocate::{capacity, nth_host};
use crate::{Complaint, InterfacePart, IpNet};

/// Parses them and notes them as taken.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        for interface in 0..network.hosts[host].interfaces.len() {
            let member = Member { host, interface };
            let Interface { drawn, segment, .. } = *network.interface(member);
            let subnets = network.segments[segment].subnets.len();
            network.hosts[host].interfaces[interface].addresses = vec![None; subnets];
            for (number, text) in drawn.addresses.iter().enumerate() {
                address(network, member, number, text, report);
            }
        }
    }
}

fn address(network: &mut Network<'_>, member: Member, number: usize, text: &str, report: &mut Report) {
    let Interface { drawn_as, segment, .. } = *network.interface(member);
    let part = InterfacePart::Address(number);
    let refuse = |message: &str, help: Option<String>| Complaint {
        help,
        ..network.about_interface(member.host, drawn_as, part, message)
    };
    let on = &network.segments[segment];
    let address = match parse(text) {
        Ok(address) => address,
        Err((message, help)) => return report.add(refuse(&message, help)),
    };
    let Some(subnet) = on.subnet_of(address) else {
        // It may be in the one that was refused.
        if !on.subnets_in_doubt {
            report.add(refuse(&format!("`{address}` is in no subnet of `{}`", on.name), Some(ranges(on, address))));
        }
        return;
    };
    let net = on.subnets[subnet].net;
    if let Err((message, help)) = of_a_host(address, net) {
        return report.add(refuse(&message, help));
    }
    if let Some(other) = network.interface(member).addresses[subnet] {
        return report.add(refuse(&format!("`{other}` and `{address}` are two addresses from `{net}`"), None));
    }
    if let Err(message) = free(network, member, address) {
        return report.add(refuse(&message, Some("leave it out, and one is allocated".to_owned())));
    }
    // An array of no hosts takes none.
    if network.hosts[member.host].count > 0 {
        network.segments[segment].taken.insert(address, member);
    }
    network.hosts[member.host].interfaces[member.interface].addresses[subnet] = Some(address);
}

/// An address without a prefix length.
pub(super) fn parse(text: &str) -> Result<IpAddr, Refusal> {
    text.parse::<IpAddr>().map_err(|_| {
        let help = text.parse::<IpNet>().ok().map(|net| format!("write `\"{}\"`", net.addr()));
        (format!("`{text}` is not an address"), help)
    })
}

/// Where addresses of the segment are.
pub(super) fn ranges(segment: &Segment<'_>, address: IpAddr) -> String {
    let subnets: Vec<_> = segment.subnets.iter().map(|subnet| format!("`{}`", subnet.net)).collect();
    match &subnets[..] {
        [] => {
            let subnet = IpNet::new(address, if address.is_ipv4() { 24 } else { 64 });
            let subnet = subnet.map_or_else(|_| "…".to_owned(), |subnet| subnet.trunc().to_string());
            format!("it has none; give it one, `#[segment(\"{subnet}\")]`")
        }
        [one] => format!("its subnet is {one}"),
        more => format!("its subnets are {}", more.join(", ")),
    }
}

/// Whether a host can have this address of the subnet.
///
/// # Errors
/// Whose it is instead, and which ones hosts have.
pub fn check_address(address: IpAddr, subnet: IpNet) -> Result<(), String> {
    of_a_host(address, subnet)
        .map_err(|(message, help)| [Some(message), help].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// Whether a host can have this address of the subnet.
pub(super) fn of_a_host(address: IpAddr, net: IpNet) -> Result<(), Refusal> {
    let host_bits = net.max_prefix_len() - net.prefix_len();
    let named = if host_bits > 1 && address == net.network() {
        if address.is_ipv4() { "the network address" } else { "the routers' anycast address" }
    } else if host_bits > 1 && address.is_ipv4() && address == net.broadcast() {
        "the broadcast address"
    } else if usable(address) {
        return Ok(());
    } else {
        return Err((format!("`{address}` is not an address that a host can have"), None));
    };
    let first = nth_host(&net, 0).addr();
    let last = u32::try_from(capacity(&net) - 1).ok().map(|last| nth_host(&net, last).addr());
    let help = match last {
        Some(last) => format!("hosts have addresses from `{first}` to `{last}`"),
        None => format!("hosts have addresses from `{first}` on"),
    };
    Err((format!("`{address}` is {named} of `{net}`"), Some(help)))
}

/// Whether nobody else has it.
fn free(network: &Network<'_>, member: Member, address: IpAddr) -> Result<(), String> {
    let segment = network.interface(member).segment;
    let host = &network.hosts[member.host];
    match network.segments[segment].taken.get(&address) {
        Some(other) => Err(format!("`{address}` is the address of `{}` already", network.hosts[other.host].name)),
        None if host.count > 1 => Err(format!("its {} hosts cannot all have the address `{address}`", host.count)),
        None => Ok(()),
    }
}
