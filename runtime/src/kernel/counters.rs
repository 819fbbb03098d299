//! What the kernel counts of a host's packets, as far as it tells of losses (`/proc/net/snmp`, `netstat`, `snmp6`, `xfrm_stat` and `dev`, proc(5)).

use std::{fmt, fs, io};

/// A counter that is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counter {
    /// As nstat(8) calls it: `IpInNoRoutes`.
    pub(crate) name: String,
    pub(crate) value: u64,
}

impl Counter {
    /// How much more it is than it was, if it is.
    pub(crate) fn since(self, before: &[Self]) -> Option<Self> {
        let was = before.iter().find(|before| before.name == self.name).map_or(0, |before| before.value);
        let value = self.value.checked_sub(was).filter(|more| *more > 0)?;
        Some(Self { value, ..self })
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.value)
    }
}

/// What the names of those have in them that tell of losses: a new one of a new kernel, too.
const TELLING: &[&str] = &[
    "AddrErrors",
    "Aborted",
    "AbortOn",
    "AttemptFails",
    "BacklogDrop",
    "CsumErrors",
    "DestUnreachs",
    "Discards",
    "Drop",
    "Errors",
    "Errs",
    "EstabResets",
    "Fails",
    "HdrErrors",
    "NoPorts",
    "NoRoutes",
    "Overflows",
    "Pruned",
    "RateLimit",
    "ReasmTimeout",
    "ReversePathFilter",
    "RetransSegs",
    "TCPTimeouts",
    "TimeExcds",
    "TooBig",
    "TruncatedPkts",
    "UnknownProtos",
    "Xfrm",
];

/// Those of the namespace that this thread is in.
pub(crate) fn losses() -> io::Result<Vec<Counter>> {
    let mut counters = Vec::new();
    for file in ["snmp", "netstat"] {
        counters.extend(in_pairs(&text_of(file)?));
    }
    // A kernel without IPv6 has none.
    counters.extend(text_of("snmp6").map(|text| line_by_line(&text)).unwrap_or_default());
    // Nor has one without IPsec any of that (Documentation/networking/xfrm_proc.rst).
    counters.extend(text_of("xfrm_stat").map(|text| line_by_line(&text)).unwrap_or_default());
    counters.retain(|counter| counter.value > 0 && TELLING.iter().any(|telling| counter.name.contains(telling)));
    Ok(counters)
}

/// Those of the namespace that this thread is in, and what its links have dropped.
pub(crate) fn losses_and_drops() -> io::Result<Vec<Counter>> {
    let mut counters = losses()?;
    counters.extend(by_link(&text_of("dev")?));
    Ok(counters)
}

/// `/proc/net` would be that of the process's first thread.
fn text_of(file: &str) -> io::Result<String> {
    fs::read_to_string(format!("/proc/thread-self/net/{file}"))
}

/// Two lines of each protocol: `Ip: Forwarding DefaultTTL …` and `Ip: 1 64 …`.
fn in_pairs(text: &str) -> Vec<Counter> {
    let lines: Vec<&str> = text.lines().collect();
    let of_pair = |pair: &[&str]| -> Vec<Counter> {
        let [names, values] = pair else { return Vec::new() };
        let (mut names, values) = (names.split_whitespace(), values.split_whitespace().skip(1));
        let protocol = names.next().unwrap_or_default().trim_end_matches(':');
        // What is negative is no count.
        let counters = names.zip(values).filter_map(|(name, value)| {
            Some(Counter { name: format!("{protocol}{name}"), value: value.parse().ok()? })
        });
        counters.collect()
    };
    lines.chunks(2).flat_map(of_pair).collect()
}

/// `Ip6InReceives  12`.
fn line_by_line(text: &str) -> Vec<Counter> {
    let counter = |line: &str| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        Some(Counter { name: name.to_owned(), value: value.trim().parse().ok()? })
    };
    text.lines().filter_map(counter).collect()
}

/// Two lines of heads, and `eth0: 1 2 …`: of what was received bytes, packets, errors, drops, and four more; then of what was sent.
fn by_link(text: &str) -> Vec<Counter> {
    let of_link = |line: &str| -> Vec<Counter> {
        let Some((name, values)) = line.trim().split_once(':') else { return Vec::new() };
        let values: Vec<u64> = values.split_whitespace().filter_map(|value| value.parse().ok()).collect();
        let at = [("rx_errors", 2), ("rx_dropped", 3), ("tx_errors", 10), ("tx_dropped", 11)];
        let counters = at.iter().filter_map(|(what, at)| {
            let value = values.get(*at).copied().filter(|value| *value > 0)?;
            Some(Counter { name: format!("{name} {what}"), value })
        });
        counters.collect()
    };
    text.lines().skip(2).flat_map(of_link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(name: &str, value: u64) -> Counter {
        Counter { name: name.to_owned(), value }
    }

    #[test]
    fn both_forms_are_read() {
        let pairs = in_pairs("Ip: InNoRoutes Forwarding\nIp: 3 2\nTcp: MaxConn InErrs\nTcp: -1 4\n");
        assert_eq!(pairs, [counter("IpInNoRoutes", 3), counter("IpForwarding", 2), counter("TcpInErrs", 4)]);
        let lines = line_by_line("Ip6InReceives                   \t5\nUdp6NoPorts  1\n");
        assert_eq!(lines, [counter("Ip6InReceives", 5), counter("Udp6NoPorts", 1)]);
    }

    #[test]
    fn what_links_have_dropped_is_read() {
        let text = "Inter-| Receive\n face |bytes\n  eth0: 10 9 0 7 0 0 0 0 20 19 18 17 0 0 0 0\n    lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
        let told: Vec<_> = by_link(text).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["eth0 rx_dropped 7", "eth0 tx_errors 18", "eth0 tx_dropped 17"]);
    }

    #[test]
    fn what_was_counted_meanwhile_is_told() {
        let before = [counter("a", 3), counter("b", 1)];
        assert_eq!(counter("a", 5).since(&before), Some(counter("a", 2)));
        assert_eq!(counter("b", 1).since(&before), None);
        assert_eq!(counter("c", 1).since(&before), Some(counter("c", 1)));
    }

    #[test]
    fn those_of_this_kernel_are_read() {
        losses().unwrap();
        assert!(in_pairs(&text_of("netstat").unwrap()).iter().any(|counter| counter.name == "TcpExtListenDrops"));
    }
}
