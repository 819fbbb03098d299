//! Waiting until a condition holds.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::condition::{Condition, Finding, Plain};
use super::error::WaitError;
use super::look::{Looking, Outcome, Plan};
use super::{INTERVAL, TIMEOUT, broken, fail, scaled};
use crate::harness::Waiting;

/// The assertion that a condition holds at last: see [`eventually`].
#[must_use = "nothing is waited for until it is awaited, or `wait()` is called"]
pub struct Eventually<C, K>(Wait<C, K>);

/// A wait for a condition, which answers whether it holds at last: see [`wait_until`].
#[must_use = "nothing is waited for until it is awaited, or `wait()` is called"]
pub struct WaitUntil<C, K>(Wait<C, K>);

struct Wait<C, K> {
    what: String,
    condition: C,
    timeout: Duration,
    interval: Duration,
    at: &'static Location<'static>,
    kind: PhantomData<fn() -> K>,
}

/// Asserts that a condition holds at last. `.await` it, or `.wait()` for it in a plain function; it answers with what the condition found.
///
/// The condition is a closure that answers `bool`, `Option<T>` or `Result<T, E>` where `E: Display`, or a future of one: see [`Finding`]. It is
/// looked at at once, every 20 ms, and for the last time when 5 s are over, stretched by the setting `time-scale`. A future that takes longer
/// than all that time is given up. What the condition itself panics with comes through.
///
/// The time is real, also where tokio's clock is paused. `what` is for messages: what is true then.
///
/// ```
/// use netns_test::eventually;
///
/// let file = std::env::temp_dir().join(format!("eventually-{}", std::process::id()));
/// let writer = std::thread::spawn({
///     let file = file.clone();
///     move || std::fs::write(file, "ready\n")
/// });
/// let text = eventually("the file says `ready`", || {
///     std::fs::read_to_string(&file).ok().filter(|text| text.contains("ready"))
/// });
/// assert_eq!(text.wait(), "ready\n");
/// # writer.join().unwrap().unwrap();
/// # std::fs::remove_file(file).unwrap();
/// ```
///
/// In an `async` test, with a question that is asked by a future:
///
/// ```no_run
/// # use netns_test::{Host, eventually};
/// # async fn example(a: Host, b: Host) {
/// eventually("b answers", || a.ping(&b).count(1)).await;
/// eventually("b has served ten requests", || async { served(&b).await >= 10 }).await;
/// # }
/// # async fn served(_: &Host) -> u32 { 0 }
/// ```
///
/// # Panics
/// At the caller's line, when awaited or waited for, if it did not hold in time; the message says what was there instead.
#[track_caller]
pub fn eventually<K, C: Condition<K>>(what: impl Into<String>, condition: C) -> Eventually<C, K> {
    Eventually(Wait::new(what.into(), condition))
}

/// Waits for a condition as [`eventually`] does, and answers with a [`WaitError`] if it does not hold in time.
#[track_caller]
pub fn wait_until<K, C: Condition<K>>(what: impl Into<String>, condition: C) -> WaitUntil<C, K> {
    WaitUntil(Wait::new(what.into(), condition))
}

impl<C, K> Wait<C, K> {
    #[track_caller]
    fn new(what: String, condition: C) -> Self {
        let at = Location::caller();
        Self { what, condition, timeout: TIMEOUT, interval: INTERVAL, at, kind: PhantomData }
    }

    fn plan(&self) -> Plan {
        Plan::until(scaled(self.timeout), self.interval)
    }

    fn waiting(&self) -> Waiting {
        Waiting::new(format!("{}, at {}", self.what, self.at))
    }
}

macro_rules! options {
    ($builder:ident) => {
        impl<C, K> $builder<C, K> {
            /// How long it may take; stretched by the setting `time-scale`.
            pub fn timeout(mut self, timeout: Duration) -> Self {
                self.0.timeout = timeout;
                self
            }

            /// From the end of one look to the next.
            pub fn interval(mut self, interval: Duration) -> Self {
                self.0.interval = interval.min(super::LONGEST);
                self
            }
        }

        impl<C, K> fmt::Debug for $builder<C, K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Wait { what, timeout, interval, .. } = &self.0;
                let mut shown = f.debug_struct(stringify!($builder));
                shown.field("what", what).field("timeout", timeout).field("interval", interval);
                shown.finish_non_exhaustive()
            }
        }
    };
}

