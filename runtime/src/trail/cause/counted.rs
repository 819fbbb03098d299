//! Causes that a host's kernel counts, and says nothing else about: the question is asked once more, and what was counted meanwhile is told.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Cause, Scene};
use crate::kernel::{self, Counter};
use crate::trail::again::Ready;

/// How long a kernel may take to count it: a packet that is asked for again may be delayed on its way.
const PATIENCE: Duration = Duration::from_millis(300);

/// From one look at the counters to the next.
const LOOK: Duration = Duration::from_millis(10);

/// What a counter means for the packet that was counted, by a part of its name (`include/uapi/linux/snmp.h`).
const MEANINGS: &[(&str, &str)] = &[
    ("ListenOverflows", "so many connections wait there to be accepted that there is no room for another"),
    ("ReqQFullDrop", "so many connections are being opened there that there is no room for another"),
    ("RcvbufErrors", "the receive buffer of the socket is full: its program does not read"),
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

impl Scene<'_> {
    /// What a host counts when the question is asked once more, as far as it tells of losses.
    fn counted_again(&self, host: usize) -> &[Counter] {
        self.counted.get_or_init(|| self.count_again(host).unwrap_or_default())
    }

    fn count_again(&self, host: usize) -> Option<Vec<Counter>> {
        let count = || self.in_host(host, kernel::losses_and_drops)?.ok();
        let (again, asker) = self.about_to_ask_again()?;
        let before = count()?;
        let socket = self.in_host(asker, || again.prepare().and_then(Ready::ask))?.ok()?;
        let deadline = Instant::now() + self.question.from.scaled(PATIENCE);
        loop {
            let more: Vec<_> = count()?.into_iter().filter_map(|now| now.since(&before)).collect();
            if !more.is_empty() || Instant::now() >= deadline {
                return Some(more);
            }
            // Nobody tells when something is counted.
            let timeout = PollTimeout::try_from(LOOK).ok()?;
            poll(&mut [PollFd::new(socket.as_fd(), PollFlags::empty())], timeout).ok()?;
        }
    }

    /// It is counted where it died, and what is counted has a meaning.
    pub(super) fn counted(&self, host: usize) -> Option<Cause> {
        let more = self.counted_again(host);
        let meaning = |counter: &Counter| {
            let found = MEANINGS.iter().find(|(name, _)| counter.name.contains(name));
            found.map(|(_, meaning)| (*meaning, counter.name.clone()))
        };
        let (meaning, name) = more.iter().find_map(meaning)?;
        let host = self.map.host(host);
        Some(Cause::new(format!("it died in {host}: {meaning} ({name}, counted when it was asked once more)")))
    }

    /// It ended in a host, and nothing is known to be wrong there but what its kernel has counted.
    pub(super) fn unknown(&self, host: usize, what: String) -> Cause {
        let told = |counters: &[Counter]| counters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(cause) = self.counted(host) {
            return cause;
        }
        let cause = Cause::unknown(what);
        let more = self.counted_again(host);
        if !more.is_empty() {
            return cause.hint(format!("hint: when it was asked once more, its kernel has counted {}", told(more)));
        }
        let losses = self.in_host(host, kernel::losses).and_then(Result::ok).unwrap_or_default();
        if losses.is_empty() {
            return cause;
        }
        let not_then = if self.again.is_some() { ", and not when it was asked once more," } else { "" };
        cause.hint(format!("hint: since it was made{not_then} its kernel has counted {}", told(&losses)))
    }
}
