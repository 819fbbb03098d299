//! Causes in a host's rules, and in its table of connections.

use std::fmt;
use std::time::Duration;

use super::{Cause, Scene, dotted};
use crate::firewall::{self, Dropped, Traced};
use crate::trail::again::KnownBy;
use crate::trail::packet::Ip;

/// Something in a ruleset that lets nothing through.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Obstacle {
    /// With its family.
    table: String,
    chain: String,
    /// None if the chain is one that others jump to.
    hook: Option<String>,
    /// The rule; the policy of the chain if there is none.
    rule: Option<(String, u64)>,
}

impl Obstacle {
    fn is_at(&self, hooks: &[&str]) -> bool {
        self.hook.as_deref().is_none_or(|hook| hooks.contains(&hook))
    }

    /// How many packets it has counted, if it counts.
    fn packets(&self) -> Option<u64> {
        let (rule, _) = self.rule.as_ref()?;
        let mut words = rule.split_whitespace().skip_while(|word| *word != "packets");
        words.nth(1)?.parse().ok()
    }

    fn is(&self, dropped: &Dropped) -> bool {
        let table = self.table.split_whitespace().last() == Some(dropped.table.as_str());
        table && self.chain == dropped.chain && self.rule.as_ref().map(|(_, handle)| *handle) == dropped.rule
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, chain, .. } = self;
        match &self.rule {
            Some((rule, _)) => write!(f, "the nft rule `{rule}` in the chain `{table} {chain}`")?,
            None => write!(f, "the policy of the nft chain `{table} {chain}`, which is `drop`")?,
        }
        self.hook.iter().try_for_each(|hook| write!(f, " (hook {hook})"))?;
        self.packets().iter().try_for_each(|packets| write!(f, ", which has counted {packets} packets"))
    }
}

/// How long the kernel may take to tell what has dropped a packet that was sent to find out.
const PATIENCE: Duration = Duration::from_millis(500);

impl Scene<'_> {
    /// A rule of a host's lets nothing through at one of these hooks. Where there is one that may be it, the question is asked once more, with the kernel
    /// telling which rules it meets.
    ///
    /// `packet` is what came in there, if anything did.
    pub(super) fn dropped_by_rule(&self, host: usize, packet: Option<&Ip>, hooks: &[&str]) -> Option<Cause> {
        let ruleset = self.in_host(host, firewall::list_with_handles)?.ok()??;
        let mut obstacles = obstacles(&ruleset);
        obstacles.retain(|obstacle| obstacle.is_at(hooks) && obstacle.packets() != Some(0));
        if obstacles.is_empty() {
            return None;
        }
        let name = self.map.host(host);
        let traced = self.trace(host, packet).unwrap_or_default();
        if let Some(dropped) = &traced.dropped {
            let found = obstacles.iter().find(|obstacle| obstacle.is(dropped));
            let what = found.map_or_else(|| format!("a rule in the chain `{}`", dropped.chain), Obstacle::to_string);
            return Some(Cause::new(format!("it died in {name} by {what}")));
        }
        if traced.came_by {
            return None;
        }
        let (first, others) = obstacles.split_first()?;
        let cause = Cause::new(format!("it died in {name}, most likely by {first}"));
        if others.is_empty() {
            return Some(cause);
        }
        let others: Vec<_> = others.iter().map(Obstacle::to_string).collect();
        Some(cause.hint(format!("hint: or by {}", others.join(", or by "))))
    }

    /// Asks once more, and has a host's kernel tell what drops the question or its answer.
    fn trace(&self, host: usize, packet: Option<&Ip>) -> Option<Traced> {
        let (again, asker) = self.about_to_ask_again()?;
        let ready = self.in_host(asker, || again.prepare())?.ok()?;
        // As it came in, or as it goes out where nothing did: others may ask the same.
        let which = match packet {
            Some(packet) if again.is_same() => self.as_filter(Some(packet), packet.known_by()?, true).to_vec(),
            // Somebody on the way may make another of one that is like it.
            Some(packet) => {
                let ways = [ready.known_by, packet.known_by()?].map(|by| self.as_filter(Some(packet), by, false));
                ways.concat()
            }
            None => self.as_filter(None, ready.known_by, true).to_vec(),
        };
        let which: Vec<_> = which.iter().map(String::as_str).collect();
        let ask = || self.in_host(asker, || ready.ask());
        self.in_host(host, || firewall::trace(&which, PATIENCE, ask))?.ok()
    }

    /// Expressions of nft's for a question and its answer. Without being exact it is not said who asks.
    fn as_filter(&self, packet: Option<&Ip>, known_by: KnownBy, is_exact: bool) -> [String; 2] {
        let to = self.question.asking.to;
        let (ip, icmp) = if to.is_ipv4() { ("ip", "icmp") } else { ("ip6", "icmpv6") };
        [("saddr", "daddr", "sport", "dport"), ("daddr", "saddr", "dport", "sport")].map(
            |(saddr, daddr, sport, dport)| {
                let ends = match packet {
                    Some(packet) => format!("{ip} {saddr} {} {ip} {daddr} {}", packet.from, packet.to),
                    None => format!("{ip} {daddr} {to}"),
                };
                match known_by {
                    KnownBy::Number(id) if is_exact => format!("{ends} {icmp} id {id}"),
                    KnownBy::Number(_) => format!("{ends} {icmp} type {{ echo-request, echo-reply }}"),
                    KnownBy::Ports(protocol, from, to) => {
                        let from = if is_exact { format!(" th {sport} {from}") } else { String::new() };
                        format!("{ends} meta l4proto {protocol} th {dport} {to}{from}")
                    }
                }
            },
        )
    }

    /// There was no room for another connection: the kernel has counted that when it was asked once more.
    pub(super) fn table_is_full(&self, host: usize) -> Option<Cause> {
        let full = self.full_table(host)?;
        let name = self.map.host(host);
        (self.had_no_room(host)?)
            .then(|| Cause::new(format!("it died in {name}, whose table of connections is full: {full}")))
    }

    /// There is no room for another connection, and whether it was that is not known: it may belong to one, or not be tracked.
    pub(super) fn table_seems_full(&self, host: usize) -> Option<Cause> {
        let full = self.full_table(host)?;
        if self.had_no_room(host).is_some() {
            return None;
        }
        let name = self.map.host(host);
        Some(Cause::new(format!("it died in {name}, most likely since its table of connections is full: {full}")))
    }

    /// How many connections a host tracks, if those are as many as it may.
    fn full_table(&self, host: usize) -> Option<String> {
        let (count, max) = ("netfilter/nf_conntrack_count", "netfilter/nf_conntrack_max");
        let (count, limit) = (self.number(host, count)?, self.number(host, max)?);
        (limit > 0 && count >= limit).then(|| format!("it tracks {count} ({})", dotted(max, limit)))
    }
}

