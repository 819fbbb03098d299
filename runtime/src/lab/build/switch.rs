//! Switches, and what is plugged into them. They are bridges in the namespace that the test was born in, the hub.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsRawFd, OwnedFd};

use netns_test_topology::{BridgePlan, Device, Feature, InterfacePlan, Plan, SegmentKind, SegmentPlan};
use rtnetlink::packet_route::link::{
    BridgeStpState, BridgeVlanInfoFlags, InfoBridge, InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoMacVtap,
    IpVlanMode, LinkMessage, MacVlanMode, MacVtapMode,
};
use rtnetlink::{LinkBridgeVlan, LinkMessageBuilder};

use super::indices::{Indices, LOOPBACK, Uplink};
use super::message::{Link, link, of_kind, switch_mac, up, veth, with_mac, with_mtu};
use super::site::Site;
use super::{interface_name, no_veth, request};
use crate::lab::baseline::Baseline;
use crate::lab::carrier::{Awaited, Carrier, Patience};
use crate::lab::error::device;
use crate::lab::netlink::Netlink;
use crate::lab::tap::Tap;
use crate::lab::{LabError, carrier};

/// Where the switches are.
pub(in crate::lab) const HUB: &str = "the switches";

/// The MTU of an Ethernet device that has been given none, in bytes (`ETH_DATA_LEN`).
const ETHERNET_MTU: u32 = 1500;

/// Taps by their interface: index of the host, index of the interface within the host.
pub(in crate::lab) type Taps = HashMap<(usize, usize), Tap>;

/// The namespace of this thread, with its loopback up.
pub(super) fn make_hub() -> Result<Netlink, LabError> {
    let in_hub = |source| request(HUB, source);
    let mut hub = Netlink::open().map_err(in_hub)?;
    hub.set_link("bring up the loopback", up(LOOPBACK)).map_err(in_hub)?;
    hub.settle().map_err(in_hub)?;
    Ok(hub)
}

/// The bridges. Not before the hosts' namespaces are there: on some machines those inherit the sysctls that are set here
/// (`net.core.devconf_inherit_init_net = 3`).
pub(super) fn make_switches(plan: &Plan, indices: &Indices, hub: &mut Netlink) -> Result<(), LabError> {
    if switches(plan).next().is_some() {
        Baseline::of_switches().apply()?;
    }
    for (number, segment, bridge) in switches(plan) {
        let index = indices.switch(number);
        let switch = link(index).name(format!("br{number}")).address(switch_mac(index));
        let knobs = Some(InfoData::Bridge(knobs(bridge)));
        let switch = of_kind(with_mtu(switch, segment.mtu), InfoKind::Bridge, knobs);
        hub.create_link("make a bridge", switch).map_err(|source| request(HUB, source))?;
    }
    hub.settle().map_err(|source| device(Feature::Bridge, HUB, source))?;
    // Many kernels have bridges, and not this.
    for (number, ..) in switches(plan).filter(|(.., bridge)| bridge.vlan_filtering) {
        let filtering = Some(InfoData::Bridge(vec![InfoBridge::VlanFiltering(true)]));
        let switch = of_kind(link(indices.switch(number)), InfoKind::Bridge, filtering);
        hub.change_link("let a bridge filter VLANs", switch).map_err(|source| request(HUB, source))?;
    }
    hub.settle().map_err(|source| device(Feature::VlanFiltering, HUB, source))
}

fn knobs(bridge: &BridgePlan) -> Vec<InfoBridge> {
    // In hundredths of a second. Without the spanning tree protocol there is nothing to wait for.
    let (stp, forward_delay) =
        if bridge.stp { (BridgeStpState::KernelStp, 200) } else { (BridgeStpState::Disabled, 0) };
    let mut knobs =
        vec![InfoBridge::ForwardDelay(forward_delay), InfoBridge::StpState(stp), InfoBridge::MulticastSnooping(false)];
    let ageing = bridge.ageing.map(|ageing| u32::try_from(ageing.as_millis() / 10).unwrap_or(u32::MAX));
    knobs.extend(ageing.map(InfoBridge::AgeingTime));
    knobs
}

/// The segments that are switches, with their numbers.
pub(super) fn switches(plan: &Plan) -> impl Iterator<Item = (usize, &SegmentPlan, &BridgePlan)> {
    plan.segments.iter().enumerate().filter_map(|(number, segment)| match &segment.kind {
        SegmentKind::Switch(bridge) => Some((number, segment, bridge)),
        _ => None,
    })
}

