//! Looking at a condition until it holds, or until it is over.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::alarm::{Alarm, block_until};
use super::condition::{Condition, Finding};

/// When to look, and when it is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    begun: Instant,
    /// The last look begins then, or later.
    end: Instant,
    interval: Duration,
    /// So many looks at least, whatever the time.
    fewest: u32,
    /// A single look that lasts longer is given up, and nothing more is looked at.
    longest_look: Option<Duration>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome<T> {
    /// The value, or in words what the last look found instead.
    pub(super) found: Result<T, String>,
    pub(super) looks: u32,
    pub(super) elapsed: Duration,
}

impl Plan {
    /// From now on, until it holds, but no longer than this.
    pub(super) fn until(timeout: Duration, interval: Duration) -> Self {
        let begun = Instant::now();
        Self { begun, end: begun + timeout, interval, fewest: 1, longest_look: Some(timeout) }
    }

    /// From now on, throughout the window and once after it.
    pub(super) fn throughout(window: Duration, interval: Duration, fewest: u32) -> Self {
        let begun = Instant::now();
        let interval = interval.min(window / fewest);
        Self { begun, end: begun + window, interval, fewest, longest_look: None }
    }

    /// When to look again after a look, if there is to be another one.
    fn next(&self, look_begun: Instant, looks: u32, now: Instant) -> Option<Instant> {
        if look_begun >= self.end && looks >= self.fewest {
            return None;
        }
        let next = now + self.interval;
        Some(if now < self.end { next.min(self.end) } else { next })
    }

    fn outcome<T>(&self, found: Result<T, String>, looks: u32) -> Outcome<T> {
        Outcome { found, looks, elapsed: self.begun.elapsed() }
    }

    /// Follows the plan and blocks this thread.
    pub(super) fn block<F: Finding>(self, condition: &mut impl FnMut() -> F) -> Outcome<F::Value> {
        let mut looks = 0;
        loop {
            let look_begun = Instant::now();
            looks += 1;
            let found = condition().found();
            match (&found, self.next(look_begun, looks, Instant::now())) {
                (Err(_), Some(next)) => block_until(next),
                _ => return self.outcome(found, looks),
            }
        }
    }
}

/// A plan that is being followed by a task.
pub(super) struct Looking<C: Condition<K>, K> {
    plan: Plan,
    condition: C,
    alarm: Option<Alarm>,
    looks: u32,
    stage: Stage<C::Look>,
}

enum Stage<L> {
    /// A look is due then.
    Due(Instant),
    /// One is under way since then.
    Under(Instant, Pin<Box<L>>),
}

/// The condition is called, and not pinned.
impl<C: Condition<K>, K> Unpin for Looking<C, K> {}

impl<C: Condition<K>, K> Looking<C, K> {
    pub(super) fn new(plan: Plan, condition: C) -> Self {
        Self { plan, condition, alarm: None, looks: 0, stage: Stage::Due(plan.begun) }
    }

    /// An error if there is nobody who wakes this task.
    fn wake_at(&mut self, at: Instant, context: &Context<'_>) -> io::Result<()> {
        let alarm = match self.alarm.take() {
            Some(alarm) => alarm,
            None => Alarm::new()?,
        };
        alarm.set(at, context.waker());
        self.alarm = Some(alarm);
        Ok(())
    }

    fn advance(&mut self, context: &mut Context<'_>) -> io::Result<Poll<Outcome<C::Value>>> {
        loop {
            let now = Instant::now();
            match &mut self.stage {
                Stage::Due(at) if now < *at => {
                    let at = *at;
                    return self.wake_at(at, context).map(|()| Poll::Pending);
                }
                Stage::Due(_) => {
                    self.looks += 1;
                    self.stage = Stage::Under(now, Box::pin(self.condition.look()));
                }
                Stage::Under(begun, look) => {
                    let begun = *begun;
                    if let Poll::Ready(found) = look.as_mut().poll(context) {
                        match (&found, self.plan.next(begun, self.looks, Instant::now())) {
                            (Err(_), Some(next)) => self.stage = Stage::Due(next),
                            _ => return Ok(Poll::Ready(self.plan.outcome(found, self.looks))),
                        }
                        continue;
                    }
                    let Some(longest) = self.plan.longest_look else { return Ok(Poll::Pending) };
                    if now >= begun + longest {
                        let instead = format!("a look that has not ended after {longest:.1?}");
                        return Ok(Poll::Ready(self.plan.outcome(Err(instead), self.looks)));
                    }
                    return self.wake_at(begun + longest, context).map(|()| Poll::Pending);
                }
            }
        }
    }
}

impl<C: Condition<K>, K> Future for Looking<C, K> {
    type Output = io::Result<Outcome<C::Value>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.advance(context) {
            Ok(poll) => poll.map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl<C: Condition<K>, K> fmt::Debug for Looking<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looking").field("plan", &self.plan).field("looks", &self.looks).finish_non_exhaustive()
    }
}
