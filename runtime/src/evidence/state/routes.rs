//! Routes and the rules that choose among their tables (ip-route(8), ip-rule(8)).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHopFlags, RouteProtocol, RouteType,
    RouteVia,
};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Section;
use super::links::{messages, name_of};

const MAIN: u32 = RouteHeader::RT_TABLE_MAIN as u32;
const LOCAL: u32 = libc::RT_TABLE_LOCAL as u32;
const DEFAULT: u32 = libc::RT_TABLE_DEFAULT as u32;

/// Metrics that the kernel gives to routes of IPv6 that have none of their own: those to its own subnets, and the others
/// (`IP6_RT_PRIO_ADDRCONF`, `IP6_RT_PRIO_USER`).
const OF_IPV6: [u32; 2] = [256, 1024];

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) table: u32,
    /// What becomes of packets, if they are not sent on.
    pub(crate) kind: Option<String>,
    /// A prefix, or `default`.
    pub(crate) destination: String,
    /// By which ways; several, if they share the packets.
    pub(crate) ways: Vec<Way>,
    /// The address that is sent from, if somebody has said so.
    pub(crate) source: Option<String>,
    pub(crate) metric: Option<u32>,
    /// Whether the kernel has made it, for an address.
    pub(crate) is_the_kernels: bool,
}

/// A way that a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) gateway: Option<String>,
    pub(crate) link: Option<String>,
    /// Why it cannot be taken now.
    pub(crate) notes: Vec<&'static str>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) priority: u32,
    pub(crate) is_ipv6: bool,
    /// Whose packets, and what becomes of them, as ip-rule(8) says it.
    pub(crate) words: String,
}

/// The routes of all tables of the namespace that this thread is in, IPv4 first. What the kernel has made so that its own addresses are its
/// own is left out.
pub(super) fn read(names: &BTreeMap<u32, String>) -> Section<Vec<Route>> {
    let mut routes = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut request = RouteMessage::default();
        request.header.address_family = family;
        for message in messages(&RouteNetlinkMessage::GetRoute(request))? {
            let RouteNetlinkMessage::NewRoute(message) = message else { continue };
            if !is_of_own_addresses(&message) {
                routes.push(route(&message, names));
            }
        }
    }
    // Those that everybody uses first.
    routes.sort_by_key(|route| (route.table != MAIN, route.table));
    Ok(routes)
}

fn is_of_own_addresses(message: &RouteMessage) -> bool {
    let header = &message.header;
    let own = [RouteType::Local, RouteType::Broadcast, RouteType::Anycast, RouteType::Multicast];
    let is_own = own.contains(&header.kind) || table_of(message) == LOCAL;
    (is_own && header.protocol == RouteProtocol::Kernel) || header.flags.contains(RouteFlags::Cloned)
}

fn table_of(message: &RouteMessage) -> u32 {
    let table = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    table.unwrap_or_else(|| message.header.table.into())
}

fn route(message: &RouteMessage, names: &BTreeMap<u32, String>) -> Route {
    let header = &message.header;
    let mut destination = "default".to_owned();
    let (mut source, mut metric, mut ways) = (None, None, Vec::new());
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => {
                destination = format!("{}/{}", show(address), header.destination_prefix_length);
            }
            // Of its own the kernel makes routes with the only address that there is.
            RouteAttribute::PrefSource(address) if header.protocol != RouteProtocol::Kernel => {
                source = Some(show(address));
            }
            RouteAttribute::Priority(priority) => {
                let is_usual = header.address_family == AddressFamily::Inet6 && OF_IPV6.contains(priority);
                metric = (!is_usual).then_some(*priority);
            }
            RouteAttribute::MultiPath(hops) => {
                ways.extend(hops.iter().map(|hop| {
                    let is_down = hop.flags.intersects(RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown);
                    way(&hop.attributes, Some(hop.interface_index), is_down, names)
                }));
            }
            _ => {}
        }
    }
    if ways.is_empty() {
        let is_down = header.flags.intersects(RouteFlags::Dead | RouteFlags::Linkdown);
        ways.push(way(&message.attributes, None, is_down, names));
    }
    let kind = (header.kind != RouteType::Unicast).then(|| format!("{:?}", header.kind).to_lowercase());
    let is_the_kernels = header.protocol == RouteProtocol::Kernel;
    Route { table: table_of(message), kind, destination, ways, source, metric, is_the_kernels }
}

fn way(attributes: &[RouteAttribute], link: Option<u32>, is_down: bool, names: &BTreeMap<u32, String>) -> Way {
    let mut way = Way {
        gateway: None,
        link: link.map(|index| name_of(names, index)),
        notes: is_down.then_some("link is down").into_iter().collect(),
    };
    for attribute in attributes {
        match attribute {
            RouteAttribute::Gateway(address) => way.gateway = Some(show(address)),
            RouteAttribute::Via(RouteVia::Inet(v4)) => way.gateway = Some(v4.to_string()),
            RouteAttribute::Via(RouteVia::Inet6(v6)) => way.gateway = Some(v6.to_string()),
            RouteAttribute::Oif(index) => way.link = Some(name_of(names, *index)),
            _ => {}
        }
    }
    way
}