/// Plugs in everything that is on a switch: the other end of each cable is born in the host.
pub(super) fn plug_in(plan: &Plan, indices: &Indices, sites: &[Site<'_>], hub: &mut Netlink) -> Result<Taps, LabError> {
    let mut taps = Taps::new();
    for (number, segment, bridge) in switches(plan) {
        make_uplinks(plan, indices, number, segment, hub)?;
        for &(host, nth) in &segment.members {
            let interface = &plan.hosts[host].interfaces[nth];
            let site = &sites[host];
            let place = Member { host, nth, interface, switch: number, netns: &site.netns };
            match interface.device {
                Device::Plain => place.plug_in_veth(indices, segment, hub)?,
                Device::Bond { legs, .. } => {
                    (0..legs).try_for_each(|leg| place.plug_in_leg(indices, segment, leg, hub))?;
                }
                Device::Macvlan => place.stand_on(indices, Uplink::Mac, Feature::Macvlan, macvlan(), hub)?,
                Device::Macvtap => place.stand_on(indices, Uplink::Mac, Feature::Macvtap, macvtap(), hub)?,
                Device::Ipvlan => place.stand_on(indices, Uplink::Ip, Feature::Ipvlan, ipvlan(), hub)?,
                Device::Tap => _ = taps.insert((host, nth), place.plug_in_tap(indices, segment, hub)?),
                other => unreachable!("no rule lets {other:?} through"),
            }
        }
        hub.settle().map_err(|source| no_veth(HUB, source))?;
        if bridge.vlan_filtering {
            allow_vlans(plan, indices, number, segment, &taps, hub)?;
        }
    }
    Ok(taps)
}

/// An interface that is to be plugged into a switch.
struct Member<'a> {
    host: usize,
    /// Its index within the host.
    nth: usize,
    interface: &'a InterfacePlan,
    switch: usize,
    netns: &'a OwnedFd,
}

impl Member<'_> {
    fn plug_in_veth(&self, indices: &Indices, segment: &SegmentPlan, hub: &mut Netlink) -> Result<(), LabError> {
        let port = indices.port(self.host, self.nth);
        let name = port_name(indices, (self.host, self.nth), None);
        let end = host_end(self.interface, indices.interface(self.host, self.nth));
        self.cable(indices, segment, link(port).name(name).address(switch_mac(port)), end, hub)
    }

    fn plug_in_leg(
        &self,
        indices: &Indices,
        segment: &SegmentPlan,
        leg: u32,
        hub: &mut Netlink,
    ) -> Result<(), LabError> {
        let port = indices.leg_port(self.host, self.nth, leg);
        let name = port_name(indices, (self.host, self.nth), Some(leg));
        let end = link(indices.leg(self.host, self.nth, leg)).name(leg_name(self.nth, leg));
        let end = with_mtu(end, self.interface.mtu);
        self.cable(indices, segment, link(port).name(name).address(switch_mac(port)), end, hub)
    }

    fn cable(
        &self,
        indices: &Indices,
        segment: &SegmentPlan,
        port: Link,
        end: Link,
        hub: &mut Netlink,
    ) -> Result<(), LabError> {
        let port = with_mtu(port, port_mtu(self.interface, segment)).controller(indices.switch(self.switch));
        let end = end.setns_by_fd(self.netns.as_raw_fd());
        hub.create_link("make a veth pair", veth(port, end)).map_err(|source| no_veth(HUB, source))
    }

    fn stand_on(
        &self,
        indices: &Indices,
        uplink: Uplink,
        kind: Feature,
        (info, data): (InfoKind, InfoData),
        hub: &mut Netlink,
    ) -> Result<(), LabError> {
        let end = link(indices.interface(self.host, self.nth)).name(self.interface.name.as_str());
        // An ipvlan has the address of what it stands on.
        let end = if uplink == Uplink::Mac { with_mac(end, self.interface.mac) } else { end };
        let end = with_mtu(end, self.interface.mtu).link(indices.uplink(self.switch, uplink));
        let end = end.setns_by_fd(self.netns.as_raw_fd());
        hub.settle().map_err(|source| no_veth(HUB, source))?;
        hub.create_link("make a device on another", of_kind(end, info, Some(data)))
            .and_then(|()| hub.settle())
            .map_err(|source| device(kind, HUB, source))
    }

    fn plug_in_tap(&self, indices: &Indices, segment: &SegmentPlan, hub: &mut Netlink) -> Result<Tap, LabError> {
        let tap = Tap::make(&format!("p{}", indices.number(self.host, self.nth)))?;
        let port = with_mtu(link(tap.index), port_mtu(self.interface, segment));
        let port = port.address(switch_mac(tap.index)).controller(indices.switch(self.switch));
        hub.set_link("plug in a tap", port.build()).map_err(|source| request(HUB, source))?;
        Ok(tap)
    }
}

