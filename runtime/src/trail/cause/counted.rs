//! Causes that a host's kernel counts, and says nothing else about: the question is asked once more, and what was counted meanwhile is told.

use std::time::{Duration, Instant};

use super::{Cause, Scene};
use crate::kernel::{self, Counter};
use crate::trail::Asked;
use crate::trail::again::Ready;
use crate::trail::packet::Ip;
use crate::transport::Transport;
use crate::wait::block_until;

/// How long a kernel may take to count it: a packet that is asked for again may be delayed on its way.
const PATIENCE: Duration = Duration::from_millis(300);

/// From one look at the counters to the next.
const LOOK: Duration = Duration::from_millis(10);

/// What a counter means for the packet that was counted, by a part of its name (`include/uapi/linux/snmp.h`).
const MEANINGS: &[(&str, &str)] = &[
    ("ListenOverflows", "so many connections wait there to be accepted that there is no room for another"),
    ("ReqQFullDrop", "so many connections are being opened there that there is no room for another"),
    ("CsumErrors", "its checksum is wrong"),
    ("InHdrErrors", "its header is wrong"),
    ("ReversePathFilter", "the reverse-path filter does not take it"),
    ("ReasmFails", "it is a fragment of which the others are missing"),
    ("FragFails", "it would have to be fragmented, and must not be"),
    ("XfrmIn", "IPsec does not let it in"),
    ("XfrmFwd", "IPsec does not let it pass"),
    ("XfrmOut", "IPsec does not let it out"),
    (" rx_dropped", "its interface drops what comes in"),
    (" tx_dropped", "its interface drops what goes out"),
];

/// What it means that a socket drops.
const FULL: &str = "the receive buffer of the socket is full: its program does not read";

/// The protocols that counters are named for, the longer names first.
const PROTOCOLS: &[&str] = &[
    "Icmp6", "IcmpMsg", "Icmp", "UdpLite6", "UdpLite", "Udp6", "Udp", "TcpExt", "Tcp", "MPTcpExt", "Ip6", "IpExt", "Ip",
];

/// What a host has counted about a question that was asked once more.
#[derive(Debug, Default)]
pub(in crate::trail) struct Counted {
    /// What rose then, and did not for as long before.
    by_it: Vec<Counter>,
    /// What rose before, too: others' packets may be counted there.
    anyway: Vec<Counter>,
}

