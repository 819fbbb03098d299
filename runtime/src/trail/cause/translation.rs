//! What a router should have made of a packet's addresses.

use super::{Scene, is_out};
use crate::firewall;
use crate::trail::way::Way;

impl Scene<'_> {
    /// A router that translates what leaves by an interface has let it out as it came in: what belongs to no connection that it knows, and begins none, is not
    /// translated.
    pub(in crate::trail) fn untranslated(&self, way: &Way) -> Option<String> {
        let steps = way.there.windows(2);
        let mut steps = steps.map(|step| (&step[0], &step[1]));
        let (_, left) = steps.find(|(entered, left)| {
            let passed_on = entered.host == left.host && !is_out(entered) && is_out(left);
            passed_on && entered.ip.from == left.ip.from && self.translates(left.host, left.interface)
        })?;
        let (host, from) = (self.map.host(left.host), left.ip.from);
        let interface = self.map.interface(left.host, left.interface);
        let has_rule =
            self.in_host(left.host, || firewall::translates_sources(&interface)).and_then(Result::ok).flatten();
        if has_rule == Some(false) {
            return Some(format!(
                "hint: {host} has passed it on from {from}: it was to translate what leaves by {interface}, and its ruleset has no such rule any more"
            ));
        }
        Some(format!(
            "hint: {host} has passed it on from {from}, and translates what leaves there: to its table of connections (`conntrack`) it belongs to none"
        ))
    }

    fn translates(&self, host: usize, interface: u32) -> bool {
        let Some((_, nth)) = self.map.member(host, interface) else { return false };
        let nat = &self.map.0.plan.hosts[host].nat;
        nat.masquerade.contains(&nth) || nat.source.iter().any(|(of, _)| *of == nth)
    }
}