/// The end of a cable that is in a host: it has the interface's name.
pub(super) fn host_end(interface: &InterfacePlan, index: u32) -> Link {
    with_mtu(with_mac(link(index).name(interface.name.as_str()), interface.mac), interface.mtu)
}

/// What a leg of a bond is called.
pub(super) fn leg_name(nth: usize, leg: u32) -> String {
    format!("leg{nth}-{leg}")
}

/// What the port of an interface, or of a leg of it, is called.
fn port_name(indices: &Indices, (host, nth): (usize, usize), leg: Option<u32>) -> String {
    let leg = leg.map(|leg| format!("-{leg}")).unwrap_or_default();
    format!("p{}{leg}", indices.number(host, nth))
}

/// The ports whose other ends do without offloads: they do without, too, or a host would get what nobody has computed yet.
pub(super) fn ports_without_offload(plan: &Plan, indices: &Indices) -> Vec<String> {
    let mut names = Vec::new();
    for (_, segment, _) in switches(plan) {
        for &member in &segment.members {
            let interface = &plan.hosts[member.0].interfaces[member.1];
            match interface.device {
                _ if interface.offload => {}
                Device::Plain => names.push(port_name(indices, member, None)),
                Device::Bond { legs, .. } => {
                    names.extend((0..legs).map(|leg| port_name(indices, member, Some(leg))));
                }
                // Those that share a port have it as it is, and the end of a tap is a file.
                _ => {}
            }
        }
    }
    names
}

/// A port takes the largest frames of the two that it is between.
fn port_mtu(interface: &InterfacePlan, segment: &SegmentPlan) -> Option<u32> {
    let of_segment = segment.mtu.unwrap_or(ETHERNET_MTU);
    let mtu = interface.mtu.map_or(of_segment, |mtu| mtu.max(of_segment));
    (mtu != ETHERNET_MTU).then_some(mtu)
}

fn macvlan() -> (InfoKind, InfoData) {
    (InfoKind::MacVlan, InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Bridge)]))
}

fn macvtap() -> (InfoKind, InfoData) {
    (InfoKind::MacVtap, InfoData::MacVtap(vec![InfoMacVtap::Mode(MacVtapMode::Bridge)]))
}

fn ipvlan() -> (InfoKind, InfoData) {
    (InfoKind::IpVlan, InfoData::IpVlan(vec![InfoIpVlan::Mode(IpVlanMode::L2)]))
}

/// The kinds of device among the members of a switch that do not have a port each.
fn uplinks(plan: &Plan, segment: &SegmentPlan) -> BTreeSet<Uplink> {
    let devices = segment.members.iter().map(|&(host, nth)| plan.hosts[host].interfaces[nth].device);
    devices
        .filter_map(|device| match device {
            Device::Macvlan | Device::Macvtap => Some(Uplink::Mac),
            Device::Ipvlan => Some(Uplink::Ip),
            _ => None,
        })
        .collect()
}

fn make_uplinks(
    plan: &Plan,
    indices: &Indices,
    number: usize,
    segment: &SegmentPlan,
    hub: &mut Netlink,
) -> Result<(), LabError> {
    for kind in uplinks(plan, segment) {
        let (port, device) = (indices.uplink_port(number, kind), indices.uplink(number, kind));
        // Nothing that stands on it can have a larger MTU.
        let members = segment.members.iter().map(|&(host, nth)| &plan.hosts[host].interfaces[nth]);
        let mtu = members.filter_map(|interface| port_mtu(interface, segment)).max();
        let end = |index: u32, name: &str, mac: Vec<u8>| {
            with_mtu(link(index).name(format!("{name}{number}-{kind:?}")).address(mac), mtu)
        };
        // All ipvlans have the address of what they stand on.
        let shared = (kind == Uplink::Ip).then(|| mac_of_ipvlans(plan, segment)).flatten();
        let mac = shared.unwrap_or_else(|| switch_mac(device));
        let pair = veth(end(port, "u", switch_mac(port)).controller(indices.switch(number)), end(device, "d", mac));
        hub.create_link("make a veth pair", pair).map_err(|source| no_veth(HUB, source))?;
    }
    Ok(())
}

