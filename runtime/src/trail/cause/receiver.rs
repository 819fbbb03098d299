//! Causes where a packet was to go: nobody listens, or the host is told not to answer.

use std::net::IpAddr;

use super::{Cause, EVERYWHERE, Scene, dotted};
use crate::kernel;
use crate::trail::Asked;
use crate::trail::packet::{ABORT, Carries, Ip, RST};
use crate::trail::way::{Sighting, Way};
use crate::transport::Transport;

impl Scene<'_> {
    /// The host does not answer what has come to it.
    pub(super) fn does_not_answer(&self, last: &Sighting) -> Option<Cause> {
        let host = self.map.host(last.host);
        match (self.question.asking.asked, last.ip.to) {
            (Asked::Echo, IpAddr::V4(_)) => {
                let path = "ipv4/icmp_echo_ignore_all";
                (self.number(last.host, path)? == 1).then(|| {
                    Cause::new(format!("it came to {host}, which answers no echo requests ({})", dotted(path, 1)))
                })
            }
            (Asked::Echo, IpAddr::V6(_)) => {
                let path = "ipv6/icmp/echo_ignore_all";
                (self.number(last.host, path)? == 1).then(|| {
                    Cause::new(format!("it came to {host}, which answers no echo requests ({})", dotted(path, 1)))
                })
            }
            // Of a connection that nobody waits for it would have been said.
            (Asked::Neighbour | Asked::Data(..) | Asked::Port(Transport::Tcp | Transport::Sctp, _), _) => None,
            (Asked::Port(transport, port), to) => {
                // Somebody on the way may have made another of it.
                let port = last.ip.ports().map_or(port, |(_, port)| port);
                let nobody = self.nobody_listens(last.host, transport, port, to, false);
                nobody.or_else(|| self.counted(last.host, Some(&last.ip))).or_else(|| {
                    let protocol = transport.name();
                    let who = format!("somebody listens on {protocol} port {port} of {host}, and has not answered");
                    let cause = Cause::new(who);
                    Some(match self.counted_anyway(last.host, Some(&last.ip)) {
                        Some(maybe) => cause.hint(maybe),
                        None => cause,
                    })
                })
            }
        }
    }

    /// The answer is a reset: nobody listens, or a rule says so on the way.
    pub(super) fn reset(&self, way: &Way) -> Option<Cause> {
        let first = way.back.first()?;
        let transport = match &first.ip.carries {
            Carries::Tcp { flags, .. } if flags & RST != 0 => Transport::Tcp,
            Carries::Sctp { chunk, .. } if chunk.first() == Some(&ABORT) => Transport::Sctp,
            _ => return None,
        };
        // In a rush it may not have been seen there.
        let asked = way.there.iter().rev().find(|sighting| sighting.host == first.host).map(|sighting| &sighting.ip);
        let to = asked.map_or(first.ip.from, |asked| asked.to);
        let host = self.map.host(first.host);
        let by_rule = || self.dropped_by_rule(first.host, asked, EVERYWHERE);
        if !self.owns(first.host, to) {
            let cause = Cause::unknown(format!("{host} answered by a reset, and is not {to}"));
            return Some(by_rule().unwrap_or(cause));
        }
        let is_open = matches!(self.question.asking.asked, Asked::Data(..));
        // Nobody has to listen any more for a connection that is open.
        let ports = if is_open { None } else { asked.and_then(Ip::ports) };
        let nobody = ports.and_then(|(_, port)| self.nobody_listens(first.host, transport, port, to, true));
        let cause = nobody.or_else(by_rule);
        let cause = cause.unwrap_or_else(|| Cause::unknown(format!("{host} answered by a reset")));
        Some(match self.several_answer(self.question.from.machine().number(), self.question.asking.to) {
            Some(several) => cause.hint(format!("hint: {several}")),
            None => cause,
        })
    }

    /// Nobody listens on a port at an address of a host; where else somebody does. Whether it `was_refused` tells what a wildcard of IPv6 takes.
    pub(super) fn nobody_listens(
        &self,
        host: usize,
        transport: Transport,
        port: u16,
        to: IpAddr,
        was_refused: bool,
    ) -> Option<Cause> {
        let listeners = self.in_host(host, || kernel::listeners(transport))?.ok()?;
        let takes = |local: IpAddr| {
            let takes_all =
                local.is_unspecified() && (local.is_ipv4() == to.is_ipv4() || (local.is_ipv6() && !was_refused));
            local == to || takes_all
        };
        let on_port: Vec<_> = listeners.iter().filter(|listener| listener.local.port() == port).collect();
        if on_port.iter().any(|listener| takes(listener.local.ip())) {
            return None;
        }
        let name = self.map.host(host);
        let protocol = transport.name();
        let cause = Cause::new(format!("nobody listens on {protocol} port {port} of {name} at {to}"));
        if let Some(elsewhere) = on_port.first() {
            let local = elsewhere.local;
            let only = if local.ip().is_unspecified() { ", for IPv6 only" } else { " only" };
            return Some(cause.hint(format!("hint: somebody listens on {local}{only}")));
        }
        let mut ports: Vec<_> = listeners.iter().map(|listener| listener.local.to_string()).collect();
        ports.sort();
        ports.dedup();
        Some(if ports.is_empty() {
            cause
        } else {
            cause.hint(format!("hint: in {name} there listens {}", ports.join(", ")))
        })
    }

    /// The host that it had come to has answered from elsewhere, which is no answer.
    pub(in crate::trail) fn answered_from_elsewhere(&self, way: &Way) -> Option<Cause> {
        let (asked, answer) = way.answered_astray()?;
        let at = |address, port| std::net::SocketAddr::new(address, port);
        let (from, to) = (at(answer.ip.from, answer.ip.ports()?.0), at(asked.ip.to, asked.ip.ports()?.1));
        let host = self.map.host(answer.host);
        Some(Cause::new(format!("{host} answered from {from}, and {to} was asked: it belongs to nothing here")))
    }

    /// The answer has come from another address than was asked.
    pub(super) fn answered_by_another(&self, last: &Sighting) -> Option<Cause> {
        let (from, asked) = (last.ip.from, self.question.asking.to);
        (from != asked).then(|| {
            Cause::new(format!("its answer came from {from}, and {asked} was asked: it belongs to nothing here"))
        })
    }
}
