//! When silence means something: after a window in which enough was asked.

use std::time::Duration;

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
