//! What is done in a host's namespace once its cables are there.

use std::net::IpAddr;

use netns_test_topology::{BondMode, Device, Feature, HostPlan, InterfacePlan, Plan, Way};
use rtnetlink::packet_route::link::{BondMode as Mode, InfoBond, InfoData, InfoKind, InfoVrf, LinkMessage};

use super::indices::{Indices, LOOPBACK};
use super::message::{MAIN_TABLE, address, end_of_table, link, neighbour, of_kind, route, spare_address, up};
use super::site::Site;
use super::switch::host_end;
use super::{at_host, place, upper};
use crate::lab::carrier::{Awaited, Carrier, Patience};
use crate::lab::error::device;
use crate::lab::netlink::NetlinkError;
use crate::lab::{LabError, carrier};

/// How often a bond looks whether its legs are up, in milliseconds.
const MONITORING: u32 = 100;

/// Makes what the host makes by itself, gives the addresses, and brings everything up.
pub(super) fn configure(plan: &Plan, indices: &Indices, site: &mut Site<'_>) -> Result<(), LabError> {
    let host = site.host;
    make_vrfs(indices, site)?;
    make_bonds(indices, site)?;
    upper::make(plan, indices, site)?;
    address_and_raise(indices, site).map_err(|source| at_host(host, source))
}

fn make_vrfs(indices: &Indices, site: &mut Site<'_>) -> Result<(), LabError> {
    let host = site.host;
    for (nth, vrf) in host.vrfs.iter().enumerate() {
        let index = indices.vrf(site.number, nth);
        let data = InfoData::Vrf(vec![InfoVrf::TableId(vrf.table)]);
        let request = of_kind(link(index).name(vrf.name.as_str()), InfoKind::Vrf, Some(data));
        let made = site.netlink.create_link("make a VRF", request).and_then(|()| site.netlink.settle());
        made.map_err(|source| device(Feature::Vrf, &place(host), source))?;
        raise_vrf(site, index, vrf.table).map_err(|source| at_host(host, source))?;
    }
    Ok(())
}

fn raise_vrf(site: &mut Site<'_>, index: u32, table: u32) -> Result<(), NetlinkError> {
    site.netlink.set_link("bring up a VRF", up(index))?;
    site.netlink.add_route("end the table of a VRF", end_of_table(table, false))?;
    if site.host.has_ipv6() {
        site.netlink.add_route("end the table of a VRF", end_of_table(table, true))?;
    }
    Ok(())
}

fn make_bonds(indices: &Indices, site: &mut Site<'_>) -> Result<(), LabError> {
    let host = site.host;
    for (nth, interface) in host.interfaces.iter().enumerate() {
        let Device::Bond { legs, mode } = interface.device else { continue };
        let index = indices.interface(site.number, nth);
        let request = bond(interface, index, mode);
        let made = site.netlink.create_link("make a bond", request).and_then(|()| site.netlink.settle());
        made.map_err(|source| device(Feature::Bond, &place(host), source))?;
        for leg in 0..legs {
            let leg = link(indices.leg(site.number, nth, leg)).controller(index).build();
            site.netlink.set_link("add a leg to a bond", leg).map_err(|source| at_host(host, source))?;
        }
    }
    Ok(())
}

fn bond(interface: &InterfacePlan, index: u32, mode: BondMode) -> LinkMessage {
    let mode = match mode {
        BondMode::BalanceRoundRobin => Mode::BalanceRr,
        BondMode::BalanceXor => Mode::BalanceXor,
        BondMode::Broadcast => Mode::Broadcast,
        BondMode::Lacp => Mode::Ieee8023Ad,
        BondMode::BalanceTlb => Mode::BalanceTlb,
        BondMode::BalanceAlb => Mode::BalanceAlb,
        _ => Mode::ActiveBackup,
    };
    let data = InfoData::Bond(vec![InfoBond::Mode(mode), InfoBond::MiiMon(MONITORING)]);
    of_kind(host_end(interface, index), InfoKind::Bond, Some(data))
}

