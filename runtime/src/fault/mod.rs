//! What befalls the programs of a host: all of them are paused, or they are started with another clock.

mod clock;
mod pause;

use std::fmt::Write;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use clock::Clock;
pub(crate) use clock::try_out as try_out_clock;
pub use clock::{ClockSkew, SkewedClock};
pub use pause::Paused;
use pause::Pauses;

use crate::Host;

/// The faults of one host.
#[derive(Default)]
pub(crate) struct Faults {
    /// Read while a program is started, so that whoever stops all of them has them all.
    pauses: RwLock<Pauses>,
    clock: Mutex<Clock>,
}

/// No program is stopped or continued as long as this lives.
pub(crate) struct Unchanged<'a>(RwLockReadGuard<'a, Pauses>);

impl Unchanged<'_> {
    /// Whether the host is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.0.is_paused()
    }
}

impl Faults {
    /// Keeps others from pausing the host, or from continuing it; waits until they have.
    pub(crate) fn unchanged(&self) -> Unchanged<'_> {
        Unchanged(self.pauses.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn pauses(&self) -> RwLockWriteGuard<'_, Pauses> {
        self.pauses.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What befalls each of these hosts, or has befallen it: a line each, none where there is nothing.
pub(crate) fn describe(hosts: &[Host]) -> String {
    let mut text = String::new();
    for host in hosts {
        let Faults { pauses, clock } = host.machine().faults();
        // At its deadline a test may be in the middle of a change.
        let paused = match pauses.try_read() {
            Ok(pauses) => pauses.describe(),
            Err(_) => Some("is just being paused, or continued".to_owned()),
        };
        let clock = clock.try_lock().ok().and_then(|clock| clock.describe());
        for fault in paused.into_iter().chain(clock) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  host {} {fault}", host.name());
        }
    }
    text
}
