//! What has been changed, and when.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many of the last changes are remembered.
const REMEMBERED: usize = 100;

/// What has been changed in a lab since it was made.
#[derive(Debug)]
pub(crate) struct Journal {
    began: Instant,
    changes: Mutex<VecDeque<Changed>>,
}

/// A change that has been made, or was tried.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    /// When it was begun, since the lab was made.
    pub(crate) at: Duration,
    pub(crate) took: Duration,
    /// What it was, in the words of the change.
    pub(crate) what: String,
    /// Why it failed, if it did.
    pub(crate) error: Option<String>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { began: Instant::now(), changes: Mutex::default() }
    }
}

impl Journal {
    pub(super) fn note(&self, begun: Instant, what: String, error: Option<String>) {
        let entry = Changed { at: begun.saturating_duration_since(self.began), took: begun.elapsed(), what, error };
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() == REMEMBERED {
            changes.pop_front();
        }
        changes.push_back(entry);
    }

    /// When the lab was made.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The last changes, in the order in which they ended.
    pub(crate) fn changes(&self) -> Vec<Changed> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, took, what, error } = self;
        write!(f, "{at:.1?}: {what}, took {took:.1?}")?;
        error.as_ref().map_or(Ok(()), |error| write!(f, ", failed: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_remembered() {
        let journal = Journal::default();
        (0..=REMEMBERED).for_each(|nth| journal.note(Instant::now(), nth.to_string(), None));
        let changes = journal.changes();
        assert_eq!((changes.len(), &changes[0].what[..]), (REMEMBERED, "1"));
        let (at, took) = (Duration::from_millis(1500), Duration::from_micros(20));
        let failed = Changed { at, took, what: "pull a cable".to_owned(), error: Some("it is stuck".to_owned()) };
        assert_eq!(failed.to_string(), "1.5s: pull a cable, took 20.0µs, failed: it is stuck");
    }
}
