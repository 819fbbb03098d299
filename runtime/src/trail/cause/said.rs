//! What ICMP says: who refused, and in the words of the setting that made it.

use super::{Cause, EVERYWHERE, Going, Scene};
use crate::trail::Asked;
use crate::trail::way::{Sighting, Way};

impl Scene<'_> {
    /// A host has said that the packet could not go on: type and code.
    pub(in crate::trail) fn refused(&self, way: &Way, refusal: &Sighting, (kind, code): (u8, u8)) -> Cause {
        let host = self.map.host(refusal.host);
        let v6 = self.question.asking.to.is_ipv6();
        // Where the packet was when it was refused.
        let last = way.there.iter().rev().find(|sighting| sighting.host == refusal.host);
        let here = last.map_or(self.question.asking.to, |last| last.ip.to);
        let rules = || self.dropped_by_rule(refusal.host, last.map(|last| &last.ip), EVERYWHERE);
        let cause = match (v6, kind, code) {
            (false, 11, 0) | (true, 3, 0) => last.and_then(|last| self.ran_out(last)),
            (false, 3, 4) | (true, 2, 0) => last.and_then(|last| self.does_not_fit(last)),
            (false, 3, 3) | (true, 1, 4) => match self.question.asking.asked {
                Asked::Port(transport, port) if self.owns(refusal.host, here) => {
                    let port = last.and_then(|last| last.ip.ports()).map_or(port, |(_, port)| port);
                    self.nobody_listens(refusal.host, transport, port, here, true).or_else(rules)
                }
                _ => rules(),
            },
            _ => {
                let going = last.map_or(Going { to: here, from: None, came_in: None }, Going::on);
                let no_way = self.no_way(refusal.host, going);
                // Whatever became of its address there.
                no_way.or_else(|| self.looks_in_vain(refusal.host)).or_else(rules)
            }
        };
        let name = icmp_name(v6, kind, code);
        match cause {
            Some(cause) => Cause { why: format!("{host} says {name}: {}", cause.why), ..cause },
            None => Cause::unknown(format!("{host} says {name}")),
        }
    }
}

/// What a type and code mean (RFC 792, RFC 1122, RFC 1812, RFC 4443).
pub(in crate::trail) fn icmp_name(v6: bool, kind: u8, code: u8) -> String {
    use crate::UnreachableCode;
    match (v6, kind) {
        (false, 3) if code == 4 => "fragmentation needed".to_owned(),
        (false, 3) => UnreachableCode::V4(code).to_string(),
        (true, 1) => UnreachableCode::V6(code).to_string(),
        (true, 2) => "packet too big".to_owned(),
        (false, 11) | (true, 3) => "time exceeded".to_owned(),
        _ => format!("ICMP type {kind}, code {code}"),
    }
}