fn address_and_raise(indices: &Indices, site: &mut Site<'_>) -> Result<(), NetlinkError> {
    let (number, host, netlink) = (site.number, site.host, &mut site.netlink);
    netlink.set_link("bring up the loopback", up(LOOPBACK))?;
    for (nth, interface) in of_the_kernel(host) {
        let index = indices.interface(number, nth);
        if let Some(vrf) = interface.vrf {
            netlink
                .set_link("put an interface into a VRF", link(index).controller(indices.vrf(number, vrf)).build())?;
        }
        for subnet in &interface.addresses {
            netlink.add_address("give an address", address(index, subnet))?;
        }
        for spare in to_be_sources(host, nth) {
            netlink.add_address("give an address for translation", spare_address(index, spare))?;
        }
    }
    raise(indices, site, |interface| interface.lower.is_none())
}

fn raise(indices: &Indices, site: &mut Site<'_>, wanted: impl Fn(&InterfacePlan) -> bool) -> Result<(), NetlinkError> {
    for (nth, _) in of_the_kernel(site.host).filter(|(_, interface)| wanted(interface)) {
        site.netlink.set_link("bring up an interface", up(indices.interface(site.number, nth)))?;
    }
    site.netlink.settle()
}

/// Addresses that translated packets come from on an interface, and that are not its own: answers have to find it.
fn to_be_sources(host: &HostPlan, nth: usize) -> impl Iterator<Item = IpAddr> {
    let own = &host.interfaces[nth].addresses;
    let there = host.nat.source.iter().filter(move |&&(interface, _)| interface == nth).map(|&(_, address)| address);
    there.filter(|address| !own.iter().any(|own| own.addr() == *address))
}

/// The interfaces that the host's kernel speaks on: those that are no file of the test's.
pub(super) fn of_the_kernel(host: &HostPlan) -> impl Iterator<Item = (usize, &InterfacePlan)> {
    host.interfaces.iter().enumerate().filter(|(_, interface)| interface.device != Device::Tap)
}

/// Waits until the host's cables carry packets.
pub(super) fn wait_for_cables(
    plan: &Plan,
    indices: &Indices,
    site: &mut Site<'_>,
    patience: Patience,
) -> Result<(), LabError> {
    wait(plan, indices, site, patience, |interface| interface.lower.is_none())
}

/// Brings up what is over other interfaces, and waits for it; then come the routes, which need that.
///
/// Not before all cables of the lab carry packets: whatever these say by themselves would ask for neighbours that do not hear it yet, and
/// the next question comes a second later.
pub(super) fn finish(plan: &Plan, indices: &Indices, site: &mut Site<'_>, patience: Patience) -> Result<(), LabError> {
    let host = site.host;
    if host.interfaces.iter().any(|interface| interface.lower.is_some()) {
        raise(indices, site, |interface| interface.lower.is_some()).map_err(|source| at_host(host, source))?;
        wait(plan, indices, site, patience, |interface| interface.lower.is_some())?;
    }
    if host.has_ipv6() {
        carrier::wait_for_addresses(&mut site.netlink, &place(host), patience)?;
    }
    give_routes(indices, site).map_err(|source| at_host(host, source))
}

fn wait(
    plan: &Plan,
    indices: &Indices,
    site: &mut Site<'_>,
    patience: Patience,
    wanted: impl Fn(&InterfacePlan) -> bool,
) -> Result<(), LabError> {
    let host = site.host;
    let links = of_the_kernel(host).filter(|(_, interface)| wanted(interface));
    let awaited = |nth| (indices.interface(site.number, nth), Awaited::interface(plan, (site.number, nth)));
    let links = links.map(|(nth, _)| awaited(nth)).collect();
    carrier::wait(&mut site.netlink, &place(host), links, Carrier::There, patience)
}

fn give_routes(indices: &Indices, site: &mut Site<'_>) -> Result<(), NetlinkError> {
    let (number, host, netlink) = (site.number, site.host, &mut site.netlink);
    for neighbour_plan in &host.neighbours {
        let index = indices.interface(number, neighbour_plan.interface);
        let request = neighbour(index, neighbour_plan.address, neighbour_plan.mac);
        netlink.add_neighbour("add a static neighbour", request)?;
    }
    let way_out = |nth: usize| (indices.interface(number, nth), table(host, nth));
    for plan in &host.routes {
        let what = if matches!(plan.way, Way::Via { .. }) { "add a route" } else { "add a route that refuses" };
        netlink.add_route(what, route(&plan.to, plan.way, way_out))?;
    }
    netlink.settle()
}

/// The table for routes through an interface.
fn table(host: &HostPlan, interface: usize) -> u32 {
    host.interfaces[interface].vrf.map_or(MAIN_TABLE, |vrf| host.vrfs[vrf].table)
}
