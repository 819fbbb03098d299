//! What has come of all frames of a relay, for whoever asks: its thread does not have to answer, which is the last to know that it was too slow.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::board::now;
use super::pipe::Nanoseconds;
use crate::sys;

/// What has come of all frames, whatever impairs them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(super) frames: Counter,
    pub(super) unreadable: Counter,
    pub(super) overflowed: Counter,
    pub(super) refused: Counter,
    /// How long those who decide about frames have taken, where that was long: in nanoseconds.
    stood_still: Counter,
    /// When one was asked who has not decided yet, on the monotonic clock; 0 if there is none.
    asked: AtomicU64,
    ports: Mutex<Ports>,
}

/// A decision that takes no longer keeps nobody waiting.
const SOON: Nanoseconds = 10_000_000;

/// A number that one thread adds to and any reads.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

/// The sockets of a relay's ports, which count what finds no room in them.
#[derive(Debug, Default)]
struct Ports {
    sockets: BTreeMap<u32, Arc<OwnedFd>>,
    /// What those had missed that are gone.
    missed_before: u64,
}

/// What came of all frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Frames that came in.
    pub(crate) frames: u64,
    /// Frames that the kernel had no room for on their way in.
    pub(crate) missed: u64,
    /// Frames that the kernel could not describe.
    pub(crate) unreadable: u64,
    /// Frames for which there was no room among those under way.
    pub(crate) overflowed: u64,
    /// Frames that a port did not take: its host is down, they are larger than its MTU, or make no sense. A bridge would not have delivered them either.
    pub(crate) refused: u64,
}

impl Ledger {
    /// The counts as they are now.
    pub(crate) fn totals(&self) -> io::Result<Totals> {
        let Self { frames, unreadable, overflowed, refused, ports, .. } = self;
        let missed = lock(ports).missed()?;
        let [frames, unreadable, overflowed, refused] = [frames, unreadable, overflowed, refused].map(Counter::get);
        Ok(Totals { frames, missed, unreadable, overflowed, refused })
    }

    /// For how long in all frames have waited for a decision, long ones only; up to now for one that is still waited for.
    pub(crate) fn stood_still(&self) -> io::Result<Duration> {
        // In this order, so that a decision that falls in between is not missed.
        let asked = self.asked.load(Ordering::SeqCst);
        let waits = if asked == 0 { 0 } else { now()?.saturating_sub(asked) };
        Ok(Duration::from_nanos(self.stood_still.get() + if waits > SOON { waits } else { 0 }))
    }

    /// Somebody is asked to decide about a frame.
    pub(super) fn asks(&self, now: Nanoseconds) {
        self.asked.store(now, Ordering::SeqCst);
    }

    /// And has decided.
    pub(super) fn is_answered(&self, now: Nanoseconds) {
        let took = now.saturating_sub(self.asked.load(Ordering::SeqCst));
        if took > SOON {
            self.stood_still.add(took);
        }
        self.asked.store(0, Ordering::SeqCst);
    }

    /// The socket of a port counts from now on.
    pub(super) fn add_port(&self, index: u32, socket: Arc<OwnedFd>) {
        lock(&self.ports).sockets.insert(index, socket);
    }

    /// The socket of a port counts no more; what it has counted stays.
    pub(super) fn remove_port(&self, index: u32) -> io::Result<()> {
        let mut ports = lock(&self.ports);
        if let Some(socket) = ports.sockets.remove(&index) {
            ports.missed_before += u64::from(sys::socket_drops(socket.as_fd())?);
        }
        Ok(())
    }
}

impl Counter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Ports {
    fn missed(&self) -> io::Result<u64> {
        let missed = self.sockets.values().map(|socket| sys::socket_drops(socket.as_fd()).map(u64::from));
        missed.sum::<io::Result<u64>>().map(|missed| missed + self.missed_before)
    }
}

fn lock(ports: &Mutex<Ports>) -> MutexGuard<'_, Ports> {
    // Nothing panics while it is held.
    ports.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Totals {
    /// Frames that a switch with time and room would have forwarded.
    pub(crate) fn lost(&self) -> u64 {
        self.missed + self.unreadable + self.overflowed
    }
}

/// What is worth telling: what came in, and what was lost against anybody's wish.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, missed, unreadable, overflowed, refused } = self;
        let losses = [
            (*missed, "came too fast"),
            (*unreadable, "could not be read"),
            (*overflowed, "found no room while under way"),
            (*refused, "were refused by the port they were for"),
        ];
        write!(f, "{frames} frames")?;
        super::tell(f, &losses)
    }
}
