//! Whether a kernel has room for neighbours.

use std::io;

use rtnetlink::packet_route::RouteNetlinkMessage;
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
