//! Waiting until links can carry packets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags};
use rtnetlink::packet_route::link::{
    BridgePortState, InfoBridgePort, InfoPortData, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::LabError;
use super::build::request;
use super::netlink::{Netlink, Wait};

/// Waits until each of the links (index, and what to call it) is operational: RFC 2863's `up`, and forwarding where it is the
/// port of a bridge.
pub(super) fn wait(
    netlink: &mut Netlink,
    place: &str,
    links: HashMap<u32, String>,
    deadline: Instant,
    waited: Duration,
) -> Result<(), LabError> {
    let in_place = |source| request(place, source);
    let mut pending = links;
    if pending.is_empty() {
        return Ok(());
    }
    // Subscribed before the first look, so nothing happens in between.
    netlink.subscribe_to_links().map_err(in_place)?;
    look(netlink, &mut pending).map_err(in_place)?;
    while !pending.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let outcome = netlink.wait_for_links(left, |link| strike(&mut pending, &link)).map_err(in_place)?;
        match outcome {
            Wait::Events => {}
            Wait::Overrun => look(netlink, &mut pending).map_err(in_place)?,
            Wait::Expired => {
                let mut names: Vec<_> = pending.into_values().collect();
                names.sort();
                return Err(LabError::NoCarrier { links: names.join(", "), waited });
            }
        }
    }
    Ok(())
}

/// Waits until no IPv6 address is tentative any more.
///
/// There is no duplicate address detection, but a worker of the kernel ends it all the same, after it has joined the address's
/// solicited-node group (`addrconf_dad_work`). Before that nobody is told who has the address, and the first packet to it takes
/// a second, or on a busy machine never comes.
pub(super) fn wait_for_addresses(
    netlink: &mut Netlink,
    place: &str,
    deadline: Instant,
    waited: Duration,
) -> Result<(), LabError> {
    let in_place = |source| request(place, source);
    if tentative_addresses(netlink).map_err(in_place)?.is_empty() {
        return Ok(());
    }
    netlink.subscribe_to_ipv6_addresses().map_err(in_place)?;
    loop {
        // Read anew after subscribing: nothing happens in between.
        let tentative = tentative_addresses(netlink).map_err(in_place)?;
        if tentative.is_empty() {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if netlink.wait_for_links(left, |_| ()).map_err(in_place)? == Wait::Expired {
            let addresses = tentative.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(LabError::Tentative { place: place.to_owned(), addresses, waited });
        }
    }
}

fn tentative_addresses(netlink: &mut Netlink) -> Result<Vec<IpAddr>, super::netlink::NetlinkError> {
    let mut addresses = netlink.ipv6_addresses()?;
    addresses.retain(|message| message.header.flags.contains(AddressHeaderFlags::Tentative));
    let tentative =
        addresses.into_iter().flat_map(|message| message.attributes).filter_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(address),
            _ => None,
        });
    Ok(tentative.collect())
}

/// Reads the state: of the only link by its index, since a dump may be interrupted, of many in one go.
fn look(netlink: &mut Netlink, pending: &mut HashMap<u32, String>) -> Result<(), super::netlink::NetlinkError> {
    let only = if pending.len() == 1 { pending.keys().next().copied() } else { None };
    netlink.links(only, |link| strike(pending, &link))
}

fn strike(pending: &mut HashMap<u32, String>, link: &LinkMessage) {
    if operational(link) {
        pending.remove(&link.header.index);
    }
}

fn operational(link: &LinkMessage) -> bool {
    // The kernel shows RFC 2863's `up` as this flag (`dev_get_flags`).
    let up = link.header.flags.contains(LinkFlags::Running);
    up && port_state(link).is_none_or(|state| state == BridgePortState::Forwarding)
}

fn port_state(link: &LinkMessage) -> Option<BridgePortState> {
    let infos = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    })?;
    let port = infos.iter().find_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => Some(port),
        _ => None,
    })?;
    port.iter().find_map(|info| match info {
        InfoBridgePort::State(state) => Some(*state),
        _ => None,
    })
}
