//! Which VLANs a host's interfaces are in, and which the ports of a bridge carry (IEEE 802.1Q).

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    AfSpecBridge, BridgeVlanInfo, BridgeVlanInfoFlags, InfoData, InfoVlan, LinkAttribute, LinkExtentMask, LinkInfo,
    LinkMessage,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use super::dump;

/// A VLAN that a port of a bridge carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortVlan {
    pub(crate) id: u16,
    /// Whether what comes in without a tag is in it.
    pub(crate) is_pvid: bool,
    /// Whether it goes out without a tag.
    pub(crate) is_untagged: bool,
}

/// The VLANs of all ports of bridges in the namespace that this thread is in, by the kernel's index of the port.
pub(crate) fn port_vlans() -> io::Result<BTreeMap<u32, Vec<PortVlan>>> {
    let mut question = LinkMessage::default();
    question.header.interface_family = AddressFamily::Bridge;
    question.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::Brvlan]));
    let mut ports: BTreeMap<u32, Vec<PortVlan>> = BTreeMap::new();
    for link in links(question)? {
        for attribute in &link.attributes {
            let LinkAttribute::AfSpecBridge(all) = attribute else { continue };
            let vlans = all.iter().filter_map(|one| match one {
                AfSpecBridge::VlanInfo(BridgeVlanInfo { flags, vid }) => Some(PortVlan {
                    id: *vid,
                    is_pvid: flags.contains(BridgeVlanInfoFlags::Pvid),
                    is_untagged: flags.contains(BridgeVlanInfoFlags::Untagged),
                }),
                _ => None,
            });
            ports.entry(link.header.index).or_default().extend(vlans);
        }
    }
    Ok(ports)
}

/// An interface, as far as VLANs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VlanLink {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// None if it is no interface of a VLAN.
    pub(crate) id: Option<u16>,
    pub(crate) addresses: Vec<IpAddr>,
}

/// All interfaces of the namespace that this thread is in.
pub(crate) fn vlan_links() -> io::Result<Vec<VlanLink>> {
    let mut addresses: BTreeMap<u32, Vec<IpAddr>> = BTreeMap::new();
    for message in dump(NETLINK_ROUTE, &RouteNetlinkMessage::GetAddress(AddressMessage::default()))? {
        let RouteNetlinkMessage::NewAddress(message) = message else { continue };
        for attribute in &message.attributes {
            if let AddressAttribute::Local(address) | AddressAttribute::Address(address) = attribute {
                addresses.entry(message.header.index).or_default().push(*address);
            }
        }
    }
    let links = links(LinkMessage::default())?.into_iter().map(|link| {
        let (index, mut name, mut id) = (link.header.index, String::new(), None);
        for attribute in link.attributes {
            match attribute {
                LinkAttribute::IfName(own) => name = own,
                LinkAttribute::LinkInfo(all) => {
                    id = all.iter().find_map(|info| {
                        let LinkInfo::Data(InfoData::Vlan(data)) = info else { return None };
                        data.iter().find_map(|one| if let InfoVlan::Id(id) = one { Some(*id) } else { None })
                    });
                }
                _ => {}
            }
        }
        VlanLink { index, name, id, addresses: addresses.remove(&index).unwrap_or_default() }
    });
    Ok(links.collect())
}

fn links(question: LinkMessage) -> io::Result<Vec<LinkMessage>> {
    let answers = dump(NETLINK_ROUTE, &RouteNetlinkMessage::GetLink(question))?;
    let links = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewLink(link) => Some(link),
        _ => None,
    });
    Ok(links.collect())
}
