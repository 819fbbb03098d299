//! What has really happened, and when.

use std::fmt::{self, Write};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

/// How much of a timeline is told when a test fails.
const TOLD: usize = 12;

/// Something that has happened by the clock of a [`Timeline`](super::Timeline).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Happening {
    /// When it was to happen, since the start.
    pub planned: Duration,
    /// When it began, since the start.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// What it was, in the words of the change that it was; empty for a closure that answers with no change.
    pub what: String,
    /// Where the test says so.
    pub at: &'static Location<'static>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { planned, began, took, what, at, error } = self;
        write!(f, "{planned:?}: ")?;
        if !what.is_empty() {
            write!(f, "{what}, ")?;
        }
        let late = began.saturating_sub(*planned);
        write!(f, "{}:{}, {late:.1?} late, took {took:.1?}", at.file(), at.line())?;
        error.as_ref().map_or(Ok(()), |error| write!(f, ", failed: {error}"))
    }
}

/// What has happened by the clock of one timeline.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// When its clock was at zero.
    start: OnceCell<Instant>,
    happened: Mutex<Vec<Happening>>,
    /// What was not due yet when it ended, in words.
    unreached: Mutex<Vec<String>>,
}

impl Record {
    pub(super) fn begin(&self, start: Instant) {
        // It begins once.
        let _ = self.start.set(start);
    }

    pub(super) fn note(&self, happening: Happening) {
        self.lock().push(happening);
    }

    pub(super) fn happened(&self) -> Vec<Happening> {
        self.lock().clone()
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Vec<Happening>> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_unreached(&self, what: String) {
        self.unreached().push(what);
    }

    fn unreached(&self) -> MutexGuard<'_, Vec<String>> {
        self.unreached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The timelines of a lab.
#[derive(Debug, Default)]
pub(crate) struct Chronicle(Mutex<Vec<Arc<Record>>>);

impl Chronicle {
    /// A timeline more.
    pub(super) fn begin(&self) -> Arc<Record> {
        let record = Arc::<Record>::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&record));
        record
    }

    /// What has happened, each with when it began.
    pub(crate) fn happened(&self) -> Vec<(Instant, Happening)> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = records.iter().filter_map(|record| Some((*record.start.get()?, record.happened())));
        let timed = |(start, happened): (Instant, Vec<Happening>)| {
            happened.into_iter().map(move |happening| (start + happening.began, happening))
        };
        begun.flat_map(timed).collect()
    }

    /// What has happened, the last of it: some lines, none where there is nothing.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for record in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let happened = record.lock();
            let (before, told) = happened.split_at(happened.len().saturating_sub(TOLD));
            // Writing to a string cannot fail.
            let _ = match before.len() {
                0 => writeln!(text, "  timeline"),
                more => writeln!(text, "  timeline, after {more} more"),
            };
            for happening in told {
                let _ = writeln!(text, "    {happening}");
            }
            // They were ended in the reverse order.
            for what in record.unreached().iter().rev() {
                let _ = writeln!(text, "    {what}");
            }
        }
        text
    }
}
