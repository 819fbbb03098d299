//! Why a packet went no further, from what the kernel of the host says where it ended.

mod counted;
mod firewall;
mod link;
mod neighbour;
mod receiver;
mod routing;
mod said;
mod translation;
mod vlan;

use std::fmt;
use std::net::IpAddr;
use std::sync::OnceLock;

use netns_test_topology::IpNet;
pub(super) use said::icmp_name;

use counted::Counted;

use super::again::Again;
use super::map::Map;
use super::packet::Ip;
use super::way::{Packets, Sighting, Way};
use super::{Asked, Question};
use crate::Host;
use crate::capture::Direction;
use crate::kernel;
use crate::lab::inside;

/// Why a packet went no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    why: String,
    hint: Option<String>,
}

impl Cause {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    /// With the setting that it comes from, or what else there is to know.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Without the hint.
    pub(super) fn summary(&self) -> &str {
        &self.why
    }

    pub(super) fn unknown(what: impl fmt::Display) -> Self {
        Self::new(format!("{what}; why is not known"))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}

/// Whether it is the question that was lost, or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    There,
    Back,
}

impl Leg {
    fn name(self) -> &'static str {
        if self == Self::There { "it" } else { "its answer" }
    }
}

/// A packet that a host sends, or is to pass on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Going {
    to: IpAddr,
    from: Option<IpAddr>,
    /// The index of the interface that it has come in by, if it has.
    came_in: Option<u32>,
}

impl Going {
    /// What has come in, on its way.
    fn on(sighting: &Sighting) -> Self {
        let Ip { from, to, .. } = sighting.ip;
        let came_in = (!is_out(sighting)).then_some(sighting.interface);
        Self { to, from: Some(from), came_in }
    }

    /// The answer to what has come in.
    fn back(sighting: &Sighting) -> Self {
        Self { to: sighting.ip.from, from: Some(sighting.ip.to), came_in: None }
    }
}

/// Where causes are looked for.
pub(super) struct Scene<'a> {
    pub(super) map: Map<'a>,
    pub(super) packets: &'a Packets<'a>,
    pub(super) question: &'a Question,
    /// Its number among those of the lab that were followed.
    pub(super) nth: usize,
    /// How it is asked once more; not where the test goes on, which may not notice.
    pub(super) again: Option<Again>,
    /// What was counted when it was, where the packet ended.
    pub(super) counted: OnceLock<Counted>,
}

