//! Making sure that a condition stays away.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::condition::{Condition, Finding, Plain, Sure};
use super::look::{Looking, Outcome, Plan};
use super::{INTERVAL, blocks_tasks, broken, fail, stretched};
use crate::harness::Waiting;

/// The least number of looks: at the start, throughout, at the end.
const FEWEST: u32 = 3;

/// The least window: looks in it are still apart.
const LEAST_WINDOW: Duration = Duration::from_millis(20);

/// The assertion that a condition does not come to hold: see [`never_within`].
#[must_use = "nothing is watched until it is awaited, or `wait()` is called"]
pub struct NeverWithin<C, K> {
    window: Duration,
    what: String,
    condition: C,
    interval: Duration,
    at: &'static Location<'static>,
    kind: PhantomData<fn() -> K>,
}

/// Asserts that a condition does not come to hold within a window. `.await` it, or `.wait()` for it in a plain function.
///
/// The condition is one as for [`eventually`](crate::eventually), but answers no `Result`: an error may mean that nobody could look. One that
/// cannot tell panics. It is looked at at once, every 20 ms, and for the last time when the window is
/// over; three times at least. The window is 20 ms at least, and stretched by the setting `time-scale`, never shortened. A look that is
/// under way when the window ends is waited for, and counts. What holds between two looks only is not seen.
///
/// ```
/// use netns_test::never_within;
/// use std::time::Duration;
///
/// let (_sender, receiver) = std::sync::mpsc::channel::<String>();
/// never_within(Duration::from_millis(50), "a message comes", || receiver.try_recv().ok()).wait();
/// ```
///
/// # Panics
/// At the caller's line, when awaited or waited for, if it holds; the message says what was found.
#[track_caller]
pub fn never_within<K, C>(window: Duration, what: impl Into<String>, condition: C) -> NeverWithin<C, K>
where
    C: Condition<K, Finding: Sure, Value: fmt::Debug>,
{
    let (what, at) = (what.into(), Location::caller());
    NeverWithin { window: window.max(LEAST_WINDOW), what, condition, interval: INTERVAL, at, kind: PhantomData }
}

impl<C, K> NeverWithin<C, K> {
    /// From the end of one look to the next, a third of the window at most.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    fn plan(&self) -> Plan {
        Plan::throughout(stretched(self.window), self.interval, FEWEST)
    }

    fn waiting(&self) -> Waiting {
        Waiting::new(format!("{:?} in which it must not be that {}, at {}", self.window, self.what, self.at))
    }
}

impl<C: FnMut() -> F, F: Finding<Value: fmt::Debug>> NeverWithin<C, Plain> {
    /// Blocks this thread until the window is over. For functions that are not `async`.
    ///
    /// # Panics
    /// If it holds; and on a thread that runs the tasks of a `current_thread` runtime of tokio's, which would all stand still meanwhile, so
    /// that the window would prove nothing.
    pub fn wait(mut self) {
        if blocks_tasks() {
            let message = format!(
                "could not watch whether {}: `.wait()` blocks the thread that the tasks of its tokio runtime run on, so nothing \
                 would happen; `.await` it instead",
                self.what
            );
            broken(self.at, message);
        }
        let _waiting = self.waiting();
        let outcome = self.plan().block(&mut self.condition);
        judge(outcome, &self.what, self.window, self.at);
    }
}

fn judge<T: fmt::Debug>(outcome: Outcome<T>, what: &str, window: Duration, at: &Location<'_>) {
    if let Ok(value) = outcome.found {
        let (looks, elapsed) = (super::times(outcome.looks), outcome.elapsed);
        let message = format!(
            "assertion failed: never within {window:?} {what}\n  after {elapsed:.1?}, looked at {looks}: {value:?}"
        );
        fail(at, &message);
    }
}

/// A future that watches a condition.
pub struct Watching<C: Condition<K>, K> {
    looking: Looking<C, K>,
    what: String,
    window: Duration,
    at: &'static Location<'static>,
    _waiting: Waiting,
}

impl<C: Condition<K, Value: fmt::Debug>, K> Future for Watching<C, K> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let outcome: io::Result<_> = ready!(Pin::new(&mut self.looking).poll(context));
        match outcome {
            Ok(outcome) => judge(outcome, &self.what, self.window, self.at),
            Err(error) => broken(self.at, format!("could not watch whether {}\n  {error}", self.what)),
        }
        Poll::Ready(())
    }
}

impl<C: Condition<K, Value: fmt::Debug>, K> IntoFuture for NeverWithin<C, K> {
    type Output = ();
    type IntoFuture = Watching<C, K>;

    fn into_future(self) -> Self::IntoFuture {
        let (plan, waiting) = (self.plan(), self.waiting());
        let Self { window, what, condition, at, .. } = self;
        Watching { looking: Looking::new(plan, condition), what, window, at, _waiting: waiting }
    }
}

impl<C, K> fmt::Debug for NeverWithin<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("NeverWithin");
        shown.field("window", &self.window).field("what", &self.what).field("interval", &self.interval);
        shown.finish_non_exhaustive()
    }
}

impl<C: Condition<K>, K> fmt::Debug for Watching<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("what", &self.what).finish_non_exhaustive()
    }
}
