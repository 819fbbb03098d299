//! The questions of a lab whose way was looked for, and what was found.

use std::collections::VecDeque;
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
    /// Whether somebody has said that it went no further.
    pub(crate) was_refused: bool,
    /// The index of the host that it died in, and how, if it was in one.
    pub(crate) died_in: Option<(usize, String)>,
}

impl Followed {
    /// What became of it.
    pub(crate) fn fate(&self) -> &'static str {
        if self.was_answered {
            "was answered"
        } else if self.found.as_ref().is_some_and(|found| found.was_refused) {
            "was refused"
        } else {
            "got no answer"
        }
    }
}

impl Found {
    /// Nothing but words.
    pub(super) fn only(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], ..Self::default() }
    }
}

/// So many of the last questions are remembered.
const REMEMBERED: usize = 16;

/// The questions of a lab that were followed last.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    questions: VecDeque<Followed>,
    forgotten: usize,
}

impl Questions {
    /// Answers with its number.
    pub(super) fn begin(&self, question: Followed) -> usize {
        let mut remembered = self.lock();
        if remembered.questions.len() == REMEMBERED {
            remembered.questions.pop_front();
            remembered.forgotten += 1;
        }
        remembered.questions.push_back(question);
        remembered.forgotten + remembered.questions.len() - 1
    }

    pub(super) fn note(&self, number: usize, found: Found) {
        let mut remembered = self.lock();
        let nth = number.checked_sub(remembered.forgotten);
        if let Some(question) = nth.and_then(|nth| remembered.questions.get_mut(nth)) {
            question.found = Some(found);
        }
    }

    /// In the order in which they failed.
    pub(crate) fn all(&self) -> Vec<Followed> {
        self.lock().questions.iter().cloned().collect()
    }

    /// How many there were before those.
    pub(crate) fn forgotten(&self) -> usize {
        self.lock().forgotten
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