impl Scene<'_> {
    /// Nothing has left the host that asked.
    pub(super) fn not_sent(&self) -> Cause {
        let from = self.question.from.machine().number();
        let to = self.question.asking.to;
        if self.question.asking.asked == Asked::Neighbour
            && let Some((interface, _)) = self.packets.questions_of(from).find(|&(_, target)| target == to)
        {
            return match self.several_answer(from, to) {
                Some(several) => Cause::new(several),
                None => self.no_neighbour(from, interface, to),
            };
        }
        self.no_way(from, Going { to, from: self.question.asking.source, came_in: None })
            .or_else(|| self.table_is_full(from))
            .or_else(|| self.dropped_by_rule(from, None, &["output", "postrouting"]))
            .or_else(|| self.table_seems_full(from))
            .or_else(|| self.lost_on_its_way_out(from, to))
            .unwrap_or_else(|| self.unknown(from, format!("{} has a way to {to}", self.map.host(from))))
    }

    /// It has left a host, and was not seen again.
    pub(super) fn lost_on_the_wire(&self, leg: Leg, last: &Sighting) -> Cause {
        self.lost_on_the_link(leg, last)
    }

    /// It is in a host that it is not for.
    pub(super) fn stuck(&self, leg: Leg, last: &Sighting) -> Cause {
        let host = self.map.host(last.host);
        self.ran_out(last)
            .or_else(|| self.has_lost_its_address(last))
            .or_else(|| self.does_not_forward(leg, last))
            .or_else(|| self.is_from_itself(last))
            .or_else(|| self.wrong_way_in(last))
            .or_else(|| self.no_way(last.host, Going::on(last)))
            .or_else(|| {
                let cause = self.does_not_fit(last)?;
                Some(cause.hint("hint: the sender was not told, or the word was lost: ICMP \"fragmentation needed\" or \"packet too big\""))
            })
            .or_else(|| self.table_is_full(last.host))
            .or_else(|| self.dropped_by_rule(last.host, Some(&last.ip), &["ingress", "prerouting", "forward", "postrouting", "egress"]))
            .or_else(|| self.table_seems_full(last.host))
            .or_else(|| self.lost_on_its_way_out(last.host, last.ip.to))
            .unwrap_or_else(|| self.unknown(last.host, format!("{} died in {host}", leg.name())))
    }

    /// It has come to where it was to go, and no answer has left.
    pub(super) fn unanswered(&self, last: &Sighting) -> Cause {
        let host = self.map.host(last.host);
        self.is_from_itself(last)
            .or_else(|| self.wrong_way_in(last))
            .or_else(|| self.table_is_full(last.host))
            .or_else(|| self.no_way(last.host, Going::back(last)))
            // Whoever does not listen refuses, so a rule comes first; it may be for a host behind this one that it was.
            .or_else(|| self.dropped_by_rule(last.host, Some(&last.ip), EVERYWHERE))
            .or_else(|| self.table_seems_full(last.host))
            .or_else(|| self.looks_in_vain(last.host))
            .or_else(|| self.does_not_answer(last))
            .or_else(|| self.counted(last.host, Some(&last.ip)))
            .or_else(|| self.lost_on_its_way_out(last.host, last.ip.from))
            .unwrap_or_else(|| self.unknown(last.host, format!("it came to {host}, and no answer left there")))
    }

    /// The answer has come back to the host that asked.
    pub(super) fn not_taken(&self, way: &Way, last: &Sighting) -> Cause {
        let host = self.map.host(last.host);
        self.reset(way)
            .or_else(|| self.wrong_way_in(last))
            .or_else(|| self.answered_by_another(last))
            .or_else(|| self.dropped_by_rule(last.host, Some(&last.ip), &["ingress", "prerouting", "input"]))
            .unwrap_or_else(|| {
                self.unknown(last.host, format!("its answer came back to {host}, which did not take it"))
            })
    }

    /// How it is asked once more, and the host that does so, if it may be: it is noted that it is about to be.
    fn about_to_ask_again(&self) -> Option<(&Again, usize)> {
        let again = self.again.as_ref()?;
        self.map.0.followed.note_asked_again(self.nth);
        Some((again, again.host().unwrap_or_else(|| self.question.from.machine().number())))
    }

    /// Does something in a host's network namespace; nothing if that cannot be entered.
    fn in_host<T: Send>(&self, host: usize, f: impl FnOnce() -> T + Send) -> Option<T> {
        let host = self.host(host)?;
        inside(host.netns(), || Ok(f())).ok()
    }

    fn host(&self, host: usize) -> Option<Host> {
        let from = &self.question.from;
        let labs = from.surroundings().labs.all();
        let lab = labs.into_iter().find(|lab| std::sync::Arc::ptr_eq(lab.surroundings(), from.surroundings()))?;
        lab.hosts().get(host).cloned()
    }

    /// A sysctl of a host, by its path under `/proc/sys/net`.
    fn sysctl(&self, host: usize, path: &str) -> Option<String> {
        let text = self.in_host(host, || std::fs::read_to_string(format!("/proc/sys/net/{path}")).ok())??;
        Some(text.trim().to_owned())
    }

    fn number(&self, host: usize, path: &str) -> Option<u64> {
        self.sysctl(host, path)?.parse().ok()
    }

    /// The way that a host would send to an address; an error if it has none.
    ///
    /// Of a host with VRFs it is not known: which table is asked depends on where a packet came in.
    fn way_to(&self, host: usize, to: IpAddr) -> Option<std::io::Result<kernel::Hop>> {
        if !self.map.0.plan.hosts[host].vrfs.is_empty() {
            return None;
        }
        self.in_host(host, || kernel::lookup(to, None, None))
    }

    /// The way that a host would send a packet, by the rules that there are for those like it (ip-rule(8)); an error if it has none.
    fn way_of(&self, host: usize, going: Going) -> Option<std::io::Result<kernel::Hop>> {
        let Going { to, from, came_in } = going;
        // It can be asked only of what is the host's own, or has come in.
        let from = from.filter(|from| came_in.is_some() || self.owns(host, *from));
        if from.is_none() || (came_in.is_none() && !self.map.0.plan.hosts[host].vrfs.is_empty()) {
            return self.way_to(host, to);
        }
        match self.in_host(host, || kernel::lookup(to, from, came_in))? {
            // Whether that is so is another question.
            Err(error) if error.raw_os_error() == Some(libc::EXDEV) => self.way_to(host, to),
            way => Some(way),
        }
    }

    /// Whether an address is a host's own.
    pub(super) fn owns(&self, host: usize, address: IpAddr) -> bool {
        match self.way_to(host, address) {
            Some(way) => way.is_ok_and(|hop| hop.is_local),
            None => self.map.with_address(address).iter().any(|member| member.0 == host),
        }
    }

    /// The prefix of a host's interface that an address is in.
    fn prefix_over(&self, host: usize, interface: u32, address: IpAddr) -> Option<IpNet> {
        let (_, nth) = self.map.member(host, interface)?;
        self.map.0.addresses_of(host).get(nth)?.iter().find(|own| own.contains(&address)).copied()
    }
}

/// All hooks of nftables.
const EVERYWHERE: &[&str] = &["ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"];

/// The family's name in `/proc/sys/net`.
fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// As `sysctl` writes it: its path with dots.
fn dotted(path: &str, value: impl fmt::Display) -> String {
    format!("net.{} = {value}", path.replace('/', "."))
}

fn is_out(sighting: &Sighting) -> bool {
    sighting.direction == Direction::Out
}

fn describe(ip: &Ip) -> String {
    format!("from {} to {}", ip.from, ip.to)
}
