//! Links with their addresses, neighbours and queueing disciplines, as the kernel lists them (rtnetlink(7)).

use std::collections::BTreeMap;
use std::net::IpAddr;

use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use rtnetlink::packet_route::neighbour::NeighbourState;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use super::Section;
use crate::kernel::{self, dump};

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// What kind of device it is, if it was made.
    pub(crate) kind: Option<String>,
    pub(crate) is_up: bool,
    pub(crate) has_carrier: bool,
    /// All its flags, as the kernel's headers call them.
    pub(crate) flags: String,
    pub(crate) mtu: u32,
    pub(crate) mac: String,
    /// The bridge, bond or VRF that it belongs to.
    pub(crate) controller: Option<String>,
    /// The link that it is on top of.
    pub(crate) lower: Option<String>,
    pub(crate) received: Count,
    pub(crate) sent: Count,
    pub(crate) addresses: Vec<Address>,
}

/// What a link has received, or sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) dropped: u64,
    pub(crate) errors: u64,
}

/// An address of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    pub(crate) prefix_length: u8,
    /// What keeps it from being used as any other.
    pub(crate) notes: Vec<&'static str>,
}

/// A neighbour of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) address: IpAddr,
    pub(crate) link: String,
    pub(crate) mac: Option<String>,
    pub(crate) state: String,
    /// Whether it was asked for and has not answered.
    pub(crate) is_silent: bool,
}

/// A queueing discipline of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Qdisc {
    pub(crate) kind: String,
    pub(crate) link: String,
    pub(crate) packets: u32,
    pub(crate) dropped: u32,
    /// What is waiting in it, in bytes.
    pub(crate) backlog: u32,
}

/// All links of the namespace that this thread is in, but for those that nobody has asked for.
pub(super) fn read() -> Section<Vec<Link>> {
    let messages = messages(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let links: Vec<LinkMessage> = messages
        .into_iter()
        .filter_map(|message| match message {
            RouteNetlinkMessage::NewLink(link) => Some(link),
            _ => None,
        })
        .collect();
    let names: BTreeMap<u32, String> = links.iter().map(|link| (link.header.index, name(link))).collect();
    let mut addresses = addresses()?;
    let links = links.iter().filter(|link| !is_fallback(link)).map(|message| {
        let addresses = addresses.remove(&message.header.index).unwrap_or_default();
        Link { addresses, ..link(message, &names) }
    });
    Ok(links.collect())
}

/// The names of links by their indices.
pub(super) fn names(links: &[Link]) -> BTreeMap<u32, String> {
    links.iter().map(|link| (link.index, link.name.clone())).collect()
}

/// What a link is called; its index, if it is elsewhere.
pub(super) fn name_of(names: &BTreeMap<u32, String>, index: u32) -> String {
    names.get(&index).cloned().unwrap_or_else(|| format!("#{index}"))
}

/// All that a routing socket of the namespace that this thread is in answers.
pub(super) fn messages(request: &RouteNetlinkMessage) -> Section<Vec<RouteNetlinkMessage>> {
    dump(NETLINK_ROUTE, request).map_err(|error| error.to_string())
}

/// An address of the link layer, as ip-link(8) shows it.
pub(super) fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// Whether this is one of the devices that some kernels put into every new namespace, and nobody uses it (`fb_tunnels_only_for_init_net`).
fn is_fallback(link: &LinkMessage) -> bool {
    const NAMES: [&str; 9] =
        ["tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"];
    !link.header.flags.contains(LinkFlags::Up) && NAMES.contains(&name(link).as_str())
}

pub(super) fn name(link: &LinkMessage) -> String {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap_or_else(|| format!("#{}", link.header.index))
}

fn link(message: &LinkMessage, names: &BTreeMap<u32, String>) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: name(message),
        kind: None,
        is_up: flags.contains(LinkFlags::Up),
        has_carrier: flags.contains(LinkFlags::LowerUp),
        flags: flags.to_string(),
        mtu: 0,
        mac: String::new(),
        controller: None,
        lower: None,
        received: Count::default(),
        sent: Count::default(),
        addresses: Vec::new(),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Address(bytes) => link.mac = mac(bytes),
            LinkAttribute::Controller(index) => link.controller = Some(name_of(names, *index)),
            // Of a veth it is the other end, which has its index elsewhere.
            LinkAttribute::Link(index) if *index != 0 => link.lower = names.get(index).cloned(),
            LinkAttribute::LinkInfo(infos) => {
                link.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            LinkAttribute::Stats64(of) => {
                link.received =
                    Count { packets: of.rx_packets, bytes: of.rx_bytes, dropped: of.rx_dropped, errors: of.rx_errors };
                link.sent =
                    Count { packets: of.tx_packets, bytes: of.tx_bytes, dropped: of.tx_dropped, errors: of.tx_errors };
            }
            _ => {}
        }
    }
    link
}

