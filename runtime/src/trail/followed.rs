//! The questions of a lab whose way was looked for, and what was found.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use netns_test_topology::Marks;

use super::Asking;
use super::conversation::Role;
use super::question::{no_earlier_since_1970, no_later_since_1970};
use super::way::Packets;
use crate::capture::Recorded;

/// A question that was not answered as it was to be.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// The index of the host that asked.
    pub(crate) from: usize,
    pub(crate) asking: Asking,
    /// When it was known how it had ended.
    pub(crate) failed: Instant,
    pub(crate) fate: Fate,
    /// When it was asked once more to find out why, if it was: what is sent since then is not the test's.
    pub(super) asked_again: Option<Instant>,
    /// Nothing while it is looked for.
    pub(crate) found: Option<Found>,
}

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was answered, and was not to be.
    WasAnswered,
    /// It was not, and was to be. Where a test goes on that has the error, nothing after this moment belongs to it.
    Failed { until: Option<Instant> },
}

impl Fate {
    pub(super) fn until(self) -> Option<Instant> {
        if let Self::Failed { until } = self { until } else { None }
    }
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
    /// The frames among which its own are.
    pub(super) fn packets<'a>(&self, recorded: &'a Recorded) -> Packets<'a> {
        Packets::of(recorded, self.asking.since_1970(), self.fate.until().map(no_earlier_since_1970))
    }

    /// Hands over the numbers of its frames among those, with what each is.
    pub(super) fn mark(&self, packets: &Packets<'_>, mut each: impl FnMut(usize, Role)) {
        let again = self.asked_again.map(no_later_since_1970);
        packets.mark(self.asking.is_asked_by(), |frame, time, role| {
            let is_again = again.is_some_and(|again| time >= again);
            each(frame, if is_again { Role::Again } else { role });
        });
    }

    /// What became of it, in words.
    pub(crate) fn told(&self) -> &'static str {
        if self.fate == Fate::WasAnswered {
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
        self.change(number, |question| question.found = Some(found));
    }

    /// It is about to be asked once more; how often is of no interest.
    pub(super) fn note_asked_again(&self, number: usize) {
        self.change(number, |question| _ = question.asked_again.get_or_insert_with(Instant::now));
    }

    /// Does nothing to one that is forgotten.
    fn change(&self, number: usize, change: impl FnOnce(&mut Followed)) {
        let mut remembered = self.lock();
        let nth = number.checked_sub(remembered.forgotten);
        if let Some(question) = nth.and_then(|nth| remembered.questions.get_mut(nth)) {
            change(question);
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
