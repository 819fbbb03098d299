//! A host's addresses and its way out.

use std::net::IpAddr;

use netns_test_topology::{Device, HostPlan, IpNet, RoutePlan, Way, check_address};

use super::{Change, LinkError, interface_on};
use crate::host::Surroundings;
use crate::lab::{
    LabError, MAIN_TABLE, Patience, address_message, inside, route_message, wait_for_addresses_in_host, with_netlink,
    world,
};
use crate::{Host, Segment};

impl Host {
    /// Gives the host another address on a segment, in the place of the one of the same subnet, or else of the first of the same family.
    /// The prefix length is that of the segment's subnet; routes stay. From then on [`Host::addr`], and the host's name on every host, mean
    /// the new one; what was drawn for the old one, as a forwarded port of a router, does not follow.
    ///
    /// # Errors
    /// For an address that could not be drawn either: of no subnet of the segment, none that a host can have, or one that another host
    /// on the segment has.
    pub fn set_address(&self, segment: &Segment, address: impl Into<IpAddr>) -> Change {
        let address = address.into();
        let what = format!("give host `{}` the address {address} on segment `{}`", self.name(), segment.name());
        let (segment, host) = (segment.clone(), self.clone());
        Change::new(what.clone(), self, move |patience| {
            let nth = interface_on(&segment, &host)?;
            let new = in_subnet_of(&segment, address)?;
            let failed = |error| LinkError::failed(&what, error);
            {
                let _alone = host.surroundings().addressing();
                belongs_to_nobody_else(&segment, &host, address)?;
                replace(&host, nth, new).map_err(failed)?;
            }
            make_known(&host, patience).map_err(failed)
        })
    }

    /// Sends what no other route is for to a gateway, which is on a subnet of the host's.
    ///
    /// As with `gateway` in a drawing, this is instead of all routes of the same family, and in the same VRF, that follow from the drawing;
    /// those that were written with `route` stay, but for the default route. At no moment is there no way at all.
    ///
    /// # Errors
    /// For an address that could not be drawn either: of no subnet of the host's, none that a host can have, or its own.
    pub fn set_gateway(&self, gateway: impl Into<IpAddr>) -> Change {
        let gateway = gateway.into();
        let what = format!("make {gateway} the gateway of host `{}`", self.name());
        let host = self.clone();
        Change::new(what.clone(), self, move |_: Patience| {
            let interface = way_to(&host, gateway)?;
            route_all_through(&host, gateway, interface).map_err(|error| LinkError::failed(&what, error))
        })
    }
}

fn in_subnet_of(segment: &Segment, address: IpAddr) -> Result<IpNet, LinkError> {
    let subnet = segment.subnets().iter().find(|subnet| subnet.contains(&address));
    let outside = || LinkError::Outside { address, place: format!("segment `{}`", segment.name()) };
    let subnet = subnet.ok_or_else(outside)?;
    can_be_a_hosts(address, *subnet)?;
    IpNet::new(address, subnet.prefix_len()).map_err(|_| outside())
}

fn can_be_a_hosts(address: IpAddr, subnet: IpNet) -> Result<(), LinkError> {
    check_address(address, subnet.trunc()).map_err(|why| LinkError::Unusable { address, why })
}

/// As in a drawing, the addresses of a segment are those of its members, and those that a router translates to there.
fn belongs_to_nobody_else(segment: &Segment, host: &Host, address: IpAddr) -> Result<(), LinkError> {
    let surroundings = host.surroundings();
    let Surroundings { plan, hub, .. } = &**surroundings;
    for (number, other) in plan.hosts.iter().enumerate().filter(|(number, _)| *number != host.machine().number()) {
        let addresses = surroundings.addresses_of(number);
        let has = |nth: usize| {
            addresses[nth].iter().any(|own| own.addr() == address) || other.nat.source.contains(&(nth, address))
        };
        if (0..addresses.len()).any(|nth| has(nth) && hub.segment_of(plan, (number, nth)) == segment.number()) {
            return Err(LinkError::Taken { address, host: other.name.to_string() });
        }
    }
    Ok(())
}

/// The address whose place a new one takes.
fn predecessor(addresses: &[IpNet], new: &IpNet) -> Option<IpNet> {
    let same_subnet = addresses.iter().find(|old| new.contains(&old.addr()));
    let same_family = || addresses.iter().find(|old| old.addr().is_ipv4() == new.addr().is_ipv4());
    same_subnet.or_else(same_family).copied()
}

