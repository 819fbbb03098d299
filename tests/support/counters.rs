//! The counters of a host (`/proc/net/snmp`, RFC 1213).

use netns_test::Host;

/// What a host has counted since it began: `Udp`, `OutDatagrams`.
pub fn counter(host: &Host, group: &str, name: &str) -> u64 {
    let table = host.run(|| std::fs::read_to_string("/proc/net/snmp")).expect("every host has it");
    let prefix = format!("{group}:");
    let mut lines = table.lines().filter(|line| line.starts_with(&prefix)).map(str::split_whitespace);
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let (_, value) = names.zip(values).find(|(known, _)| *known == name).expect("a counter of that name");
    value.parse().expect("a number")
}
