//! The captures that are under way: those of a segment follow the cables that are moved to it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::CaptureError;
use super::listening::{Listening, Subject};
use crate::capture::since_1970;
use crate::host::Surroundings;
use crate::lab::Member;

/// The captures of a lab that are under way.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    under_way: Mutex<Vec<Weak<Listening>>>,
    /// When the lab was made, since 1970: the zero of all of them.
    zero: OnceLock<Duration>,
}

impl Captures {
    pub(super) fn start(
        &self,
        surroundings: &Arc<Surroundings>,
        subject: Subject,
        of: String,
        budget: usize,
    ) -> Result<Arc<Listening>, CaptureError> {
        // Held while it is asked which interfaces there are: no cable is moved meanwhile.
        let mut all = self.lock();
        let zero = *self.zero.get_or_init(|| {
            let now = since_1970();
            now.saturating_sub(surroundings.journal.began().elapsed())
        });
        let listening = Listening::start(surroundings, subject, of, budget, zero)?;
        all.retain(|listening| listening.strong_count() > 0);
        all.push(Arc::downgrade(&listening));
        Ok(listening)
    }

    /// Has captures of a segment hear an interface whose cable is about to be plugged in there. When what this answers with is dropped, those of the segment
    /// that it is not on hear it no longer. In between it is heard in both.
    pub(crate) fn follow<'a>(
        &'a self,
        surroundings: &'a Arc<Surroundings>,
        member: Member,
        to: usize,
    ) -> Following<'a> {
        let all = self.lock();
        let from = surroundings.hub.segment_of(&surroundings.plan, member);
        for listening in of_segment(&all, to) {
            listening.hear(surroundings, member);
        }
        Following { all, surroundings, member, between: [from, to] }
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Listening>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_segment(all: &[Weak<Listening>], segment: usize) -> impl Iterator<Item = Arc<Listening>> {
    let all = all.iter().filter_map(Weak::upgrade);
    all.filter(move |listening| listening.subject == Subject::Segment(segment))
}

/// An interface whose cable is being moved.
#[must_use = "both segments hear it until this is dropped"]
pub(crate) struct Following<'a> {
    all: MutexGuard<'a, Vec<Weak<Listening>>>,
    surroundings: &'a Surroundings,
    member: Member,
    between: [usize; 2],
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        let now = self.surroundings.hub.segment_of(&self.surroundings.plan, self.member);
        for segment in self.between.into_iter().filter(|segment| *segment != now) {
            of_segment(&self.all, segment).for_each(|listening| listening.leave(self.member));
        }
    }
}
