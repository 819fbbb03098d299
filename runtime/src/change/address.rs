//! A host's addresses and its way out.

use std::net::IpAddr;

use netns_test_topology::{IpNet, Way};

use super::{Change, LinkError, interface_on};
use crate::lab::{
    MAIN_TABLE, Patience, address_message, inside, route_message, wait_for_addresses_in_host, with_netlink, world,
};
use crate::{Host, Segment};

impl Host {
    /// Gives the host another address on a segment, in the place of the one of the same family. The prefix length is that of the
    /// segment's subnet; routes stay. From then on [`Host::addr`], and the host's name on every host, mean the new one.
    pub fn set_address(&self, segment: &Segment, address: impl Into<IpAddr>) -> Change {
        let address = address.into();
        let what = format!("give host `{}` the address {address} on segment `{}`", self.name(), segment.name());
        let (segment, host) = (segment.clone(), self.clone());
        Change::new(what.clone(), self, move |patience| {
            let nth = interface_on(&segment, &host)?;
            let new = in_subnet_of(&segment, address)?;
            replace(&host, nth, new, patience).map_err(|error| LinkError::failed(&what, error))
        })
    }

    /// Sends what no other route is for to another gateway, which is on a subnet of the host's. A default route of the same family that
    /// was there before is replaced.
    pub fn set_gateway(&self, gateway: impl Into<IpAddr>) -> Change {
        let gateway = gateway.into();
        let what = format!("make {gateway} the gateway of host `{}`", self.name());
        let host = self.clone();
        Change::new(what.clone(), self, move |_: Patience| {
            let interfaces = host.surroundings().addresses_of(host.machine().number());
            let on_link = |subnets: &Vec<IpNet>| subnets.iter().any(|subnet| subnet.contains(&gateway));
            let interface = interfaces
                .iter()
                .position(on_link)
                .ok_or_else(|| LinkError::Outside { address: gateway, place: format!("host `{}`", host.name()) })?;
            route_all_through(&host, gateway, interface).map_err(|error| LinkError::failed(&what, error))
        })
    }
}

fn in_subnet_of(segment: &Segment, address: IpAddr) -> Result<IpNet, LinkError> {
    let subnet = segment.subnets().iter().find(|subnet| subnet.contains(&address));
    let subnet = subnet.and_then(|subnet| IpNet::new(address, subnet.prefix_len()).ok());
    subnet.ok_or_else(|| LinkError::Outside { address, place: format!("segment `{}`", segment.name()) })
}

fn replace(host: &Host, nth: usize, new: IpNet, patience: Patience) -> Result<(), crate::lab::LabError> {
    let surroundings = host.surroundings();
    let number = host.machine().number();
    let addresses = surroundings.addresses_of(number).swap_remove(nth);
    let old = addresses.into_iter().find(|old| old.addr().is_ipv4() == new.addr().is_ipv4());
    if old == Some(new) {
        return Ok(());
    }
    let index = surroundings.hub.index((number, nth));
    let place = format!("host {}", host.name());
    if new.addr().is_ipv4() {
        // Or the new address, which is the second of its subnet until the old one is gone, would go with it, and so would all routes.
        let name = host.plan().interfaces[nth].name.as_str();
        let path = format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
        inside(host.netns(), || {
            std::fs::write(&path, "1").map_err(|source| crate::lab::LabError::File { path: path.clone(), source })
        })?;
    }
    with_netlink(host.netns(), &place, |netlink| {
        netlink.add_address("give an address", address_message(index, &new))?;
        match old {
            Some(old) => netlink.delete_address("take an address away", address_message(index, &old)),
            None => Ok(()),
        }
    })?;
    surroundings.replace_address(number, nth, new);
    world::write_hosts(&surroundings.labs)?;
    wait_for_addresses_in_host(host.netns(), &place, patience)
}

fn route_all_through(host: &Host, gateway: IpAddr, interface: usize) -> Result<(), crate::lab::LabError> {
    let anywhere = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let anywhere = anywhere.parse().expect("a prefix of nothing");
    let index = host.surroundings().hub.index((host.machine().number(), interface));
    let plan = host.plan();
    let table = plan.interfaces[interface].vrf.map_or(MAIN_TABLE, |vrf| plan.vrfs[vrf].table);
    let request = route_message(&anywhere, Way::via(gateway, interface), |_| (index, table));
    let place = format!("host {}", host.name());
    with_netlink(host.netns(), &place, |netlink| netlink.replace_route("replace the default route", request))
}
