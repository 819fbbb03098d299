//! Static neighbours.

use std::iter;
use std::net::IpAddr;

use super::addresses::{of_a_host, parse};
use super::interfaces::parse_mac;
use super::network::Network;
use super::report::{Refusal, Report};
use super::vrfs;
use crate::{Complaint, HostPart, NeighbourPart, NeighbourPlan};

/// Resolves what is written about neighbours.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        for (index, drawn) in network.hosts[host].drawn.neighbours.iter().enumerate() {
            let mut refuse = |part, message: &str, help| {
                let part = HostPart::Neighbour(index, part);
                report.add(Complaint { help, ..network.about_host(host, part, message) });
            };
            let found = find(network, host, &drawn.address);
            let mac = parse_mac(&drawn.mac).map_err(|message| refuse(NeighbourPart::Mac, &message, None));
            match found {
                Ok(Some((interface, address))) => {
                    let neighbours = mac.map(|mac| NeighbourPlan { interface, address, mac });
                    network.hosts[host].neighbours.extend(neighbours);
                }
                Ok(None) => {}
                Err((message, help)) => refuse(NeighbourPart::Address, &message, help),
            }
        }
    }
}

/// The interface that the neighbour is at; none if that is in doubt.
fn find(network: &Network<'_>, host: usize, text: &str) -> Result<Option<(usize, IpAddr)>, Refusal> {
    let address = parse(text)?;
    let host = &network.hosts[host];
    let segments = || host.interfaces.iter().map(|interface| &network.segments[interface.segment]);
    let mut on =
        segments().enumerate().filter_map(|(index, segment)| Some((index, segment, segment.subnet_of(address)?)));
    let Some((interface, segment, subnet)) = on.next() else {
        if host.interfaces_in_doubt || segments().any(|segment| segment.subnets_in_doubt) {
            return Ok(None);
        }
        let own: Vec<_> =
            segments().flat_map(|segment| &segment.subnets).map(|subnet| format!("`{}`", subnet.net)).collect();
        let help = (!own.is_empty()).then(|| format!("its subnets are {}", own.join(", ")));
        return Err((format!("its neighbour `{address}` is in none of its subnets"), help));
    };
    of_a_host(address, segment.subnets[subnet].net)?;
    if host.interfaces[interface].addresses.contains(&Some(address)) {
        return Err((format!("its neighbour `{address}` is itself"), None));
    }
    if !segment.drawn.medium.has_frames() {
        let message = format!(
            "its neighbour `{address}` is on {}, where nobody has a MAC address",
            segment.drawn.medium.phrase()
        );
        return Err((message, None));
    }
    let all = iter::once(interface).chain(on.map(|(interface, ..)| interface));
    vrfs::one_of(host, &format!("its neighbour `{address}`"), all, |_, _| vrfs::OTHER_SUBNET.to_owned())?;
    if host.neighbours.iter().any(|other| other.address == address) {
        return Err((format!("its neighbour `{address}` is written twice"), None));
    }
    Ok(Some((interface, address)))
}
