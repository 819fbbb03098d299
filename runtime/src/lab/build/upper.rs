//! Interfaces that are over another of the same host, and those that lead nowhere.

use std::net::{IpAddr, Ipv4Addr};

use netns_test_topology::{Feature, HostPlan, InterfacePlan, IpNet, Plan, SegmentKind, VlanProtocol};
use rtnetlink::packet_route::link::{
    InfoData, InfoGre, InfoIpTunnel, InfoKind, InfoVlan, InfoVxlan, LinkMessage, VlanProtocol as Ethertype,
};

use super::indices::Indices;
use super::message::{Link, flood, link, of_kind, with_mac, with_mtu};
use super::site::Site;
use super::{at_host, place};
use crate::lab::LabError;
use crate::lab::error::device;
use crate::lab::netlink::NetlinkError;

/// The port of VXLAN (RFC 7348 section 5); the kernel's own default is an older one.
const VXLAN_PORT: u16 = 4789;

/// Makes the interfaces of a host that are neither cables nor stand on a device of the hub's.
pub(super) fn make(plan: &Plan, indices: &Indices, site: &mut Site<'_>) -> Result<(), LabError> {
    let host = site.host;
    for (nth, interface) in host.interfaces.iter().enumerate() {
        let Some((kind, request)) = request(plan, indices, site, nth, interface) else { continue };
        // At once, so that an error is that of this kind of device.
        let made = site.netlink.create_link("make an interface", request).and_then(|()| site.netlink.settle());
        made.map_err(|source| device(kind, &place(host), source))?;
        if matches!(plan.segments[interface.segment].kind, SegmentKind::Vxlan { .. }) {
            flood_to_others(plan, indices, site, nth).map_err(|source| at_host(host, source))?;
        }
    }
    Ok(())
}

fn request(
    plan: &Plan,
    indices: &Indices,
    site: &Site<'_>,
    nth: usize,
    interface: &InterfacePlan,
) -> Option<(Feature, LinkMessage)> {
    let end = || with_mtu(link(indices.interface(site.number, nth)).name(interface.name.as_str()), interface.mtu);
    let with_mac = |link: Link| with_mac(link, interface.mac);
    let lower = interface.lower.map(|lower| indices.interface(site.number, lower));
    let wanted = match plan.segments[interface.segment].kind {
        SegmentKind::Dummy => (Feature::Dummy, of_kind(with_mac(end()), InfoKind::Dummy, None)),
        SegmentKind::Vlan { id, protocol, .. } => {
            let ethertype = match protocol {
                VlanProtocol::Ieee8021Ad => Ethertype::Ieee8021Ad,
                _ => Ethertype::Ieee8021Q,
            };
            let data = InfoData::Vlan(vec![InfoVlan::Id(id), InfoVlan::Protocol(ethertype)]);
            (Feature::Vlan, of_kind(with_mac(end().link(lower?)), InfoKind::Vlan, Some(data)))
        }
        SegmentKind::Vxlan { vni, .. } => {
            let local = match underlay(site.host, interface)? {
                IpAddr::V4(v4) => InfoVxlan::Local(v4),
                IpAddr::V6(v6) => InfoVxlan::Local6(v6),
            };
            let data = vec![InfoVxlan::Id(vni), InfoVxlan::Link(lower?), local, InfoVxlan::Port(VXLAN_PORT)];
            (Feature::Vxlan, of_kind(with_mac(end()), InfoKind::Vxlan, Some(InfoData::Vxlan(data))))
        }
        SegmentKind::WireGuard { .. } => (Feature::Wireguard, of_kind(end(), InfoKind::Wireguard, None)),
        SegmentKind::Gre { .. } => {
            let (local, remote) = tunnel(plan, site, nth)?;
            let data = vec![InfoGre::Link(lower?), InfoGre::Local(local), InfoGre::Remote(remote), InfoGre::Ttl(64)];
            let data = [data, vec![InfoGre::PathMTUDiscovery(true)]].concat();
            (Feature::Gre, of_kind(end(), InfoKind::GreTun, Some(InfoData::GreTun(data))))
        }
        SegmentKind::Ipip { .. } => {
            let (local, remote) = tunnel(plan, site, nth)?;
            let data = vec![
                InfoIpTunnel::Link(lower?),
                InfoIpTunnel::Local(local.into()),
                InfoIpTunnel::Remote(remote.into()),
                InfoIpTunnel::Ttl(64),
                InfoIpTunnel::PMtuDisc(true),
            ];
            (Feature::Ipip, of_kind(end(), InfoKind::IpIp, Some(InfoData::IpTunnel(data))))
        }
        _ => return None,
    };
    Some(wanted)
}

/// The address under a tunnel's end: of the interface that it is over, v4 before v6.
pub(super) fn underlay(host: &HostPlan, interface: &InterfacePlan) -> Option<IpAddr> {
    let addresses = &host.interfaces[interface.lower?].addresses;
    addresses.iter().map(IpNet::addr).min_by_key(IpAddr::is_ipv6)
}

/// The addresses under all other interfaces of the same segment.
fn others<'a>(plan: &'a Plan, site: &Site<'_>, nth: usize) -> impl Iterator<Item = IpAddr> + use<'a> {
    let segment = &plan.segments[site.host.interfaces[nth].segment];
    let own = (site.number, nth);
    let others = segment.members.iter().filter(move |member| **member != own);
    others.filter_map(|&(host, nth)| underlay(&plan.hosts[host], &plan.hosts[host].interfaces[nth]))
}

/// Both ends of a tunnel of two.
fn tunnel(plan: &Plan, site: &Site<'_>, nth: usize) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let local = underlay(site.host, &site.host.interfaces[nth])?;
    let remote = others(plan, site, nth).next()?;
    match (local, remote) {
        (IpAddr::V4(local), IpAddr::V4(remote)) => Some((local, remote)),
        _ => None,
    }
}

/// What a VXLAN knows nobody for goes to all others: there need be no multicast under it.
fn flood_to_others(plan: &Plan, indices: &Indices, site: &mut Site<'_>, nth: usize) -> Result<(), NetlinkError> {
    let index = indices.interface(site.number, nth);
    for remote in others(plan, site, nth) {
        site.netlink.append_neighbour("tell a VXLAN of another end", flood(index, remote))?;
    }
    site.netlink.settle()
}