fn show(address: &RouteAddress) -> String {
    match address {
        RouteAddress::Inet(v4) => v4.to_string(),
        RouteAddress::Inet6(v6) => v6.to_string(),
        other => format!("{other:?}"),
    }
}

impl Route {
    /// The link whose own subnet this leads to, if it does that and nothing else.
    pub(super) fn own_subnet(&self) -> Option<&str> {
        match (&self.ways[..], &self.kind, self.metric) {
            ([Way { gateway: None, link: Some(link), notes }], None, None)
                if self.is_the_kernels && self.table == MAIN && notes.is_empty() =>
            {
                Some(link)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = &self.kind {
            write!(f, "{kind} ")?;
        }
        f.write_str(&self.destination)?;
        for (nth, way) in self.ways.iter().enumerate() {
            write!(f, "{}{way}", if nth == 0 { "" } else { " or" })?;
        }
        if let Some(source) = &self.source {
            write!(f, " src {source}")?;
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        if self.table == MAIN { Ok(()) } else { write!(f, " table {}", table_name(self.table)) }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gateway, link, notes } = self;
        gateway.iter().try_for_each(|gateway| write!(f, " via {gateway}"))?;
        link.iter().try_for_each(|link| write!(f, " dev {link}"))?;
        notes.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

fn table_name(table: u32) -> String {
    match table {
        MAIN => "main".to_owned(),
        LOCAL => "local".to_owned(),
        DEFAULT => "default".to_owned(),
        number => number.to_string(),
    }
}

/// The rules of the namespace that this thread is in, IPv4 first, without those that are there from the beginning.
pub(super) fn rules() -> Section<Vec<Rule>> {
    let mut rules = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut request = RuleMessage::default();
        request.header.family = family;
        for message in messages(&RouteNetlinkMessage::GetRule(request))? {
            if let RouteNetlinkMessage::NewRule(message) = message {
                rules.push(rule(&message));
            }
        }
    }
    rules.retain(|rule| !is_standard(rule));
    Ok(rules)
}

/// Whether it is one of those that a new namespace has (`fib_default_rules_init`, `fib6_rules_net_init`).
fn is_standard(rule: &Rule) -> bool {
    let standard = [(0, "from all lookup local"), (32766, "from all lookup main"), (32767, "from all lookup default")];
    standard.contains(&(rule.priority, &rule.words))
}

fn rule(message: &RuleMessage) -> Rule {
    let header = &message.header;
    let (mut priority, mut table) = (0, u32::from(header.table));
    let (mut from, mut to) = ("all".to_owned(), String::new());
    let (mut others, mut target) = (String::new(), String::new());
    let of_length = |address: &IpAddr, length: u8| {
        let is_one = length == if address.is_ipv4() { 32 } else { 128 };
        if is_one { address.to_string() } else { format!("{address}/{length}") }
    };
    for attribute in &message.attributes {
        let word = match attribute {
            RuleAttribute::Priority(number) => {
                priority = *number;
                continue;
            }
            RuleAttribute::Table(number) => {
                table = *number;
                continue;
            }
            RuleAttribute::Source(address) => {
                from = of_length(address, header.src_len);
                continue;
            }
            RuleAttribute::Destination(address) => {
                to = format!(" to {}", of_length(address, header.dst_len));
                continue;
            }
            RuleAttribute::Goto(number) => {
                target = format!(" goto {number}");
                continue;
            }
            RuleAttribute::Iifname(name) => format!("iif {name}"),
            RuleAttribute::Oifname(name) => format!("oif {name}"),
            RuleAttribute::FwMark(mark) => format!("fwmark {mark:#x}"),
            RuleAttribute::FwMask(mask) if *mask != u32::MAX => format!("mask {mask:#x}"),
            RuleAttribute::L3MDev(true) => "l3mdev".to_owned(),
            RuleAttribute::UidRange(range) => format!("uidrange {}-{}", range.start, range.end),
            RuleAttribute::IpProtocol(protocol) => format!("ipproto {protocol:?}").to_lowercase(),
            RuleAttribute::SourcePortRange(range) => format!("sport {}-{}", range.start, range.end),
            RuleAttribute::DestinationPortRange(range) => format!("dport {}-{}", range.start, range.end),
            RuleAttribute::SuppressPrefixLen(length) if *length != u32::MAX => {
                format!("suppress_prefixlength {length}")
            }
            _ => continue,
        };
        others = format!("{others} {word}");
    }
    let not = if header.flags.contains(RuleFlags::Invert) { "not " } else { "" };
    let action = match header.action {
        // A VRF's table is that of the device that a packet is of.
        RuleAction::ToTable if table == 0 => String::new(),
        RuleAction::ToTable => format!(" lookup {}", table_name(table)),
        RuleAction::Goto => target,
        other => format!(" {other:?}").to_lowercase(),
    };
    let words = format!("{not}from {from}{to}{others}{action}");
    Rule { priority, is_ipv6: header.family == AddressFamily::Inet6, words }
}
