//! What the kernel of a host would do with a packet.

use std::io;
use std::net::IpAddr;

use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use super::dump::ask;
use crate::netlink;

/// Routes to the host itself.
const LOCAL: [RouteType; 4] = [RouteType::Local, RouteType::Broadcast, RouteType::Anycast, RouteType::Multicast];

/// A way that the kernel has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    /// The kernel's index of the interface to send by.
    pub(crate) interface: u32,
    /// Who is asked to pass it on, if it is not the destination itself.
    pub(crate) gateway: Option<IpAddr>,
    /// Whether the host itself takes what is sent there: to an address of its own, or to all.
    pub(crate) is_local: bool,
}

/// Where the kernel would send a packet to an address (`RTM_GETROUTE`, rtnetlink(7)), in the namespace that this thread is in: from an address if one is given, and
/// having come in by the interface with an index if one is. One that has not come in is from an address of this host.
///
/// # Errors
/// `ENETUNREACH` where there is no route, `EHOSTUNREACH`, `EACCES` and `EINVAL` where a route or a rule refuses; `EXDEV` where the reverse-path filter does.
pub(crate) fn lookup(to: IpAddr, from: Option<IpAddr>, came_in: Option<u32>) -> io::Result<Hop> {
    let mut question = RouteMessage::default();
    let bits = if to.is_ipv4() { 32 } else { 128 };
    question.header.address_family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    question.header.destination_prefix_length = bits;
    question.attributes.push(RouteAttribute::Destination(address(to)));
    if let Some(from) = from {
        question.header.source_prefix_length = bits;
        question.attributes.push(RouteAttribute::Source(address(from)));
    }
    question.attributes.extend(came_in.map(RouteAttribute::Iif));
    let socket = ask(NETLINK_ROUTE, RouteNetlinkMessage::GetRoute(question), 0)?;
    let mut found = None;
    while found.is_none() {
        netlink::receive(&socket, |message: NetlinkMessage<RouteNetlinkMessage>| {
            match message.payload {
                NetlinkPayload::Error(answer) => return Err(answer.to_io()),
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => found = Some(hop(&route)),
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(found.expect("the loop ends with one"))
}

fn hop(route: &RouteMessage) -> Hop {
    let mut hop = Hop { interface: 0, gateway: None, is_local: LOCAL.contains(&route.header.kind) };
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => hop.interface = *index,
            RouteAttribute::Gateway(RouteAddress::Inet(v4)) | RouteAttribute::Via(RouteVia::Inet(v4)) => {
                hop.gateway = Some((*v4).into());
            }
            RouteAttribute::Gateway(RouteAddress::Inet6(v6)) | RouteAttribute::Via(RouteVia::Inet6(v6)) => {
                hop.gateway = Some((*v6).into());
            }
            _ => {}
        }
    }
    hop
}

fn address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(v4) => RouteAddress::Inet(v4),
        IpAddr::V6(v6) => RouteAddress::Inet6(v6),
    }
}
