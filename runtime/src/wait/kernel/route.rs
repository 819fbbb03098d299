//! Waiting for a route.

use std::net::IpAddr;

use netns_test_topology::IpNet;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{WaitFor, listed};
use crate::Host;

/// `RTNLGRP_LINK`, `RTNLGRP_IPV4_ROUTE` and `RTNLGRP_IPV6_ROUTE` (`linux/rtnetlink.h`): a route is of no use while its link is down.
const EVENTS: &[u32] = &[1, 7, 11];

/// The host's own addresses (`linux/rtnetlink.h`).
const LOCAL_TABLE: u32 = 255;

impl Host {
    /// Waits until the host has a route to just this prefix, by whichever protocol and in whichever table, that it can send by: one that
    /// refuses packets, or whose link is down, is none. An address is a prefix of one; `0.0.0.0/0` and `::/0` are the default routes.
    ///
    /// ```no_run
    /// # async fn example(host: netns_test::Host) -> netns_test::TestResult {
    /// host.wait_for_route("10.7.0.0/16".parse::<netns_test::IpNet>()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_route(&self, to: impl Into<IpNet>) -> WaitFor {
        let to = to.into().trunc();
        let family = if to.addr().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        WaitFor::new(self, &format!("a route to {to}"), EVENTS, move |netlink| {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            let messages = netlink.list("read the routes", &RouteNetlinkMessage::GetRoute(request))?;
            let mut others = Vec::new();
            for message in &messages {
                let RouteNetlinkMessage::NewRoute(route) = message else { continue };
                let Some(destination) = destination(route).filter(|_| table(route) != LOCAL_TABLE) else { continue };
                let useless = remark(route);
                if destination == to && useless.is_none() {
                    return Ok(None);
                }
                others.push(useless.map_or_else(|| destination.to_string(), |why| format!("{destination} ({why})")));
            }
            Ok(Some(listed("routes", &others)))
        })
    }
}

fn destination(route: &RouteMessage) -> Option<IpNet> {
    let nowhere: IpAddr = match route.header.address_family {
        AddressFamily::Inet => [0; 4].into(),
        AddressFamily::Inet6 => [0; 16].into(),
        _ => return None,
    };
    let address = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(v4)) => Some(IpAddr::from(*v4)),
        RouteAttribute::Destination(RouteAddress::Inet6(v6)) => Some(IpAddr::from(*v6)),
        _ => None,
    });
    IpNet::new(address.unwrap_or(nowhere), route.header.destination_prefix_length).ok()
}

fn table(route: &RouteMessage) -> u32 {
    let written = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    written.unwrap_or_else(|| route.header.table.into())
}

/// Why nothing is sent by it, if that is so. Of a route with several ways the kernel marks each, and this one if none is left.
fn remark(route: &RouteMessage) -> Option<String> {
    if route.header.kind != RouteType::Unicast {
        return Some(format!("{:?}", route.header.kind).to_lowercase());
    }
    let down = route.header.flags.intersects(RouteFlags::Dead | RouteFlags::Linkdown);
    down.then(|| "its link is down".to_owned())
}
