//! The neighbours of a host, and whether its kernel has room for more.

use std::io;
use std::net::IpAddr;

use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::neighbour_table::{NeighbourTableAttribute, NeighbourTableMessage};
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use super::dump::dump;

/// How often there was no room for one more neighbour since the machine was started, in all of its namespaces: the tables of both families are the
/// machine's (`neigh_alloc` in `net/core/neighbour.c`).
pub(crate) fn table_fulls() -> io::Result<u64> {
    let request = RouteNetlinkMessage::GetNeighbourTable(NeighbourTableMessage::default());
    let answers = dump(NETLINK_ROUTE, &request)?;
    let attributes = answers.iter().flat_map(|answer| match answer {
        RouteNetlinkMessage::NewNeighbourTable(table) => &table.attributes[..],
        _ => &[],
    });
    let fulls = attributes.filter_map(|attribute| match attribute {
        NeighbourTableAttribute::Stats(stats) => Some(stats.table_fulls),
        _ => None,
    });
    Ok(fulls.sum())
}

/// A neighbour that somebody has asked for, or that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    /// The kernel's index of the interface.
    pub(crate) interface: u32,
    pub(crate) address: IpAddr,
    /// None while it is looked for, and when nobody has answered.
    pub(crate) mac: Option<Vec<u8>>,
    pub(crate) state: NeighbourState,
}

/// The neighbours in the namespace that this thread is in.
pub(crate) fn neighbours() -> io::Result<Vec<Neighbour>> {
    let answers = dump(NETLINK_ROUTE, &RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()))?;
    let neighbours = answers.iter().filter_map(|answer| {
        let RouteNetlinkMessage::NewNeighbour(message) = answer else { return None };
        let mut neighbour = (
            None,
            Neighbour {
                interface: message.header.ifindex,
                address: [0; 4].into(),
                mac: None,
                state: message.header.state,
            },
        );
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => neighbour.0 = Some(IpAddr::from(*v4)),
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => neighbour.0 = Some(IpAddr::from(*v6)),
                NeighbourAttribute::LinkLayerAddress(mac) => neighbour.1.mac = Some(mac.clone()),
                _ => {}
            }
        }
        let (address, neighbour) = neighbour;
        Some(Neighbour { address: address?, ..neighbour })
    });
    Ok(neighbours.collect())
}
