//! The thread on which things happen, one after the other.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::action::{Action, Carried, Kept};
use super::chronicle::{Happening, Record};
use crate::error::panic_message;
use crate::host::Surroundings;

/// Something that happens at its time, perhaps again and again.
pub(crate) struct Step {
    at: &'static Location<'static>,
    /// When it is to be carried out next.
    next: Option<Duration>,
    /// After what it is carried out again, in turn; empty if it is carried out once.
    rhythm: Vec<Duration>,
    /// How often it was carried out.
    times: usize,
    /// For how long what it ends with is kept, if not to the end.
    length: Option<Duration>,
    /// When that is to be given up.
    end: Option<Duration>,
    /// Whether it ends with a guard that is kept to the end.
    is_kept: bool,
    carry_out: Box<dyn FnMut() -> Carried + Send>,
    /// What it was the last time, in its own words.
    what: String,
    kept: Option<Kept>,
}

/// What is to be done with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    CarryOut,
    GiveUp,
}

/// A thread that carries out steps, until it is told to stop.
#[derive(Debug)]
pub(super) struct Player {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    record: Arc<Record>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing more is to happen.
    is_stopped: bool,
    /// Nothing more will happen but what happens again and again.
    is_done: bool,
}

impl Step {
    /// One that is carried out once, at `first`; its guard is given up after `length`.
    pub(crate) fn once<A: Action + Send>(
        at: &'static Location<'static>,
        first: Duration,
        length: Option<Duration>,
        action: A,
    ) -> Self {
        let mut action = Some(action);
        let carry_out = move || action.take().expect("it is carried out once").carry_out();
        let is_kept = A::has_an_end() && length.is_none();
        Self { length, is_kept, ..Self::new(at, first, Box::new(carry_out)) }
    }

    /// One that is carried out at `first`, and again after each of the intervals in turn.
    pub(crate) fn repeated<A: Action>(
        at: &'static Location<'static>,
        first: Duration,
        rhythm: Vec<Duration>,
        mut action: impl FnMut() -> A + Send + 'static,
    ) -> Self {
        Self { rhythm, ..Self::new(at, first, Box::new(move || action().carry_out())) }
    }

    fn new(at: &'static Location<'static>, first: Duration, carry_out: Box<dyn FnMut() -> Carried + Send>) -> Self {
        let (rhythm, what) = (Vec::new(), String::new());
        let (length, end, is_kept) = (None, None, false);
        Self { at, next: Some(first), rhythm, times: 0, length, end, is_kept, carry_out, what, kept: None }
    }

    /// When the last of it is to happen, if it is not repeated; and whether it ends with a guard that is kept then.
    pub(super) fn last(&self) -> Option<(Duration, bool)> {
        let first = self.next.filter(|_| !self.is_repeated())?;
        Some((first + self.length.unwrap_or_default(), self.is_kept))
    }

    /// Whether it happens again and again.
    pub(super) fn is_repeated(&self) -> bool {
        !self.rhythm.is_empty()
    }

    /// What is to be done next, and when.
    fn due(&self) -> Option<(Duration, Due)> {
        let end = self.end.filter(|_| self.kept.is_some());
        self.next.map(|next| (next, Due::CarryOut)).or(end.map(|end| (end, Due::GiveUp)))
    }

    /// Does what is due. Answers with why it failed.
    fn carry_out(&mut self, due: Due, now: impl Fn() -> Duration) -> Result<(), String> {
        // A guard of the last time ends before the next time begins.
        let kept = self.kept.take();
        caught(|| drop(kept))?;
        if due == Due::GiveUp {
            return Ok(());
        }
        let carried = caught(&mut self.carry_out);
        self.next = self.next.and_then(|next| self.after(next, now()));
        self.times += 1;
        let Carried { what, outcome } = carried?;
        self.what = what.unwrap_or_default();
        self.kept = Some(outcome?);
        // It lasts as long as it is to, however late it was.
        self.end = self.length.map(|length| now() + length);
        Ok(())
    }

