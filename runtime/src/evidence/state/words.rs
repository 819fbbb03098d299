//! A state in words: all of it for a file, and what is looked at first for a screen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write};

use super::links::Count;
use super::programs::State;
use super::{Events, HostState, LabState, Link, Port, Program, Route, Section};
use crate::SocketInfo;
use crate::error::harmless;

/// How many lines the hosts on a screen have together.
const SCREEN: usize = 36;

/// How many ports and programs a screen has.
const SHOWN: usize = 8;

/// How many changes a screen has.
const CHANGES: usize = 6;

/// How many tracked connections a file has of each host, and how many of anything else: a test may have made very many.
const CONNECTIONS: usize = 50;
const MOST: usize = 500;

/// What is looked at first, of so many hosts: of those that are `concerned` first, by their names.
pub(in super::super) fn brief(state: &LabState, shown: usize, concerned: &BTreeSet<String>) -> String {
    let mut text = String::new();
    let shown = state.hosts.len().min(shown);
    let each = SCREEN / shown.max(1);
    let mut hosts: Vec<_> = state.hosts.iter().collect();
    if shown < hosts.len() {
        hosts.sort_by_key(|host| !concerned.contains(&host.name));
    }
    for host in &hosts[..shown] {
        let _ = writeln!(text, "  {}", host.name);
        let lines = brief_host(host);
        // A line that says how many are left out takes the place of one.
        let fits = if lines.len() < each { lines.len() } else { each - 2 };
        lines[..fits].iter().for_each(|line| _ = writeln!(text, "    {line}"));
        if fits < lines.len() {
            let _ = writeln!(text, "    and {} more lines", lines.len() - fits);
        }
    }
    match state.hosts.len() - shown {
        0 => {}
        1 => text.push_str("  and one more host\n"),
        rest => _ = writeln!(text, "  and {rest} more hosts"),
    }
    for switches in &state.switches {
        let (not_well, unknown) = match switches {
            Ok(ports) => (ports.iter().filter(|port| !port.is_well()).collect::<Vec<_>>(), None),
            Err(why) => (Vec::new(), Some(why)),
        };
        for port in not_well.iter().take(SHOWN) {
            let _ = writeln!(text, "  switch {port}");
        }
        tell_of_more(&mut text, not_well.len(), "ports that are not well");
        if let Some(why) = unknown {
            let _ = writeln!(text, "  the switches: unknown: {why}");
        }
    }
    for events in &state.events {
        text.push_str(&events_of(events, CHANGES));
    }
    match &state.programs {
        Ok(programs) => {
            // Those that run, and what was said last, are at the end.
            let first = programs.len().saturating_sub(SHOWN);
            tell_of_more(&mut text, programs.len(), "programs");
            programs[first..].iter().for_each(|program| _ = writeln!(text, "  {program}"));
        }
        Err(why) => _ = writeln!(text, "  the programs: unknown: {why}"),
    }
    text
}

/// Of so many, that there are more than are shown.
fn tell_of_more(text: &mut String, all: usize, what: &str) {
    if all > SHOWN {
        let _ = writeln!(text, "  {} more {what} are in the file", all - SHOWN);
    }
}

/// All of it.
pub(in super::super) fn all(state: &LabState) -> String {
    let mut text = String::new();
    for host in &state.hosts {
        let _ = writeln!(text, "  {}", host.name);
        match nothing_known(host) {
            Some(why) => _ = writeln!(text, "    unknown: {why}"),
            None => parts(host).iter().for_each(|part| text.push_str(&part.tell("    "))),
        }
    }
    for switches in &state.switches {
        text.push_str(&Part::new("the switches", switches, MOST, ToString::to_string).tell("  "));
    }
    for events in &state.events {
        text.push_str(&events_of(events, usize::MAX));
    }
    match &state.programs {
        Ok(programs) => {
            for program in programs {
                let _ = writeln!(text, "  {program}");
                program.said.iter().for_each(|said| _ = writeln!(text, "    | {}", harmless(&said.line)));
            }
        }
        Err(why) => _ = writeln!(text, "  the programs: unknown: {why}"),
    }
    text
}

/// Why nothing is known of a host, if that is so.
pub(in super::super) fn nothing_known(host: &HostState) -> Option<&str> {
    let HostState { links, routes, neighbours, .. } = host;
    let whys = [links.as_ref().err(), routes.as_ref().err(), neighbours.as_ref().err()];
    whys.windows(2).all(|two| two[0] == two[1]).then_some(())?;
    whys[0].map(String::as_str)
}

