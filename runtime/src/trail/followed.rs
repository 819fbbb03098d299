//! The questions of a lab whose way was looked for, and what was found.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use netns_test_topology::Marks;

use super::Asking;

/// A question that was not answered as it was to be.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// The index of the host that asked.
    pub(crate) from: usize,
    pub(crate) asking: Asking,
    /// When it was known how it had ended.
    pub(crate) failed: Instant,
    /// Whether it was answered, and was not to be.
    pub(crate) was_answered: bool,
    /// Nothing while it is looked for.
    pub(crate) found: Option<Found>,
}

/// What was found out about a question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Where it went, and why no further; a line may have more, behind a newline.
    pub(crate) lines: Vec<String>,
    /// The same for a picture.
    pub(crate) marks: Marks,
    /// The index of the host that it died in, and how, if it was in one.
    pub(crate) died_in: Option<(usize, String)>,
}

impl Found {
    /// Nothing but words.
    pub(super) fn only(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], ..Self::default() }
    }
}

/// The questions of a lab that were followed.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<Vec<Followed>>);

impl Questions {
    /// Answers with its number.
    pub(super) fn begin(&self, question: Followed) -> usize {
        let mut questions = self.lock();
        questions.push(question);
        questions.len() - 1
    }

    pub(super) fn note(&self, nth: usize, found: Found) {
        self.lock()[nth].found = Some(found);
    }

    /// In the order in which they failed.
    pub(crate) fn all(&self) -> Vec<Followed> {
        self.lock().clone()
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Vec<Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