impl Scene<'_> {
    /// What a host counts when the question is asked once more, as far as it tells of losses. Nothing where it may not be asked.
    fn counted_again(&self, host: usize) -> &Counted {
        self.counted.get_or_init(|| self.count_again(host).unwrap_or_default())
    }

    fn count_again(&self, host: usize) -> Option<Counted> {
        self.again.as_ref()?;
        let count = || self.in_host(host, kernel::losses_and_drops)?.ok();
        let more =
            |before: &[Counter]| Some(count()?.into_iter().filter_map(|now| now.since(before)).collect::<Vec<_>>());
        let patience = self.question.from.scaled(PATIENCE);
        let earlier = count()?;
        // Nobody tells when something is counted.
        block_until(Instant::now() + patience);
        let of_others = more(&earlier)?;
        let (again, asker) = self.about_to_ask_again()?;
        let before = count()?;
        let _socket = self.in_host(asker, || again.prepare().and_then(Ready::ask))?.ok()?;
        let deadline = Instant::now() + patience;
        loop {
            let is_of_others = |counter: &Counter| of_others.iter().any(|other| other.name == counter.name);
            let (anyway, by_it) = more(&before)?.into_iter().partition(is_of_others);
            let counted = Counted { by_it, anyway };
            if self.is_told(&counted) || Instant::now() >= deadline {
                return Some(counted);
            }
            block_until(Instant::now() + LOOK);
        }
    }

    /// Whether there is no need to wait for more.
    fn is_told(&self, counted: &Counted) -> bool {
        self.meaning(&counted.by_it, None).is_some() || has(&counted.by_it, kernel::NO_ROOM_FOR_CONNECTION)
    }

    /// It is counted where it died, and what is counted has a meaning. `ip` is what came in there, if anything did.
    pub(super) fn counted(&self, host: usize, ip: Option<&Ip>) -> Option<Cause> {
        let counted = self.counted_again(host);
        let (meaning, name) = self.meaning(&counted.by_it, ip)?;
        let host = self.map.host(host);
        Some(Cause::new(format!("it died in {host}: {meaning} ({name}, counted when it was asked once more)")))
    }

    /// What may have been it, and is counted also while nothing is asked.
    pub(super) fn counted_anyway(&self, host: usize, ip: Option<&Ip>) -> Option<String> {
        let (meaning, name) = self.meaning(&self.counted_again(host).anyway, ip)?;
        Some(format!("hint: maybe {meaning}; but {name} rises also while it is not asked"))
    }

    /// Whether a host's table of connections had no room for it; nothing if that is not known.
    pub(super) fn had_no_room(&self, host: usize) -> Option<bool> {
        let is_counted = self.in_host(host, kernel::counts_connections)?;
        if self.again.is_none() || !is_counted {
            return None;
        }
        let Counted { by_it, anyway } = self.counted_again(host);
        // Those of others have none, either.
        if has(anyway, kernel::NO_ROOM_FOR_CONNECTION) {
            None
        } else {
            Some(has(by_it, kernel::NO_ROOM_FOR_CONNECTION))
        }
    }

    /// What the first of some counters means that may be about the question, and its name.
    fn meaning(&self, counters: &[Counter], ip: Option<&Ip>) -> Option<(&'static str, String)> {
        counters.iter().find_map(|counter| {
            // All sockets of a protocol are counted together, and each by itself.
            if counter.name.contains("RcvbufErrors") {
                return None;
            }
            if let Some(port) = counter.name.strip_prefix(kernel::DROPS_OF_UDP_PORT) {
                return (port.parse() == Ok(self.port_of_udp(ip)?)).then(|| (FULL, counter.name.clone()));
            }
            let (_, meaning) = MEANINGS.iter().find(|(part, _)| counter.name.contains(part))?;
            self.is_of_its_protocol(&counter.name).then(|| (*meaning, counter.name.clone()))
        })
    }

    /// The port of UDP that was asked; somebody on the way may have made another of it.
    fn port_of_udp(&self, ip: Option<&Ip>) -> Option<u16> {
        let (Asked::Port(Transport::Udp, asked) | Asked::Data(Transport::Udp, asked)) = self.question.asking.asked
        else {
            return None;
        };
        Some(ip.and_then(Ip::ports).map_or(asked, |(_, port)| port))
    }

    /// Whether a counter may count packets like those of the question: what is of no protocol may.
    fn is_of_its_protocol(&self, name: &str) -> bool {
        let v6 = self.question.asking.to.is_ipv6();
        let own = match self.question.asking.asked {
            Asked::Echo if v6 => "Icmp6",
            Asked::Echo => "Icmp",
            Asked::Port(Transport::Udp, _) | Asked::Data(Transport::Udp, _) if v6 => "Udp6",
            Asked::Port(Transport::Udp, _) | Asked::Data(Transport::Udp, _) => "Udp",
            Asked::Port(Transport::Tcp, _) | Asked::Data(Transport::Tcp, _) => "Tcp",
            Asked::Port(Transport::Sctp, _) | Asked::Data(Transport::Sctp, _) | Asked::Neighbour => "",
        };
        match PROTOCOLS.iter().find(|protocol| name.starts_with(**protocol)) {
            // Those are among what Linux has added to TCP's.
            Some(&"TcpExt") if name.contains("IPReversePathFilter") => !v6,
            Some(&("TcpExt" | "Tcp")) => own == "Tcp",
            Some(&("Ip" | "IpExt")) => !v6,
            Some(&"Ip6") => v6,
            Some(other) => own == *other,
            None => true,
        }
    }

    /// It ended in a host, and nothing is known to be wrong there but what its kernel has counted.
    pub(super) fn unknown(&self, host: usize, what: String) -> Cause {
        let told = |counters: &[Counter]| counters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(cause) = self.counted(host, None) {
            return cause;
        }
        let cause = Cause::unknown(what);
        let more: Vec<_> =
            self.counted_again(host).by_it.iter().filter(|counter| !is_of_a_socket(counter)).cloned().collect();
        if !more.is_empty() {
            return cause.hint(format!("hint: when it was asked once more, its kernel has counted {}", told(&more)));
        }
        if let Some(maybe) = self.counted_anyway(host, None) {
            return cause.hint(maybe);
        }
        let losses = self.in_host(host, kernel::losses).and_then(Result::ok).unwrap_or_default();
        if losses.is_empty() {
            return cause;
        }
        let not_then = if self.again.is_some() { ", and not when it was asked once more," } else { "" };
        cause.hint(format!("hint: since it was made{not_then} its kernel has counted {}", told(&losses)))
    }
}

fn has(counters: &[Counter], name: &str) -> bool {
    counters.iter().any(|counter| counter.name == name)
}

/// Whose it is decides whether it has to do with the question.
fn is_of_a_socket(counter: &Counter) -> bool {
    counter.name.starts_with(kernel::DROPS_OF_UDP_PORT)
}
