//! Causes in a host's routing: it does not forward, has no route, or wants packets by another way.

use std::net::IpAddr;

use super::{Cause, Going, Leg, Scene, dotted, family};
use crate::kernel;
use crate::trail::map::LOOPBACK;
use crate::trail::way::Sighting;

impl Scene<'_> {
    /// It would have to be forwarded once more than it may.
    pub(super) fn ran_out(&self, last: &Sighting) -> Option<Cause> {
        (last.ip.ttl <= 1).then(|| {
            let host = self.map.host(last.host);
            Cause::new(format!("its time to live ran out in {host}: it came in with {}", last.ip.ttl))
                .hint("hint: it was sent with too small a one, or goes round in a loop")
        })
    }

    /// It is for an address that the host was given, and has not got any more.
    pub(super) fn lost_address(&self, host: usize, address: IpAddr) -> Option<String> {
        let was_given = self.map.with_address(address).iter().any(|member| member.0 == host);
        if !was_given || self.owns(host, address) {
            return None;
        }
        let off = self.ipv6_is_off(host, address).map_or_else(String::new, |off| format!(" ({off})"));
        Some(format!("{} has not got the address {address} any more{off}", self.map.host(host)))
    }

    pub(super) fn has_lost_its_address(&self, last: &Sighting) -> Option<Cause> {
        self.lost_address(last.host, last.ip.to).map(Cause::new)
    }

    /// The host is not one that passes packets on.
    pub(super) fn does_not_forward(&self, leg: Leg, last: &Sighting) -> Option<Cause> {
        let (host, interface) = (self.map.host(last.host), self.map.interface(last.host, last.interface));
        // IPv6 asks the setting of all (`ip6_forward`).
        let of = if last.ip.to.is_ipv4() { interface.as_str() } else { "all" };
        let path = format!("{}/conf/{of}/forwarding", family(last.ip.to));
        let value = self.number(last.host, &path)?;
        (value == 0).then(|| {
            let it = leg.name();
            let cause = Cause::new(format!(
                "{it} died in {host}: it is for {}, and {host} does not forward ({})",
                last.ip.to,
                dotted(&path, value)
            ));
            match self.why_here(last) {
                Some(hint) => cause.hint(hint),
                None => cause,
            }
        })
    }

    /// Why it came to a host that it is not for, if whoever sent it has it as a gateway, or took it for somebody else.
    fn why_here(&self, last: &Sighting) -> Option<String> {
        let mac = last.to_mac?;
        let sender = self.question.from.machine().number();
        let hop = self.way_to(sender, self.question.asking.to)?.ok()?;
        let gateway = hop.gateway?;
        let is_it = self.map.with_address(gateway).iter().any(|member| member.0 == last.host)
            && self.map.with_mac(mac).any(|member| member.0 == last.host);
        let (from, host) = (self.map.host(sender), self.map.host(last.host));
        is_it.then(|| {
            format!("hint: {from} sends to {} by the gateway {gateway}, which is {host}", self.question.asking.to)
        })
    }

    /// The host takes packets from there by another interface only (RFC 3704).
    pub(super) fn wrong_way_in(&self, last: &Sighting) -> Option<Cause> {
        self.filters(last.host, last.interface, last.ip.from).map(|why| Cause::new(format!("it died in {why}")))
    }

    /// It says to be from the host that it has come to: a martian (`accept_local` in Documentation/networking/ip-sysctl.rst).
    /// What came in by the loopback is not asked.
    pub(super) fn is_from_itself(&self, last: &Sighting) -> Option<Cause> {
        let from = last.ip.from;
        if last.interface == LOOPBACK || !from.is_ipv4() || !self.owns(last.host, from) {
            return None;
        }
        let (host, interface) = (self.map.host(last.host), self.map.interface(last.host, last.interface));
        let path = format!("ipv4/conf/{interface}/accept_local");
        let accepts = ["ipv4/conf/all/accept_local", &path].iter().any(|path| self.number(last.host, path) == Some(1));
        (!accepts).then(|| {
            let why = format!(
                "it died in {host}, which takes nothing from outside that is from an address of its own: {from}"
            );
            Cause::new(format!("{why} ({})", dotted(&path, 0)))
        })
    }

    /// A host takes nothing from an address that comes in by an interface, and why.
    pub(super) fn filters(&self, number: usize, came_in: u32, from: IpAddr) -> Option<String> {
        if !from.is_ipv4() {
            return None;
        }
        let (host, interface) = (self.map.host(number), self.map.interface(number, came_in));
        let paths = ["all", &interface].map(|of| format!("ipv4/conf/{of}/rp_filter"));
        let values = paths.each_ref().map(|path| self.number(number, path).unwrap_or(0));
        let strictest = usize::from(values[1] > values[0]);
        let told = dotted(&paths[strictest], values[strictest]);
        match (values[strictest], self.way_to(number, from)?) {
            (0, _) => None,
            (_, Err(_)) => Some(format!(
                "{host}, which takes nothing from where it has no route to: {from} ({told}, reverse-path filter)"
            )),
            (1, Ok(hop)) if hop.interface != came_in => Some(format!(
                "{host}: from {from} it takes packets by {} only, as it would send there, and this came in by {interface} ({told}, \
                 reverse-path filter)",
                self.map.interface(number, hop.interface)
            )),
            _ => None,
        }
    }

    /// A host has no route for a packet, or cannot use it.
    pub(super) fn no_way(&self, host: usize, going: Going) -> Option<Cause> {
        let (name, to) = (self.map.host(host), going.to);
        match self.way_of(host, going)? {
            Ok(hop) => self.no_link(host, hop.interface).or_else(|| {
                let next = hop.gateway.unwrap_or(to);
                let asked = self.packets.unanswered_questions(host, hop.interface, next);
                (asked > 0 || self.is_looking_for(host, hop, next))
                    .then(|| self.no_neighbour(host, hop.interface, next))
            }),
            Err(error) => {
                let it = if going.came_in.is_some() { "it" } else { "a packet" };
                let route = format!("a route of {name}");
                // By the routes alone it would have a way, or another end.
                let plain = self.way_to(host, to).map(|way| way.map_err(|error| error.raw_os_error()));
                let by_rule = going.from.filter(|_| plain.is_some_and(|plain| plain != Err(error.raw_os_error())));
                let (who, it) = match by_rule {
                    Some(from) => (format!("a rule of routing of {name}"), format!("{it} from {from}")),
                    None => (route, it.to_owned()),
                };
                Some(match error.raw_os_error() {
                    Some(libc::EACCES) => Cause::new(format!("{who} prohibits {it} to {to}")),
                    Some(libc::EINVAL) => Cause::new(format!("{who} drops {it} to {to} (blackhole)")),
                    Some(libc::EHOSTUNREACH) => Cause::new(format!("{who} says that {to} is unreachable")),
                    _ => match by_rule {
                        Some(from) => {
                            Cause::new(format!("by its rules of routing {name} has no route from {from} to {to}"))
                        }
                        None => self.no_route(host, to),
                    },
                })
            }
        }
    }

    fn no_route(&self, host: usize, to: IpAddr) -> Cause {
        let name = self.map.host(host);
        // Two that do not reach each other may have the same.
        let whose = match &self.map.with_address(to)[..] {
            [member] => format!(", which is {}", self.map.host(member.0)),
            _ => String::new(),
        };
        let cause = Cause::new(format!("{name} has no route to {to}{whose}"));
        match self.ipv6_is_off(host, to) {
            Some(off) => cause.hint(format!("hint: {off}")),
            None => cause,
        }
    }

    /// The interfaces of a host on which IPv6 is off, if that is what an address needs.
    fn ipv6_is_off(&self, host: usize, to: IpAddr) -> Option<String> {
        if to.is_ipv4() {
            return None;
        }
        let interfaces = (0..self.map.0.plan.hosts[host].interfaces.len()).map(|nth| self.map.name((host, nth)));
        let off = interfaces.map(|name| format!("ipv6/conf/{name}/disable_ipv6"));
        let off = off.filter(|path| self.number(host, path) == Some(1)).map(|path| dotted(&path, 1));
        let off: Vec<_> = off.collect();
        (!off.is_empty()).then(|| format!("IPv6 is off there: {}", off.join(", ")))
    }

    /// It is larger than the link that it would leave by takes, and must not be cut.
    pub(super) fn does_not_fit(&self, last: &Sighting) -> Option<Cause> {
        let hop = self.way_of(last.host, Going::on(last))?.ok()?;
        let mtu = self.link_of(last.host, hop.interface)?.mtu?;
        let place = self.map.place(last.host, hop.interface);
        (last.ip.length > mtu as usize && last.ip.dont_fragment).then(|| {
            Cause::new(format!(
                "it died in {}: it is {} bytes long and must not be fragmented, and {place} takes {mtu}",
                self.map.host(last.host),
                last.ip.length
            ))
        })
    }

    /// A neighbour is being looked for. One that was not found some time ago says nothing: whoever wants it asks again.
    fn is_looking_for(&self, host: usize, hop: kernel::Hop, next: IpAddr) -> bool {
        use rtnetlink::packet_route::neighbour::NeighbourState::Incomplete;
        let neighbours = self.in_host(host, kernel::neighbours).and_then(Result::ok).unwrap_or_default();
        neighbours.iter().any(|neighbour| {
            neighbour.interface == hop.interface && neighbour.address == next && neighbour.state == Incomplete
        })
    }
}
