//! When silence means something: after a window in which enough was asked, by kernels and relays that could carry it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Host;
use crate::kernel::table_fulls;

/// How long silence has to last: longer than the second after which the kernel asks again for a neighbour (RFC 4861 section 10,
/// `retrans_time_ms`), so that one lost question is not yet silence.
pub(crate) const WINDOW: Duration = Duration::from_millis(1500);

/// The least window: three requests in it are still apart.
pub(crate) const LEAST_WINDOW: Duration = Duration::from_millis(20);

/// The least number of requests whose silence means something: one may be lost for a reason of its own.
pub(crate) const FEWEST: u16 = 3;

/// So many windows are waited, at most, for what the kernel repeats by itself to have been sent often enough.
pub(crate) const MOST_WINDOWS: u32 = 4;

/// How often it is looked whether it has been.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// What was known a moment ago is known now: many probes may begin at once.
const MOMENT: Duration = Duration::from_millis(5);

/// A watch on the room that there is for what is asked and answered: for neighbours, in the machine's tables, and for frames, in the relays of the lab.
/// Without it something is dropped, mostly without a word, and that would be silence. To be used on a thread of a host.
#[derive(Debug)]
pub(crate) struct Room {
    fulls_before: u64,
    /// What relays had lost, and how long they had stood still, by segment.
    owed_before: BTreeMap<usize, (u64, Duration)>,
    begun: Instant,
    host: Host,
}

impl Room {
    /// From now on.
    pub(crate) fn watch(host: &Host) -> io::Result<Self> {
        static KNOWN: Mutex<Option<(Instant, u64)>> = Mutex::new(None);
        // Whoever had to wait for another to ask the kernel is told the same.
        let called = Instant::now();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let fulls_before = match *known {
            Some((at, fulls)) if called.saturating_duration_since(at) < MOMENT => fulls,
            _ => {
                let at = Instant::now();
                known.insert((at, table_fulls()?)).1
            }
        };
        let owed_before = host.surroundings().impairments.owed()?;
        Ok(Self { fulls_before, owed_before, begun: Instant::now(), host: host.clone() })
    }

    /// An error if there was none at some time since.
    pub(crate) fn was_there(&self) -> io::Result<()> {
        match table_fulls()? - self.fulls_before {
            0 => {}
            times => {
                return Err(io::Error::other(format!(
                    "the machine's table of neighbours was full, {times} times, and what was to be sent may have been dropped: `sudo sysctl -w \
                     net.ipv4.neigh.default.gc_thresh3=16384 net.ipv6.neigh.default.gc_thresh3=16384`, or run fewer tests at a time"
                )));
            }
        }
        let surroundings = self.host.surroundings();
        let owed = surroundings.impairments.owed()?.into_iter().map(|(segment, (lost, stood_still))| {
            let (lost_before, before) = self.owed_before.get(&segment).copied().unwrap_or_default();
            (segment, lost - lost_before, stood_still.saturating_sub(before))
        });
        // Each of the fewest requests that silence takes has its share of the time.
        let share = self.begun.elapsed() / u32::from(FEWEST);
        let owed: Vec<_> = owed.filter(|(_, lost, stood_still)| *lost > 0 || *stood_still > share).collect();
        if owed.is_empty() {
            return Ok(());
        }
        let within = surroundings.hub.within_reach(&surroundings.plan, self.host.machine().number());
        let Some((segment, lost, stood_still)) = owed.into_iter().find(|(segment, ..)| within.contains(segment)) else {
            return Ok(());
        };
        let name = &surroundings.plan.segments[segment].name;
        Err(io::Error::other(if lost > 0 {
            format!(
                "the relay of segment `{name}` had no room for {lost} frames, which may have been what was asked or its answer: send less over it, give \
                 it room by `sudo sysctl -w net.core.rmem_max=16777216`, or run fewer tests at a time"
            )
        } else {
            format!(
                "frames of segment `{name}` waited for {stood_still:.1?} until it was decided about them, and what was asked, or its answer, may have \
                 been among them: what decides in `intercept` is not to wait for anything"
            )
        }))
    }

    /// Why something could not be sent: for lack of room, if there was none.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        self.was_there().err().unwrap_or(error)
    }
}
