//! Causes in a host's rules, and in its table of connections.

use super::{Cause, Scene, dotted};
use crate::firewall;

/// Something in a ruleset that lets nothing through.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Obstacle {
    chain: String,
    hook: String,
    /// The rule, or the policy of the chain.
    rule: String,
    /// How many packets it has counted, if it counts.
    packets: Option<u64>,
}

impl Scene<'_> {
    /// A rule of a host's lets nothing through at one of these hooks, as far as its ruleset says.
    pub(super) fn dropped_by_rule(&self, host: usize, hooks: &[&str]) -> Option<Cause> {
        let ruleset = self.in_host(host, firewall::ruleset)?.ok()??;
        let mut obstacles = obstacles(&ruleset);
        obstacles.retain(|obstacle| hooks.contains(&obstacle.hook.as_str()) && obstacle.packets != Some(0));
        let name = self.map.host(host);
        let (obstacle, others) = obstacles.split_first()?;
        let Obstacle { chain, hook, rule, packets } = obstacle;
        let counted = packets.map_or_else(String::new, |packets| format!(", which has counted {packets} packets"));
        let cause = Cause::new(format!(
            "it died in {name}, most likely by a rule of nft's at the hook {hook}: `{rule}` in the chain `{chain}`{counted}"
        ));
        if others.is_empty() {
            return Some(cause);
        }
        let others: Vec<_> = others.iter().map(|other| format!("`{}` in `{}`", other.rule, other.chain)).collect();
        Some(cause.hint(format!("hint: or by {}", others.join(", or "))))
    }

    /// There is no room for another connection.
    pub(super) fn table_is_full(&self, host: usize) -> Option<Cause> {
        let (count, max) = ("netfilter/nf_conntrack_count", "netfilter/nf_conntrack_max");
        let (count, limit) = (self.number(host, count)?, self.number(host, max)?);
        (limit > 0 && count >= limit).then(|| {
            let name = self.map.host(host);
            Cause::new(format!(
                "it died in {name}, whose table of connections is full: it tracks {count} ({})",
                dotted(max, limit)
            ))
        })
    }
}

/// What lets nothing through in a ruleset as `nft list ruleset` prints it: rules that drop or reject, and chains whose policy is to.
fn obstacles(ruleset: &str) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let (mut table, mut chain, mut hook) = (String::new(), String::new(), String::new());
    for line in ruleset.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut table);
        } else if let Some(name) = line.strip_prefix("chain ").and_then(|rest| rest.strip_suffix(" {")) {
            chain = format!("{table} {name}");
            // One that is jumped to is at whatever hook that is from.
            hook.clear();
        } else if let Some(rest) = line.strip_prefix("type ") {
            hook = rest.split_whitespace().skip_while(|word| *word != "hook").nth(1).unwrap_or_default().to_owned();
            if line.contains("policy drop") {
                found.push(Obstacle {
                    chain: chain.clone(),
                    hook: hook.clone(),
                    rule: "policy drop".to_owned(),
                    packets: None,
                });
            }
        } else if line.split_whitespace().any(|word| word == "drop" || word == "reject") {
            found.push(Obstacle {
                chain: chain.clone(),
                hook: hook.clone(),
                rule: line.to_owned(),
                packets: counted(line),
            });
        }
    }
    // Rules come before the policy of their chain.
    found.sort_by_key(|obstacle| obstacle.rule == "policy drop");
    found
}

fn counted(rule: &str) -> Option<u64> {
    let mut words = rule.split_whitespace().skip_while(|word| *word != "packets");
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_policies_that_drop_are_found_with_their_hooks() {
        let ruleset = "table inet filter {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\
                       \t\ttcp dport 80 counter packets 3 bytes 180 drop\n\t\tip saddr 10.0.0.1 accept\n\t}\n}\n\
                       table ip nat {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n\t\treject\n\t}\n}\n";
        let found = obstacles(ruleset);
        let told: Vec<_> =
            found.iter().map(|o| (o.chain.as_str(), o.hook.as_str(), o.rule.as_str(), o.packets)).collect();
        assert_eq!(
            told,
            [
                ("inet filter forward", "forward", "tcp dport 80 counter packets 3 bytes 180 drop", Some(3)),
                ("ip nat in", "input", "reject", None),
                ("inet filter forward", "forward", "policy drop", None),
            ]
        );
    }
}