fn mac_of_ipvlans(plan: &Plan, segment: &SegmentPlan) -> Option<Vec<u8>> {
    let interfaces = segment.members.iter().map(|&(host, nth)| &plan.hosts[host].interfaces[nth]);
    let ipvlan = interfaces.into_iter().find(|interface| interface.device == Device::Ipvlan)?;
    Some(ipvlan.mac.0.to_vec())
}

/// The ports through which an interface on a switch is reached.
pub(in crate::lab) fn ports_of(
    plan: &Plan,
    indices: &Indices,
    taps: &Taps,
    switch: usize,
    (host, nth): (usize, usize),
) -> Vec<u32> {
    match plan.hosts[host].interfaces[nth].device {
        Device::Tap => vec![taps[&(host, nth)].index],
        Device::Bond { legs, .. } => (0..legs).map(|leg| indices.leg_port(host, nth, leg)).collect(),
        Device::Macvlan | Device::Macvtap => vec![indices.uplink_port(switch, Uplink::Mac)],
        Device::Ipvlan => vec![indices.uplink_port(switch, Uplink::Ip)],
        _ => vec![indices.port(host, nth)],
    }
}

/// Lets each port carry the VLANs that its host has on this segment, tagged, beside what has no tag.
fn allow_vlans(
    plan: &Plan,
    indices: &Indices,
    switch: usize,
    segment: &SegmentPlan,
    taps: &Taps,
    hub: &mut Netlink,
) -> Result<(), LabError> {
    for &member in &segment.members {
        let (host, nth) = member;
        let above = plan.hosts[host].interfaces.iter().filter(|interface| interface.lower == Some(nth));
        let ids = above.filter_map(|interface| match plan.segments[interface.segment].kind {
            SegmentKind::Vlan { id, .. } => Some(id),
            _ => None,
        });
        for id in ids {
            for port in ports_of(plan, indices, taps, switch, member) {
                hub.set_link("let a port carry a VLAN", carry_vlan(port, id)).map_err(|source| request(HUB, source))?;
            }
        }
    }
    hub.settle().map_err(|source| request(HUB, source))
}

fn carry_vlan(port: u32, id: u16) -> LinkMessage {
    let message: LinkMessageBuilder<LinkBridgeVlan> = LinkBridgeVlan::new(port).vlan(id, BridgeVlanInfoFlags::empty());
    message.build()
}

/// How many ports are brought up at a time: with their other ends as many links as a worker of the kernel looks at before it rests for a
/// second (`MAX_DO_DEV_PER_LOOP` in `net/core/link_watch.c`).
const AT_A_TIME: usize = 50;

/// Brings up the switches and all their ports, and waits until these forward. The hosts' ends are up.
pub(super) fn raise(
    plan: &Plan,
    indices: &Indices,
    taps: &Taps,
    hub: &mut Netlink,
    patience: Patience,
) -> Result<(), LabError> {
    let in_hub = |source| request(HUB, source);
    for (number, segment, _) in switches(plan) {
        hub.set_link("bring up a bridge", up(indices.switch(number))).map_err(in_hub)?;
        for kind in uplinks(plan, segment) {
            hub.set_link("bring up a device", up(indices.uplink(number, kind))).map_err(in_hub)?;
        }
    }
    for ports in ports(plan, indices, taps).chunks(AT_A_TIME) {
        for (port, _) in ports {
            hub.set_link("bring up the port of a bridge", up(*port)).map_err(in_hub)?;
        }
        hub.settle().map_err(in_hub)?;
        carrier::wait(hub, HUB, ports.iter().cloned().collect(), Carrier::There, patience)?;
    }
    Ok(())
}

/// Every port, with what to wait for.
fn ports(plan: &Plan, indices: &Indices, taps: &Taps) -> Vec<(u32, Awaited)> {
    let mut ports = Vec::new();
    for (number, segment, _) in switches(plan) {
        for &member in &segment.members {
            let awaited = Awaited {
                name: format!("the port of {}", interface_name(&plan.hosts[member.0], member.1)),
                is_veth: !taps.contains_key(&member),
            };
            let of_member = ports_of(plan, indices, taps, number, member);
            ports.extend(of_member.into_iter().map(|port| (port, awaited.clone())));
        }
    }
    ports
}
