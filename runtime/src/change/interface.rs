//! What an interface is like: its MTU, its link-layer address.

use netns_test_topology::{MTU, MTU_IPV6, MacAddr};

use super::{Change, LinkError, interface_on};
use crate::lab::{NetlinkError, Patience, link_message, with_netlink};
use crate::{Host, Segment};

impl Segment {
    /// Changes the MTU of the host's interface on this segment, in bytes. The port it is plugged into follows, as far as a larger one
    /// needs that.
    pub fn set_mtu(&self, host: &Host, mtu: u32) -> Change {
        let what = format!("set the MTU of host `{}` on segment `{}` to {mtu}", host.name(), self.name());
        let (segment, host) = (self.clone(), host.clone());
        Change::new(what.clone(), &host.clone(), move |_: Patience| {
            let nth = interface_on(&segment, &host)?;
            let surroundings = host.surroundings();
            let addresses = surroundings.addresses_of(host.machine().number()).swap_remove(nth);
            // The kernel would take IPv6 away without a word (RFC 8200 section 5).
            let ipv6 = addresses.iter().any(|address| address.addr().is_ipv6());
            let least = if ipv6 { MTU_IPV6 } else { *MTU.start() };
            if mtu < least {
                return Err(LinkError::Mtu { mtu, least });
            }
            let member = (host.machine().number(), nth);
            let failed = |error| LinkError::failed(&what, error);
            if let Ok(ports) = surroundings.hub.cables(&surroundings.plan, member) {
                surroundings.hub.raise_mtu_of_ports(&ports, mtu).map_err(failed)?;
            }
            let index = surroundings.hub.index(member);
            set(&host, "change the MTU of an interface", link_message(index).mtu(mtu).build()).map_err(failed)
        })
    }

    /// Changes the link-layer address of the host's interface on this segment. Nobody is told: who knew the old one goes on using it until
    /// its neighbour entry is probed (RFC 4861 section 7.3, arp(7)).
    pub fn set_mac(&self, host: &Host, mac: MacAddr) -> Change {
        let what = format!("set the MAC of host `{}` on segment `{}` to {mac}", host.name(), self.name());
        let (segment, host) = (self.clone(), host.clone());
        Change::new(what.clone(), &host.clone(), move |_: Patience| {
            let nth = interface_on(&segment, &host)?;
            let index = host.surroundings().hub.index((host.machine().number(), nth));
            let request = link_message(index).address(mac.0.to_vec()).build();
            set(&host, "change the MAC of an interface", request).map_err(|error| LinkError::failed(&what, error))
        })
    }
}

fn set(
    host: &Host,
    what: &'static str,
    request: rtnetlink::packet_route::link::LinkMessage,
) -> Result<(), crate::lab::LabError> {
    let place = format!("host {}", host.name());
    with_netlink(host.netns(), &place, |netlink| -> Result<(), NetlinkError> { netlink.set_link(what, request) })
}
