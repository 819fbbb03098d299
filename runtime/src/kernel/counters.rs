//! What the kernel counts of a host's packets, as far as it tells of losses (`/proc/net/snmp`, `netstat`, `snmp6`, `xfrm_stat` and `dev`, proc(5)).

use std::collections::BTreeMap;
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

/// What counts of the sockets of UDP on a port what they have dropped, in front of the port.
pub(crate) const DROPS_OF_UDP_PORT: &str = "drops of UDP port ";

/// What counts packets that were dropped since the table of connections had no room for another.
pub(crate) const NO_ROOM_FOR_CONNECTION: &str = "nf_conntrack drop";

/// Those of the namespace that this thread is in, and what its links, its sockets of UDP and its table of connections have dropped.
pub(crate) fn losses_and_drops() -> io::Result<Vec<Counter>> {
    let mut counters = losses()?;
    counters.extend(by_link(&text_of("dev")?));
    counters.extend(by_socket(&[text_of("udp").unwrap_or_default(), text_of("udp6").unwrap_or_default()]));
    counters.extend(text_of(CONNECTIONS).ok().and_then(|text| no_room(&text)));
    Ok(counters)
}

/// Whether the kernel tells what its table of connections has dropped.
pub(crate) fn counts_connections() -> bool {
    text_of(CONNECTIONS).is_ok()
}

/// Only where connections are tracked.
const CONNECTIONS: &str = "stat/nf_conntrack";

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

/// A head, and a line of each socket: behind its number its address and port, and last what it has dropped (`Documentation/networking/proc_net_tcp.rst`).
fn by_socket(tables: &[String]) -> Vec<Counter> {
    let mut drops: BTreeMap<u16, u64> = BTreeMap::new();
    for line in tables.iter().flat_map(|text| text.lines().skip(1)) {
        let mut words = line.split_whitespace();
        let port = words.nth(1).and_then(|local| u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok());
        if let Some((port, dropped)) = port.zip(words.last().and_then(|last| last.parse::<u64>().ok())) {
            *drops.entry(port).or_default() += dropped;
        }
    }
    let counter = |(port, value)| Counter { name: format!("{DROPS_OF_UDP_PORT}{port}"), value };
    drops.into_iter().map(counter).filter(|counter| counter.value > 0).collect()
}

/// A line of names, and one of hexadecimal numbers for each processor.
fn no_room(text: &str) -> Option<Counter> {
    let mut lines = text.lines();
    let at = lines.next()?.split_whitespace().position(|name| name == "drop")?;
    let of_processor = |line: &str| u64::from_str_radix(line.split_whitespace().nth(at)?, 16).ok();
    let value = lines.filter_map(of_processor).sum();
    (value > 0).then(|| Counter { name: NO_ROOM_FOR_CONNECTION.to_owned(), value })
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
    fn what_sockets_and_the_table_of_connections_have_dropped_is_read() {
        let row = |port, drops| {
            format!(" 1: 00000000:{port} 00000000:0000 07 0:0 00:0 0 0 0 23 2 0000000000000000 {drops}\n")
        };
        let udp = format!("  sl local_address … drops\n{}{}", row("0035", 3), row("0063", 0));
        let told: Vec<_> = by_socket(&[udp.clone(), udp]).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["drops of UDP port 53 6"]);
        let table = "entries found insert_failed drop early_drop\n00000001 0 0 0000000a 1\n00000001 0 0 00000001 1\n";
        assert_eq!(no_room(table), Some(counter(NO_ROOM_FOR_CONNECTION, 11)));
        assert_eq!(no_room("entries drop\n1 0\n"), None);
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