fn replace(host: &Host, nth: usize, new: IpNet) -> Result<(), LabError> {
    let surroundings = host.surroundings();
    let member = (host.machine().number(), nth);
    let old = predecessor(&surroundings.addresses_of(member.0)[nth], &new);
    if old == Some(new) {
        return Ok(());
    }
    // The host's kernel has no such interface, and no such address.
    if surroundings.hub.tap(member).is_none() {
        replace_in_kernel(host, nth, old, new)?;
    }
    surroundings.replace_address(member, old, new);
    Ok(())
}

fn replace_in_kernel(host: &Host, nth: usize, old: Option<IpNet>, new: IpNet) -> Result<(), LabError> {
    let index = host.surroundings().hub.index((host.machine().number(), nth));
    if new.addr().is_ipv4() {
        // Or the new address, which is the second of its subnet until the old one is gone, would go with it, and so would all routes.
        let name = host.plan().interfaces[nth].name.as_str();
        let path = format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
        inside(host.netns(), || {
            std::fs::write(&path, "1").map_err(|source| LabError::File { path: path.clone(), source })
        })?;
    }
    with_netlink(host.netns(), &place(host), |netlink| {
        netlink.add_address("give an address", address_message(index, &new))?;
        match old {
            Some(old) => netlink.delete_address("take an address away", address_message(index, &old)),
            None => Ok(()),
        }
    })
}

/// Names lead to the new address, and it can be used.
fn make_known(host: &Host, patience: Patience) -> Result<(), LabError> {
    world::write_hosts(&host.surroundings().labs)?;
    wait_for_addresses_in_host(host.netns(), &place(host), patience)
}

/// The interface that a gateway is reached through.
fn way_to(host: &Host, gateway: IpAddr) -> Result<usize, LinkError> {
    let interfaces = host.surroundings().addresses_of(host.machine().number());
    let own = |subnet: &IpNet| subnet.addr() == gateway;
    if interfaces.iter().flatten().any(own) {
        return Err(LinkError::OwnGateway { address: gateway, host: host.name().to_owned() });
    }
    let speaks = |nth: usize| host.plan().interfaces[nth].device != Device::Tap;
    let on_link = interfaces.iter().enumerate().filter(|(nth, _)| speaks(*nth)).find_map(|(nth, subnets)| {
        let subnet = subnets.iter().find(|subnet| subnet.contains(&gateway))?;
        Some((nth, *subnet))
    });
    let outside = || LinkError::Outside { address: gateway, place: format!("host `{}`", host.name()) };
    let (nth, subnet) = on_link.ok_or_else(outside)?;
    can_be_a_hosts(gateway, subnet)?;
    Ok(nth)
}

/// In one batch, and the default route first: there is always a way.
fn route_all_through(host: &Host, gateway: IpAddr, interface: usize) -> Result<(), LabError> {
    let anywhere = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let anywhere: IpNet = anywhere.parse().expect("a prefix of nothing");
    let (number, plan) = (host.machine().number(), host.plan());
    let hub = &host.surroundings().hub;
    let way_out = |nth: usize| (hub.index((number, nth)), table(plan, nth));
    let request = |to: &IpNet, way: Way| route_message(to, way, way_out);
    with_netlink(host.netns(), &place(host), |netlink| {
        netlink.replace_route("replace the default route", request(&anywhere, Way::via(gateway, interface)))?;
        for RoutePlan { to, way, .. } in following(plan, gateway, table(plan, interface)) {
            netlink.forget_route("take away a route that follows from the drawing", request(to, *way))?;
        }
        Ok(())
    })
}

/// The routes of the same family and table that follow from the drawing, but for the default route, which has been replaced.
fn following(plan: &HostPlan, gateway: IpAddr, of_table: u32) -> impl Iterator<Item = &RoutePlan> {
    let ours = plan.routes.iter().filter(move |route| {
        !route.written && route.to.addr().is_ipv4() == gateway.is_ipv4() && route.to.prefix_len() > 0
    });
    ours.filter(move |route| matches!(route.way, Way::Via { interface, .. } if table(plan, interface) == of_table))
}

/// The table for routes through an interface.
fn table(plan: &HostPlan, interface: usize) -> u32 {
    plan.interfaces[interface].vrf.map_or(MAIN_TABLE, |vrf| plan.vrfs[vrf].table)
}

fn place(host: &Host) -> String {
    format!("host {}", host.name())
}
