//! The subnets of a segment, each by itself and beside each other.

use std::net::IpAddr;

use super::network::{Network, Segment, Subnet};
use super::report::{Refusal, Report};
use crate::allocate::capacity;
use crate::{Complaint, IpNet, Medium, SegmentPart};

/// Parses the subnets of a segment.
pub(super) fn resolve(network: &mut Network<'_>, segment: usize, report: &mut Report) {
    let drawn = network.segments[segment].drawn;
    for (drawn_as, text) in drawn.subnets.iter().enumerate() {
        match subnet(text, &network.segments[segment]) {
            Ok(net) => network.segments[segment].subnets.push(Subnet { net, drawn_as }),
            Err((message, help)) => {
                let complaint = network.about_segment(segment, SegmentPart::Subnet(drawn_as), &message);
                report.add(Complaint { help, ..complaint });
                network.segments[segment].subnets_in_doubt = true;
            }
        }
    }
}

fn subnet(text: &str, segment: &Segment<'_>) -> Result<IpNet, Refusal> {
    let subnet = parse(text)?;
    if !(usable(subnet.network()) && usable(subnet.broadcast())) {
        return Err((format!("`{text}` is not a range that hosts can have addresses from"), None));
    }
    let earlier = segment.subnets.iter().map(|earlier| earlier.net);
    if let Some(other) = earlier.into_iter().find(|&other| overlap(other, subnet)) {
        return Err((format!("`{text}` overlaps `{other}`"), None));
    }
    if segment.drawn.medium == Medium::Ipip && matches!(subnet, IpNet::V6(_)) {
        let message = format!("an IP-in-IP tunnel carries IPv4 only, `{text}` is IPv6");
        return Err((message, Some("write `gre` in place of `ipip`".to_owned())));
    }
    Ok(subnet)
}

/// A subnet in CIDR notation, without host bits.
pub(super) fn parse(text: &str) -> Result<IpNet, Refusal> {
    let Ok(subnet) = text.parse::<IpNet>() else {
        let help = "write an address and a prefix length, for example `10.0.0.0/24` or `fd00::/64`";
        return Err((format!("`{text}` is not a subnet"), Some(help.to_owned())));
    };
    let network = subnet.trunc();
    if network == subnet {
        return Ok(subnet);
    }
    let message = format!("`{text}` is the address of a host, not a subnet");
    Err((message, Some(format!("the subnet it is in is `{network}`"))))
}

/// Whether one is in the other.
pub(super) fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// Neither unspecified, loopback, multicast, reserved nor link-local: an address there would not behave like a host's.
pub(super) fn usable(address: IpAddr) -> bool {
    let common = !address.is_loopback() && !address.is_multicast();
    common
        && match address {
            IpAddr::V4(v4) => !matches!(v4.octets(), [0 | 240.., ..] | [169, 254, ..]),
            IpAddr::V6(v6) => !v6.is_unicast_link_local() && !matches!(v6.segments(), [0, 0, 0, 0, 0, ..]),
        }
}

/// Whether every subnet has an address for each interface on its segment.
pub(super) fn capacities(network: &Network<'_>, report: &mut Report) {
    for (index, segment) in network.segments.iter().enumerate() {
        let hosts = network.size(index);
        for (number, &Subnet { net, drawn_as }) in segment.subnets.iter().enumerate() {
            let aside = set_aside(network, segment, number);
            let (capacity, needed) = (capacity(&net), hosts.saturating_add(aside));
            if capacity < needed as u128 {
                let and = if aside == 0 { String::new() } else { format!(", {aside} are for source NAT") };
                let message = format!("`{net}` has addresses for {capacity} hosts, {hosts} are on it{and}");
                let complaint = network.about_segment(index, SegmentPart::Subnet(drawn_as), &message);
                let fits = smallest_for(net.addr(), needed).map(|fits| format!("`{fits}` is large enough"));
                report.add(Complaint { help: fits, ..complaint });
            }
        }
    }
}

/// How many addresses were written that are no host's.
fn set_aside(network: &Network<'_>, segment: &Segment<'_>, subnet: usize) -> usize {
    let within = segment.taken.iter().filter(|(address, _)| segment.subnet_of(**address) == Some(subnet));
    within.filter(|(address, member)| network.interface(**member).addresses[subnet] != Some(**address)).count()
}

/// The smallest subnet around `address` with room for so many hosts.
fn smallest_for(address: IpAddr, hosts: usize) -> Option<IpNet> {
    let bits = if address.is_ipv4() { 30 } else { 126 };
    (1..=bits)
        .rev()
        .filter_map(|length| Some(IpNet::new(address, length).ok()?.trunc()))
        .find(|subnet| capacity(subnet) >= hosts as u128)
}
