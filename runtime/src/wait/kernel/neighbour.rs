//! Waiting for a neighbour.

use std::net::IpAddr;

use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{WaitFor, listed};
use crate::Host;

/// `RTNLGRP_NEIGH` (`linux/rtnetlink.h`).
const EVENTS: &[u32] = &[3];

impl Host {
    /// Waits until the host's kernel knows the link-layer address of a neighbour: it is in one of the states in which the kernel sends
    /// to it (ip-neighbour(8): `reachable`, `stale`, `delay`, `probe`, `permanent`, `noarp`). Nobody is asked for it.
    pub fn wait_for_neighbour(&self, address: impl Into<IpAddr>) -> WaitFor {
        let address = address.into();
        let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        WaitFor::new(self, &format!("neighbour {address}"), EVENTS, move |netlink| {
            let mut request = NeighbourMessage::default();
            request.header.family = family;
            let messages = netlink.list("read the neighbours", &RouteNetlinkMessage::GetNeighbour(request))?;
            let mut others = Vec::new();
            for message in &messages {
                let RouteNetlinkMessage::NewNeighbour(neighbour) = message else { continue };
                let Some(own) = destination(neighbour) else { continue };
                if own == address && is_known(neighbour) {
                    return Ok(None);
                }
                // Everybody (RFC 4291 section 2.7) is no neighbour.
                if !own.is_multicast() {
                    others.push(format!("{own} ({})", format!("{:?}", neighbour.header.state).to_lowercase()));
                }
            }
            Ok(Some(listed("neighbours", &others)))
        })
    }
}

fn destination(neighbour: &NeighbourMessage) -> Option<IpAddr> {
    neighbour.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some(IpAddr::from(*v4)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some(IpAddr::from(*v6)),
        _ => None,
    })
}

/// `NUD_VALID` of the kernel's `net/neighbour.h`, and an address.
fn is_known(neighbour: &NeighbourMessage) -> bool {
    use NeighbourState::{Delay, Noarp, Permanent, Probe, Reachable, Stale};
    let has_address = |attribute: &NeighbourAttribute| matches!(attribute, NeighbourAttribute::LinkLayerAddress(bytes) if !bytes.is_empty());
    matches!(neighbour.header.state, Reachable | Stale | Delay | Probe | Permanent | Noarp)
        && neighbour.attributes.iter().any(has_address)
}
