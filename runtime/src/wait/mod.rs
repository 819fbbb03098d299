//! Waiting: for a condition of the test's own, by asking again and again; that one stays away.
//!
//! The time is real time, whatever tokio's clock does: a condition is of the world, as a rule, and the world does not pause. Nobody tells
//! when a condition of the user's begins to hold, so it is polled, and only it is.

mod alarm;
mod condition;
mod error;
mod kernel;
mod look;
mod never;
mod until;

pub(crate) use alarm::block_until;
pub use condition::{Asynchronous, Condition, Finding, Plain, Sure};
pub use error::WaitError;
pub use kernel::WaitFor;
pub use never::{NeverWithin, never_within};
pub use until::{Eventually, WaitUntil, eventually, wait_until};

use std::panic::{Location, resume_unwind};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::{fail, show_panic};
use crate::harness::{self, Broken};

/// How long a condition is waited for, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// From one look to the next, unless said otherwise.
const INTERVAL: Duration = Duration::from_millis(20);

/// The longest time: one that can be added to any instant.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A duration as the settings of the test want it; as it is where no test runs.
fn scaled(duration: Duration) -> Duration {
    harness::lab().map_or(duration.min(LONGEST), |lab| lab.settings().scaled(duration))
}

/// A time for which something must not happen, stretched and never shortened.
fn stretched(duration: Duration) -> Duration {
    harness::lab().map_or(duration.min(LONGEST), |lab| lab.settings().stretched(duration))
}

/// Panics at the line of whoever waits, where that could not be: no failure that a test could have expected.
fn broken(at: &Location<'_>, message: String) -> ! {
    if let Some(lab) = harness::lab() {
        lab.could_not(at, message);
    }
    show_panic(at, &message);
    resume_unwind(Box::new(Broken(message)))
}

/// Whether to block this thread is to stop all tasks of a runtime of tokio's.
fn blocks_tasks() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

fn times(looks: u32) -> String {
    if looks == 1 { "once".to_owned() } else { format!("{looks} times") }
}
