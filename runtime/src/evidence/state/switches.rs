//! The ports of a lab's switches: whose they are, and whether frames pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{InfoBridgePort, InfoPortData, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};

use super::Section;
use super::links::{messages, name, name_of};
use crate::error::chain;
use crate::host::Surroundings;

/// A port of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its device.
    pub(crate) name: String,
    /// The segment that the switch is, or the device.
    pub(crate) switch: String,
    /// The host behind it, if that is a single one.
    pub(crate) host: Option<String>,
    /// The cable of that host is plugged in.
    pub(crate) is_up: bool,
    pub(crate) has_carrier: bool,
    /// What the switch does with frames there: `forwarding`, as it should be, or something else.
    pub(crate) state: String,
    /// Whether it forwards nothing between this and other such ports.
    pub(crate) is_isolated: bool,
    pub(crate) dropped: u64,
}

/// The ports of all switches of a lab.
pub(super) fn read(surroundings: &Arc<Surroundings>) -> Section<Vec<Port>> {
    let (hub, plan) = (&surroundings.hub, &surroundings.plan);
    let segments = || plan.segments.iter().enumerate();
    let owners: BTreeMap<u32, Arc<str>> = segments().flat_map(|(number, _)| hub.owners(plan, number)).collect();
    let ports = |number| hub.ports(plan, number).into_iter();
    let switches = segments().flat_map(|(number, segment)| ports(number).map(|port| (port, segment.name.as_str())));
    let switches: BTreeMap<u32, &str> = switches.collect();
    let asked = hub.inside(|| Ok(messages(&RouteNetlinkMessage::GetLink(LinkMessage::default()))));
    let links: Vec<LinkMessage> = asked
        .map_err(|error| chain(&error))??
        .into_iter()
        .filter_map(|message| match message {
            RouteNetlinkMessage::NewLink(link) => Some(link),
            _ => None,
        })
        .collect();
    let names: BTreeMap<u32, String> = links.iter().map(|link| (link.header.index, name(link))).collect();
    Ok(links.iter().filter_map(|link| port(link, &names, &switches, &owners)).collect())
}

fn port(
    link: &LinkMessage,
    names: &BTreeMap<u32, String>,
    switches: &BTreeMap<u32, &str>,
    owners: &BTreeMap<u32, Arc<str>>,
) -> Option<Port> {
    let index = link.header.index;
    let (mut switch, mut knobs, mut dropped) = (None, None, 0);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Controller(index) => switch = Some(name_of(names, *index)),
            LinkAttribute::Stats64(stats) => dropped = stats.rx_dropped + stats.tx_dropped,
            LinkAttribute::LinkInfo(infos) => {
                knobs = infos.iter().find_map(|info| match info {
                    LinkInfo::PortData(InfoPortData::BridgePort(knobs)) => Some(knobs),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    let (switch, knobs) = (switch?, knobs?);
    let state = knobs.iter().find_map(|knob| match knob {
        InfoBridgePort::State(state) => Some(state.to_string()),
        _ => None,
    });
    Some(Port {
        name: name(link),
        switch: switches.get(&index).map_or(switch, ToString::to_string),
        host: owners.get(&index).map(ToString::to_string),
        is_up: link.header.flags.contains(LinkFlags::Up),
        has_carrier: link.header.flags.contains(LinkFlags::LowerUp),
        state: state.unwrap_or_default(),
        is_isolated: knobs.contains(&InfoBridgePort::Isolated(true)),
        dropped,
    })
}