options!(Eventually);
options!(WaitUntil);

impl<C: FnMut() -> F, F: Finding> Eventually<C, Plain> {
    /// Blocks this thread until it holds. For functions that are not `async`: other tasks of this thread do not run meanwhile.
    ///
    /// # Panics
    /// If it does not hold in time.
    pub fn wait(mut self) -> F::Value {
        let _waiting = self.0.waiting();
        let outcome = self.0.plan().block(&mut self.0.condition);
        let note = if super::blocks_tasks() { "\n  nothing else ran on this thread: `.await` it instead" } else { "" };
        value_or_panic(outcome, &self.0.what, self.0.at, note)
    }
}

impl<C: FnMut() -> F, F: Finding> WaitUntil<C, Plain> {
    /// Blocks this thread until it holds. For functions that are not `async`: other tasks of this thread do not run meanwhile.
    pub fn wait(mut self) -> Result<F::Value, WaitError> {
        let _waiting = self.0.waiting();
        let outcome = self.0.plan().block(&mut self.0.condition);
        value_or_error(outcome, &self.0.what)
    }
}

fn value_or_panic<T>(outcome: Outcome<T>, what: &str, at: &Location<'_>, note: &str) -> T {
    let Outcome { found, looks, elapsed } = outcome;
    found.unwrap_or_else(|instead| {
        let looks = super::times(looks);
        let message =
            format!("assertion failed: eventually {what}\n  after {elapsed:.1?}, looked at {looks}: {instead}{note}");
        fail(at, &message)
    })
}

fn value_or_error<T>(outcome: Outcome<T>, what: &str) -> Result<T, WaitError> {
    let waited = outcome.elapsed;
    outcome.found.map_err(|instead| WaitError::Expired { what: what.to_owned(), waited, instead })
}

/// What to make of an outcome, or of there being nobody who wakes; of what was waited for, and where.
type Conclude<V, T> = fn(io::Result<Outcome<V>>, &str, &'static Location<'static>) -> T;

/// A future that looks at a condition, and then makes something of what came of it.
pub struct Following<C: Condition<K>, K, T> {
    looking: Looking<C, K>,
    what: String,
    at: &'static Location<'static>,
    conclude: Conclude<C::Value, T>,
    _waiting: Waiting,
}

impl<C: Condition<K>, K, T> Following<C, K, T> {
    fn new(wait: Wait<C, K>, conclude: Conclude<C::Value, T>) -> Self {
        let (plan, waiting) = (wait.plan(), wait.waiting());
        let Wait { what, condition, at, .. } = wait;
        Self { looking: Looking::new(plan, condition), what, at, conclude, _waiting: waiting }
    }
}

impl<C: Condition<K>, K, T> Future for Following<C, K, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let outcome = std::task::ready!(Pin::new(&mut self.looking).poll(context));
        Poll::Ready((self.conclude)(outcome, &self.what, self.at))
    }
}

impl<C: Condition<K>, K, T> fmt::Debug for Following<C, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("what", &self.what).finish_non_exhaustive()
    }
}

impl<C: Condition<K>, K> IntoFuture for Eventually<C, K> {
    type Output = C::Value;
    type IntoFuture = Following<C, K, C::Value>;

    fn into_future(self) -> Self::IntoFuture {
        Following::new(self.0, |outcome, what, at| match outcome {
            Ok(outcome) => value_or_panic(outcome, what, at, ""),
            Err(error) => broken(at, format!("could not wait for this: {what}\n  {error}")),
        })
    }
}

impl<C: Condition<K>, K> IntoFuture for WaitUntil<C, K> {
    type Output = Result<C::Value, WaitError>;
    type IntoFuture = Following<C, K, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Following::new(self.0, |outcome, what, _| match outcome {
            Ok(outcome) => value_or_error(outcome, what),
            Err(error) => Err(WaitError::Failed { what: what.to_owned(), source: error.into() }),
        })
    }
}