/// What lets nothing through in a ruleset as `nft --handle list ruleset` prints it: rules that drop or reject, and chains whose policy is to.
fn obstacles(ruleset: &str) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let (mut table, mut chain, mut hook) = (String::new(), String::new(), None);
    for line in ruleset.lines().map(str::trim) {
        let (line, handle) = line.rsplit_once(" # handle ").unwrap_or((line, ""));
        let obstacle = |hook: &Option<String>, rule| Obstacle {
            table: table.clone(),
            chain: chain.clone(),
            hook: hook.clone(),
            rule,
        };
        if let Some(name) = line.strip_prefix("table ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut table);
        } else if let Some(name) = line.strip_prefix("chain ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut chain);
            hook = None;
        } else if let Some(rest) = line.strip_prefix("type ") {
            hook = rest.split_whitespace().skip_while(|word| *word != "hook").nth(1).map(str::to_owned);
            if line.contains("policy drop") {
                found.push(obstacle(&hook, None));
            }
        } else if drops(line) {
            found.push(obstacle(&hook, Some((line.to_owned(), handle.parse().unwrap_or(0)))));
        }
    }
    // A rule is tried before the policy of its chain.
    found.sort_by_key(|obstacle| obstacle.rule.is_none());
    found
}

/// Whether a rule drops or rejects something, also by a map of verdicts: `{ 22 : drop, 80 : accept }`.
fn drops(rule: &str) -> bool {
    rule.split(|c: char| c.is_whitespace() || ",{}".contains(c)).any(|word| word == "drop" || word == "reject")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_policies_that_drop_are_found_with_their_hooks() {
        let ruleset = "table inet filter { # handle 1\n\tchain forward { # handle 1\n\
                       \t\ttype filter hook forward priority filter; policy drop;\n\
                       \t\ttcp dport 80 counter packets 3 bytes 180 drop # handle 2\n\
                       \t\tip saddr 10.0.0.1 accept # handle 3\n\t}\n\n\tchain other { # handle 4\n\t\treject # handle 5\n\t}\n}\n\
                       table ip nat { # handle 2\n\tchain in { # handle 1\n\
                       \t\ttype filter hook input priority filter; policy accept;\n\t\tct state invalid drop # handle 7\n\t}\n}\n";
        let told: Vec<_> = obstacles(ruleset).iter().map(Obstacle::to_string).collect();
        assert_eq!(
            told,
            [
                "the nft rule `tcp dport 80 counter packets 3 bytes 180 drop` in the chain `inet filter forward` (hook forward), which has \
                 counted 3 packets",
                "the nft rule `reject` in the chain `inet filter other`",
                "the nft rule `ct state invalid drop` in the chain `ip nat in` (hook input)",
                "the policy of the nft chain `inet filter forward`, which is `drop` (hook forward)",
            ]
        );
        let dropped = Dropped { table: "nat".to_owned(), chain: "in".to_owned(), rule: Some(7) };
        assert_eq!(obstacles(ruleset).iter().filter(|obstacle| obstacle.is(&dropped)).count(), 1);
    }
}
