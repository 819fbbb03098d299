//! Waiting until links can carry packets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netns_test_topology::{Device, Plan, SegmentKind};
use rtnetlink::packet_core::Nla;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags};
use rtnetlink::packet_route::link::{
    BridgePortState, InfoBridgePort, InfoPortData, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    LinkProtoInfoBridge, State,
};

use super::build::request;
use super::netlink::{Netlink, Wait};
use super::{LabError, Member};
use crate::harness::Waiting;
use crate::settings::Settings;

/// The attribute with a port's state, which rtnetlink's messages have no name for (`linux/if_link.h`).
const IFLA_BRPORT_STATE: u16 = 1;

/// How long links may take to come up, before it is an error. Longer than a test has by default: a machine that takes so long is busy with
/// other tests' labs, as a rule, whose links the kernel's workers take in turn, and it is for the test's deadline to say how long is too long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much longer for each of them: the kernel's workers take them one at a time, and take turns with those of other tests' labs.
const FOR_EACH: Duration = Duration::from_millis(50);

/// How long to wait, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    waited: Duration,
    deadline: Instant,
}

impl Patience {
    /// From now on, for so many links.
    pub(crate) fn new(settings: &Settings, links: u32) -> Self {
        let waited = settings.scaled(PATIENCE + links * FOR_EACH);
        Self { waited, deadline: Instant::now() + waited }
    }

    fn left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// What links are waited to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// They are operational: RFC 2863's `up`, and forwarding where they are ports of a bridge.
    There,
    /// They are not, as when a cable was pulled.
    Lost,
}

/// A link that is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    /// What to call it.
    pub(crate) name: String,
    /// Whether it is an end of a veth pair: its state is unknown as long as a worker of the kernel has not seen it. That of a tap is so for
    /// ever, and what a bridge says of a port does not tell which of them it is.
    pub(crate) is_veth: bool,
}

impl Awaited {
    /// An interface of a host, in that.
    pub(crate) fn interface(plan: &Plan, (host, nth): Member) -> Self {
        let host = &plan.hosts[host];
        let interface = &host.interfaces[nth];
        let is_cable = matches!(plan.segments[interface.segment].kind, SegmentKind::Wire | SegmentKind::Switch(_));
        Self {
            name: format!("{}:{}", host.name, interface.name),
            is_veth: is_cable && interface.device == Device::Plain,
        }
    }
}

/// Waits until each of the links, by their indices, has its carrier, or has lost it.
pub(super) fn wait(
    netlink: &mut Netlink,
    place: &str,
    links: HashMap<u32, Awaited>,
    carrier: Carrier,
    patience: Patience,
) -> Result<(), LabError> {
    let in_place = |source| request(place, source);
    let mut pending = links;
    if pending.is_empty() {
        return Ok(());
    }
    // Subscribed before the first look, so nothing happens in between.
    netlink.subscribe_to_links().map_err(in_place)?;
    look(netlink, carrier, &mut pending).map_err(in_place)?;
    let _waiting = (!pending.is_empty()).then(|| Waiting::new(format!("carrier in {place}")));
    while !pending.is_empty() {
        let strike = |link: LinkMessage| strike(carrier, &mut pending, &link);
        match netlink.wait_for_links(patience.left(), strike).map_err(in_place)? {
            // Events that are none of ours do not put the end off.
            Wait::Events if !patience.left().is_zero() => {}
            Wait::Overrun => look(netlink, carrier, &mut pending).map_err(in_place)?,
            Wait::Events | Wait::Expired => break,
        }
    }
    netlink.unsubscribe().map_err(in_place)?;
    if pending.is_empty() {
        return Ok(());
    }
    let mut names: Vec<_> = pending.into_values().map(|link| link.name).collect();
    names.sort();
    let (links, waited) = (names.join(", "), patience.waited);
    Err(match carrier {
        Carrier::There => LabError::NoCarrier { links, waited },
        Carrier::Lost => LabError::StillCarrier { links, waited },
    })
}