fn brief_host(host: &HostState) -> Vec<String> {
    if let Some(why) = nothing_known(host) {
        return vec![format!("unknown: {why}")];
    }
    let mut shown = Vec::new();
    let unknown = |what: &str, why: &str| format!("{what}: unknown: {why}");
    match &host.links {
        Ok(links) => shown.extend(links.iter().filter(|link| !is_plain_loopback(link)).map(brief_link)),
        Err(why) => shown.push(unknown("links", why)),
    }
    match &host.routes {
        Ok(routes) => shown.extend(brief_routes(routes)),
        Err(why) => shown.push(unknown("routes", why)),
    }
    match &host.neighbours {
        Ok(neighbours) => {
            let silent = neighbours.iter().filter(|neighbour| neighbour.is_silent);
            shown.extend(silent.map(|neighbour| format!("neigh  {neighbour}")));
        }
        Err(why) => shown.push(unknown("neighbours", why)),
    }
    match &host.rules {
        Ok(rules) => shown.extend(rules.iter().map(|rule| format!("rule   {rule}"))),
        Err(why) => shown.push(unknown("rules", why)),
    }
    match &host.counters {
        Ok(counters) if counters.is_empty() => {}
        Ok(counters) => {
            let counters: Vec<_> = counters.iter().map(ToString::to_string).collect();
            shown.push(format!("lost   {}", counters.join(", ")));
        }
        Err(why) => shown.push(unknown("counters", why)),
    }
    match &host.sysctls {
        Ok(sysctls) => shown.extend(sysctls.iter().map(|sysctl| format!("sysctl {sysctl}"))),
        Err(why) => shown.push(unknown("sysctls", why)),
    }
    match &host.traffic.firewall {
        Ok(rules) => {
            let dropping = rules.iter().flat_map(|rules| rules.lines()).filter(|rule| has_dropped(rule));
            shown.extend(dropping.map(|rule| format!("nft    {}", harmless(rule.trim()))));
        }
        Err(why) => shown.push(unknown("firewall", why)),
    }
    shown
}

/// Whether this line of a ruleset is a rule that has kept packets from passing, as far as it counts them.
fn has_dropped(rule: &str) -> bool {
    let counts = rule.contains("counter packets ") && !rule.contains("counter packets 0 ");
    counts && rule.split_whitespace().any(|word| word == "drop" || word == "reject")
}

/// Whether it is the loopback, as it always is.
fn is_plain_loopback(link: &Link) -> bool {
    link.name == "lo" && link.is_up && link.addresses.iter().all(|address| address.ip.is_loopback())
}

fn brief_link(link: &Link) -> String {
    let addresses: Vec<_> = link.addresses.iter().map(ToString::to_string).collect();
    let Link { name, mtu, received, sent, .. } = link;
    let (packets, dropped) = ((received.packets, sent.packets), received.dropped + sent.dropped);
    let state = state_of(link);
    let counts = format!("{} in, {} out, {dropped} dropped", packets.0, packets.1);
    format!("{name:<6} {state}, mtu {mtu}, {counts}  {}", addresses.join("  ")).trim_end().to_owned()
}

fn state_of(link: &Link) -> &'static str {
    match (link.is_up, link.has_carrier) {
        (true, true) => "up",
        (true, false) => "up, no carrier",
        (false, true) => "down",
        (false, false) => "down, no carrier",
    }
}

/// A line for each route, but for those to a link's own subnets: one for each link.
fn brief_routes(routes: &[Route]) -> Vec<String> {
    let mut own: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut others = Vec::new();
    for route in routes {
        match route.own_subnet() {
            Some(link) => own.entry(link).or_default().push(&route.destination),
            None => others.push(format!("route  {route}")),
        }
    }
    let own = own.into_iter().map(|(link, subnets)| format!("route  {} dev {link}", subnets.join(", ")));
    own.chain(others).collect()
}

/// A part of a state under its name, an item a line or several.
pub(in super::super) struct Part {
    pub(in super::super) name: &'static str,
    /// None if there is nothing of it, or why they are not known.
    pub(in super::super) lines: Section<Vec<String>>,
}

/// All of what is known of a host.
pub(in super::super) fn parts(host: &HostState) -> Vec<Part> {
    let firewall = host.traffic.firewall.as_ref().map_err(Clone::clone);
    let firewall: Section<Vec<&str>> = firewall.map(|rules| rules.iter().flat_map(|rules| rules.lines()).collect());
    let of_sysctls = "sysctls that are not as the lab has set them";
    let of_socket = |socket: &SocketInfo| {
        let peer = socket.remote.map(|peer| format!(" to {peer}")).unwrap_or_default();
        format!("{} {}{peer} {:?}", socket.protocol, socket.local, socket.state)
    };
    vec![
        Part::new("links", &host.links, MOST, all_of_link),
        Part::new("routes", &host.routes, MOST, ToString::to_string),
        Part::new("rules", &host.rules, MOST, ToString::to_string),
        Part::new("neighbours", &host.neighbours, MOST, ToString::to_string),
        Part::new("counters that tell of losses", &host.counters, MOST, ToString::to_string),
        Part::new(of_sysctls, &host.sysctls, MOST, ToString::to_string),
        Part::new("queueing disciplines", &host.qdiscs, MOST, ToString::to_string),
        Part::new("sockets", &host.traffic.sockets, MOST, of_socket),
        Part::new("tracked connections", &host.traffic.connections, CONNECTIONS, ToString::to_string),
        Part::new("firewall, as `nft list ruleset` tells it", &firewall, usize::MAX, ToString::to_string),
    ]
}