/// The addresses of each link.
fn addresses() -> Section<BTreeMap<u32, Vec<Address>>> {
    let mut addresses: BTreeMap<u32, Vec<Address>> = BTreeMap::new();
    for message in messages(&RouteNetlinkMessage::GetAddress(AddressMessage::default()))? {
        let RouteNetlinkMessage::NewAddress(message) = message else { continue };
        let (mut local, mut peer, mut notes) = (None, None, Vec::new());
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => local = Some(*address),
                AddressAttribute::Address(address) => peer = Some(*address),
                AddressAttribute::Flags(flags) => notes = notes_of(*flags),
                _ => {}
            }
        }
        // The other end's, where there are two; its own, if it is the only one.
        if let Some(address) = local.or(peer) {
            let address = Address { ip: address, prefix_length: message.header.prefix_len, notes };
            addresses.entry(message.header.index).or_default().push(address);
        }
    }
    Ok(addresses)
}

fn notes_of(flags: AddressFlags) -> Vec<&'static str> {
    let notes = [
        (AddressFlags::Tentative, "tentative"),
        (AddressFlags::Dadfailed, "somebody else has it"),
        (AddressFlags::Deprecated, "deprecated"),
    ];
    notes.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, note)| note).collect()
}

/// The neighbours of the namespace that this thread is in: those that need no asking are always there.
pub(super) fn neighbours(names: &BTreeMap<u32, String>) -> Section<Vec<Neighbour>> {
    let all = kernel::neighbours().map_err(|error| error.to_string())?;
    let asked_for = all.into_iter().filter(|neighbour| neighbour.state != NeighbourState::Noarp);
    let told = asked_for.map(|kernel::Neighbour { interface, address, mac: bytes, state }| Neighbour {
        address,
        link: name_of(names, interface),
        mac: bytes.as_deref().map(mac),
        state: state.to_string(),
        is_silent: matches!(state, NeighbourState::Incomplete | NeighbourState::Failed),
    });
    Ok(told.collect())
}

/// The queueing disciplines of the namespace that this thread is in. Those that the kernel has chosen have no handle.
pub(super) fn qdiscs(names: &BTreeMap<u32, String>) -> Section<Vec<Qdisc>> {
    let messages = messages(&RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default()))?;
    let qdiscs = messages.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewQueueDiscipline(message) if message.header.handle != TcHandle::default() => {
            Some(qdisc(&message, names))
        }
        _ => None,
    });
    Ok(qdiscs.collect())
}

fn qdisc(message: &TcMessage, names: &BTreeMap<u32, String>) -> Qdisc {
    let link = name_of(names, message.header.index.cast_unsigned());
    let mut qdisc = Qdisc { kind: String::new(), link, packets: 0, dropped: 0, backlog: 0 };
    for attribute in &message.attributes {
        match attribute {
            TcAttribute::Kind(kind) => qdisc.kind.clone_from(kind),
            TcAttribute::Stats(of) => {
                (qdisc.packets, qdisc.dropped, qdisc.backlog) = (of.packets, of.drops, of.backlog);
            }
            _ => {}
        }
    }
    qdisc
}
