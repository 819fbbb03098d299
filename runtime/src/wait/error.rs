//! Why what was waited for is not there.

use std::error::Error;
use std::time::Duration;

/// Why what was waited for is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is over.
    #[error("waited {waited:.1?} for {what}; there is instead: {instead}")]
    Expired {
        /// What was waited for.
        what: String,
        /// For how long.
        waited: Duration,
        /// What is there instead: what the last look has found.
        instead: String,
    },
    /// It could not be waited for: whether it is there is not known.
    #[error("could not wait for {what}")]
    Failed {
        /// What was to be waited for.
        what: String,
        /// Why it could not be.
        source: Box<dyn Error + Send + Sync>,
    },
}