impl Part {
    fn new<T>(name: &'static str, items: &Section<Vec<T>>, most: usize, line: impl Fn(&T) -> String) -> Self {
        let lines = items.as_ref().map_err(Clone::clone).map(|items| {
            let mut lines = Vec::new();
            for item in items.iter().take(most) {
                lines.extend(line(item).lines().map(harmless_tabs));
            }
            lines.extend((items.len() > most).then(|| format!("and {} more", items.len() - most)));
            lines
        });
        Self { name, lines }
    }

    fn tell(&self, indent: &str) -> String {
        let Self { name, lines } = self;
        match lines {
            Ok(lines) if lines.is_empty() => String::new(),
            Ok(lines) => {
                let mut text = format!("{indent}{name}\n");
                for line in lines {
                    let _ = writeln!(text, "{indent}  {line}");
                }
                text
            }
            Err(why) => format!("{indent}{name}: unknown: {why}\n"),
        }
    }
}

fn all_of_link(link: &Link) -> String {
    let Link { name, index, mtu, mac, flags, received, sent, .. } = link;
    let kind = link.kind.as_ref().map(|kind| format!(", {kind}")).unwrap_or_default();
    let controller = link.controller.as_ref().map(|controller| format!(", in {controller}")).unwrap_or_default();
    let lower = link.lower.as_ref().map(|lower| format!(", on {lower}")).unwrap_or_default();
    let mut text =
        format!("{name:<6} {}, mtu {mtu}{kind}{controller}{lower}, {mac} (index {index}, {flags})", state_of(link));
    let _ = write!(text, "\n       in: {received}; out: {sent}");
    link.addresses.iter().for_each(|address| _ = write!(text, "\n       {address}"));
    text
}

fn events_of(events: &Section<Events>, most: usize) -> String {
    let Events { began, changes, weather, .. } = match events {
        Ok(events) => events,
        Err(why) => return format!("  what has happened: unknown: {why}\n"),
    };
    let mut text = String::new();
    let told = &changes[changes.len().saturating_sub(most)..];
    if !told.is_empty() {
        let before = match changes.len() - told.len() {
            0 => String::new(),
            more => format!(", the last after {more} more"),
        };
        let _ = writeln!(text, "  changes since the lab was made, {:.1?} ago{before}", began.elapsed());
        for change in told {
            let _ = writeln!(text, "    {change}");
        }
    }
    text + weather
}

/// A line that does nothing to a terminal, with indents as they are.
fn harmless_tabs(line: &str) -> String {
    line.chars()
        .map(|character| if character == '\t' { "  ".to_owned() } else { harmless(&character.to_string()) })
        .collect()
}

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, bytes, dropped, errors } = self;
        write!(f, "{packets} packets, {bytes} bytes, {dropped} dropped, {errors} errors")
    }
}

impl Display for super::Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix_length)?;
        self.notes.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

impl Display for super::Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, link, mac, state, .. } = self;
        write!(f, "{address} dev {link}")?;
        mac.iter().try_for_each(|mac| write!(f, " {mac}"))?;
        write!(f, " {state}")
    }
}

impl Display for super::Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.priority, self.words, if self.is_ipv6 { " (IPv6)" } else { "" })
    }
}

impl Display for super::Qdisc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, link, packets, dropped, backlog } = self;
        write!(f, "{kind} dev {link}, {packets} packets, {dropped} dropped, {backlog} bytes waiting")
    }
}

impl Display for super::Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, value, expected } = self;
        write!(f, "{path} is {value}, the lab has set {expected}")
    }
}

impl Port {
    /// Whether all that its host sends is forwarded.
    fn is_well(&self) -> bool {
        self.is_up && self.has_carrier && self.state == "forwarding" && !self.is_isolated
    }
}

impl Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, switch, host, is_up, has_carrier, state, is_isolated, dropped } = self;
        write!(f, "{switch}, port {name}")?;
        host.iter().try_for_each(|host| write!(f, " of {host}"))?;
        let plugged = if *is_up { "up" } else { "down (unplugged)" };
        let carrier = if *is_up && !has_carrier { ", no carrier" } else { "" };
        let isolated = if *is_isolated { ", isolated" } else { "" };
        write!(f, ": {plugged}{carrier}, {state}{isolated}, {dropped} dropped")
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, command, id, state, .. } = self;
        let does = match state {
            State::Running => "running",
            State::Stopped => "stopped",
            State::Ended => "ended",
        };
        write!(f, "{does} in {host}: {} (pid {id})", harmless(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_has_dropped_something_is_told_of() {
        assert!(has_dropped("\t\ttcp dport 80 counter packets 3 bytes 180 drop"));
        assert!(has_dropped("counter packets 12 bytes 180 reject with tcp reset"));
        for other in [
            "tcp dport 80 counter packets 0 bytes 0 drop",
            "tcp dport 80 drop",
            "counter packets 3 bytes 180 accept",
            "counter packets 3 bytes 180 jump drops",
        ] {
            assert!(!has_dropped(other), "{other}");
        }
    }
}