/// Waits until no IPv6 address is tentative any more.
///
/// There is no duplicate address detection, but a worker of the kernel ends it all the same, after it has joined the address's
/// solicited-node group (`addrconf_dad_work`). Before that nobody is told who has the address, and the first packet to it takes
/// a second, or on a busy machine never comes.
pub(super) fn wait_for_addresses(netlink: &mut Netlink, place: &str, patience: Patience) -> Result<(), LabError> {
    let in_place = |source| request(place, source);
    if tentative_addresses(netlink).map_err(in_place)?.is_empty() {
        return Ok(());
    }
    let _waiting = Waiting::new(format!("IPv6 addresses that can be used in {place}"));
    netlink.subscribe_to_ipv6_addresses().map_err(in_place)?;
    loop {
        // Read anew after subscribing: nothing happens in between.
        let tentative = tentative_addresses(netlink).map_err(in_place)?;
        if tentative.is_empty() {
            return netlink.unsubscribe().map_err(in_place);
        }
        if netlink.wait_for_links(patience.left(), |_| ()).map_err(in_place)? == Wait::Expired {
            let addresses = tentative.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(LabError::Tentative { place: place.to_owned(), addresses, waited: patience.waited });
        }
    }
}

fn tentative_addresses(netlink: &mut Netlink) -> Result<Vec<IpAddr>, super::netlink::NetlinkError> {
    let mut addresses = netlink.ipv6_addresses()?;
    addresses.retain(|message| message.header.flags.contains(AddressHeaderFlags::Tentative));
    let tentative =
        addresses.into_iter().flat_map(|message| message.attributes).filter_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(address),
            _ => None,
        });
    Ok(tentative.collect())
}

/// Reads the states.
fn look(
    netlink: &mut Netlink,
    carrier: Carrier,
    pending: &mut HashMap<u32, Awaited>,
) -> Result<(), super::netlink::NetlinkError> {
    let indices: Vec<u32> = pending.keys().copied().collect();
    netlink.links(&indices, |link| strike(carrier, pending, &link))
}

fn strike(carrier: Carrier, pending: &mut HashMap<u32, Awaited>, link: &LinkMessage) {
    let index = link.header.index;
    if pending.get(&index).is_some_and(|awaited| operational(awaited, link) == (carrier == Carrier::There)) {
        pending.remove(&index);
    }
}

/// A port may forward for a moment before its operational state is up, and be disabled by the next event (`br_port_carrier_check`): it has
/// to have both.
pub(crate) fn operational(awaited: &Awaited, link: &LinkMessage) -> bool {
    // The kernel shows RFC 2863's `up` as this flag, and `unknown` too (`dev_get_flags`).
    let up = link.header.flags.contains(LinkFlags::Running) && (is_up(link) || !awaited.is_veth);
    up && port_state(link).is_none_or(|state| state == BridgePortState::Forwarding)
}

fn is_up(link: &LinkMessage) -> bool {
    link.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::OperState(State::Up)))
}

/// The state of a port. What a bridge says of its ports has it in another place than what is said of all links.
fn port_state(link: &LinkMessage) -> Option<BridgePortState> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::ProtoInfoBridge(infos) => infos.iter().find_map(|info| match info {
            LinkProtoInfoBridge::Other(info) if info.kind() == IFLA_BRPORT_STATE && info.value_len() == 1 => {
                let mut state = [0];
                info.emit_value(&mut state);
                Some(BridgePortState::from(state[0]))
            }
            _ => None,
        }),
        LinkAttribute::LinkInfo(infos) => infos.iter().find_map(|info| match info {
            LinkInfo::PortData(InfoPortData::BridgePort(port)) => port.iter().find_map(|info| match info {
                InfoBridgePort::State(state) => Some(*state),
                _ => None,
            }),
            _ => None,
        }),
        _ => None,
    })
}
