//! Messages of the routing socket, rtnetlink(7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netns_test_topology::{IpNet, MacAddr, Way};
use rtnetlink::packet_core::DefaultNla;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, CacheInfo};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage, LinkProtoInfoBridge,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{RouteHeader, RouteMessage, RouteScope, RouteType};
use rtnetlink::{AddressMessageBuilder, LinkMessageBuilder, LinkUnspec, RouteMessageBuilder};

/// An attribute of a port that rtnetlink's messages have no name for here (`linux/if_link.h`).
const IFLA_BRPORT_ISOLATED: u16 = 33;

/// A link that is being described.
pub(crate) type Link = LinkMessageBuilder<LinkUnspec>;

/// A link with this index.
pub(crate) fn link(index: u32) -> Link {
    Link::default().index(index)
}

/// The request to bring up a link.
pub(in crate::lab) fn up(index: u32) -> LinkMessage {
    link(index).up().build()
}

/// The request to isolate a port of a bridge: between two that are, the bridge forwards nothing.
pub(in crate::lab) fn isolated(port: u32) -> LinkMessage {
    // As bridge(8) says it.
    let mut message = link(port).build();
    message.header.interface_family = AddressFamily::Bridge;
    let isolated = LinkProtoInfoBridge::Other(DefaultNla::new(IFLA_BRPORT_ISOLATED, vec![1]));
    message.attributes.push(LinkAttribute::ProtoInfoBridge(vec![isolated]));
    message
}

/// The request for a link of some kind.
pub(super) fn of_kind(link: Link, kind: InfoKind, data: Option<InfoData>) -> LinkMessage {
    let mut message = link.build();
    let data = data.map(LinkInfo::Data);
    message.attributes.push(LinkAttribute::LinkInfo([LinkInfo::Kind(kind)].into_iter().chain(data).collect()));
    message
}

/// The request for a veth pair.
pub(super) fn veth(end: Link, peer: Link) -> LinkMessage {
    of_kind(end, InfoKind::Veth, Some(InfoData::Veth(InfoVeth::Peer(peer.build()))))
}

/// Adds the MTU, if there is one.
pub(super) fn with_mtu(link: Link, mtu: Option<u32>) -> Link {
    match mtu {
        Some(mtu) => link.mtu(mtu),
        None => link,
    }
}

/// Adds the link-layer address.
pub(super) fn with_mac(link: Link, MacAddr(octets): MacAddr) -> Link {
    link.address(octets.to_vec())
}

/// Switches and their ports have addresses that no host has: the second octet differs.
pub(super) fn switch_mac(index: u32) -> Vec<u8> {
    let [a, b, c, d] = index.to_be_bytes();
    vec![0x02, 0x01, a, b, c, d]
}

/// The request for an address.
pub(crate) fn address(index: u32, address: &IpNet) -> AddressMessage {
    match address {
        IpNet::V4(v4) => {
            AddressMessageBuilder::<Ipv4Addr>::new().index(index).address(v4.addr(), v4.prefix_len()).build()
        }
        // Without `IFA_F_NODAD`: the baseline sees to it that there is no duplicate address detection, and an address with that flag
        // does not tell when it can be used (`carrier::wait_for_addresses`).
        IpNet::V6(v6) => {
            AddressMessageBuilder::<Ipv6Addr>::new().index(index).address(v6.addr(), v6.prefix_len()).build()
        }
    }
}

/// The request for an address that others find here, and that nothing is sent from unless it says so: it is deprecated (RFC 4862
/// section 5.5.4).
pub(super) fn spare_address(index: u32, spare: IpAddr) -> AddressMessage {
    let mut lifetimes = CacheInfo::default();
    (lifetimes.ifa_preferred, lifetimes.ifa_valid) = (0, u32::MAX);
    let mut message = address(index, &IpNet::from(spare));
    message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
    message
}

/// The request for a route.
pub(crate) fn route(to: &IpNet, way: Way, link: impl Fn(usize) -> (u32, u32)) -> RouteMessage {
    let mut message = RouteMessageBuilder::<IpAddr>::new();
    message = message.destination_prefix(to.addr(), to.prefix_len()).expect("a prefix length that was checked");
    message = match way {
        Way::Via { gateway, interface } => {
            let (index, table) = link(interface);
            let message = message.output_interface(index).table_id(table);
            message.gateway(gateway).expect("a gateway of the same family, which was checked")
        }
        _ => message.kind(RouteType::Unreachable).scope(RouteScope::Universe),
    };
    message.build()
}

/// The table of routes that are in no VRF.
pub(crate) const MAIN_TABLE: u32 = RouteHeader::RT_TABLE_MAIN as u32;

/// The request for the route that ends a VRF's table, in IPv4 or IPv6: what it has no route for is not looked for in the others.
pub(super) fn end_of_table(table: u32, ipv6: bool) -> RouteMessage {
    /// The metric that Documentation/networking/vrf.rst recommends: no other route has a higher one.
    const LAST: u32 = 4_278_198_272;
    let anywhere = if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let message = RouteMessageBuilder::<IpAddr>::new().destination_prefix(anywhere, 0).expect("a prefix of nothing");
    message.kind(RouteType::Unreachable).table_id(table).priority(LAST).build()
}

/// The request for a neighbour that is never asked for.
pub(super) fn neighbour(index: u32, address: IpAddr, MacAddr(octets): MacAddr) -> NeighbourMessage {
    let (family, destination) = match address {
        IpAddr::V4(v4) => (AddressFamily::Inet, NeighbourAddress::Inet(v4)),
        IpAddr::V6(v6) => (AddressFamily::Inet6, NeighbourAddress::Inet6(v6)),
    };
    let mut message = permanent(index, family);
    message.attributes.push(NeighbourAttribute::Destination(destination));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(octets.to_vec()));
    message
}

/// The request that a VXLAN sends frames for all, and for those it does not know, to this address too.
pub(super) fn flood(index: u32, to: IpAddr) -> NeighbourMessage {
    let mut message = permanent(index, AddressFamily::Bridge);
    message.header.state = NeighbourState::Other(0x80 | 0x40);
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(vec![0; 6]));
    message.attributes.push(NeighbourAttribute::Destination(match to {
        IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    }));
    message
}

fn permanent(index: u32, family: AddressFamily) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.header.kind = RouteType::Unspec;
    message
}