    /// When it is carried out after it was to be at `next`, if it is again. Whole rounds that could not begin in time are left out.
    fn after(&self, next: Duration, now: Duration) -> Option<Duration> {
        let interval = *self.rhythm.get(self.times % self.rhythm.len().max(1))?;
        let round: Duration = self.rhythm.iter().sum();
        let missed = now.saturating_sub(next).as_nanos() / round.as_nanos();
        Some(next + interval + round * u32::try_from(missed).unwrap_or(u32::MAX))
    }
}

/// Does something of the test's, and answers with its panic if there is one.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.map_err(|payload| format!("it has panicked: {}", panic_message(payload.as_ref())))
}

impl Player {
    pub(super) fn start(surroundings: &Arc<Surroundings>, mut steps: Vec<Step>) -> io::Result<Self> {
        let record = surroundings.chronicle.begin();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), record });
        let (its, lab) = (Arc::clone(&shared), Arc::downgrade(surroundings));
        let play = move || {
            its.play(&lab, &mut steps);
            // The guards heal what they are about, in the reverse order, whatever one of them does.
            while let Some(step) = steps.pop() {
                let place = format!("{}:{}", step.at.file(), step.at.line());
                if let Some(next) = step.next.filter(|_| !step.is_repeated()) {
                    its.record.note_unreached(format!("{next:?}: {place}, not reached"));
                }
                if let (Err(error), Some(lab)) = (caught(|| drop(step)), lab.upgrade()) {
                    let _ = lab.spoiled.set(format!("what has happened at {place} could not be undone: {error}"));
                }
            }
            its.lock().is_done = true;
            its.changed.notify_all();
        };
        let thread = Builder::new().name("netns-test timeline".to_owned()).spawn(play)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn happened(&self) -> Vec<Happening> {
        self.shared.record.happened()
    }

    /// Waits until nothing more will happen but what happens again and again.
    pub(super) fn finish(&mut self) {
        let mut state = self.shared.lock();
        while !state.is_done {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has nothing more happen, and waits for the end of what just happens, and of the guards.
    pub(super) fn stop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_all();
        // What happens may itself hold on to the timeline.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // Whatever of the test's panics there has been caught.
            let _ = thread.join();
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn play(&self, lab: &Weak<Surroundings>, steps: &mut [Step]) {
        let start = Instant::now();
        self.record.begin(start);
        let now = || start.elapsed();
        loop {
            let is_done = steps.iter().all(|step| step.is_repeated() || step.due().is_none());
            let next = steps.iter().enumerate().filter_map(|(nth, step)| step.due().map(|(at, due)| (at, nth, due)));
            // The first of those that are due at the same time.
            let next = next.min_by_key(|&(at, nth, _)| (at, nth));
            let until = next.map(|(planned, ..)| start + planned);
            if !self.wait_until(until, is_done) {
                return;
            }
            let Some((planned, nth, due)) = next else { return };
            let (step, began) = (&mut steps[nth], now());
            let error = step.carry_out(due, now).err();
            let took = now().saturating_sub(began);
            let what = if due == Due::GiveUp { format!("no longer {}", step.what) } else { step.what.clone() };
            let failed = error.clone();
            self.record.note(Happening { planned, began, took, what, at: step.at, error });
            if let Some(error) = failed {
                let place = format!("{}:{}", step.at.file(), step.at.line());
                let failed = format!("what was to happen at {planned:?} ({place}) failed: {error}");
                let _ = lab.upgrade().map(|lab| lab.spoiled.set(failed));
                return;
            }
        }
    }

    /// Waits until then, or for the stop. Whether it is to go on.
    fn wait_until(&self, then: Option<Instant>, is_done: bool) -> bool {
        let mut state = self.lock();
        if is_done && !state.is_done {
            state.is_done = true;
            self.changed.notify_all();
        }
        while !state.is_stopped {
            state = match then.map(|then| then.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return true,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, next, rhythm, end, .. } = self;
        f.debug_struct("Step")
            .field("at", at)
            .field("next", next)
            .field("rhythm", rhythm)
            .field("end", end)
            .finish_non_exhaustive()
    }
}
