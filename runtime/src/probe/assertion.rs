//! Assertions about pings: each panics at the caller's line, with what is known, or says nothing.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::asker::Options;
use super::judge::{Claim, awaited, followed};
use super::ping::{PingError, PingReport, options};
use super::schedule::Plan;
use super::session;
use super::{FEWEST, LEAST_WINDOW, PATIENCE, Target, WINDOW};
use crate::Host;

/// The assertion that a target answers. `.await` it, or `.wait()` for it.
///
/// Requests are sent, 100 ms apart, until one is answered; that takes at most 5 s, stretched by the setting `time-scale`. Errors on
/// the way do not end it, unless the question could not be asked.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertPing {
    host: Host,
    options: Options,
    answers: u16,
    interval: Duration,
    timeout: Duration,
    at: &'static Location<'static>,
}

/// The assertion that a target does not answer. `.await` it, or `.wait()` for it.
///
/// Three requests are sent, spread over a window of 1.5 s, stretched by the setting `time-scale`. It holds if there is silence until the
/// end of the window, or if the request is refused: unreachable, prohibited, no route
/// ([`PingError::is_negative`]). An answer is a failure, and so is anything else, since then the question was not asked.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertNoPing {
    host: Host,
    options: Options,
    count: u16,
    window: Duration,
    at: &'static Location<'static>,
}

options!(AssertPing);
options!(AssertNoPing);
awaited!(AssertPing, AssertNoPing);
followed!(AssertPing, AssertNoPing);

impl Host {
    /// Asserts that a target answers pings from this host.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if it does not.
    #[track_caller]
    pub fn assert_ping(&self, to: impl Into<Target>) -> AssertPing {
        AssertPing {
            host: self.clone(),
            options: Options { wants_answer: true, ..Options::new(to.into()) },
            answers: 1,
            interval: Duration::from_millis(100),
            timeout: PATIENCE,
            at: Location::caller(),
        }
    }

    /// Asserts that a target does not answer pings from this host.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if it answers or if the question could not be asked.
    #[track_caller]
    pub fn assert_no_ping(&self, to: impl Into<Target>) -> AssertNoPing {
        AssertNoPing {
            host: self.clone(),
            options: Options::new(to.into()),
            count: FEWEST,
            window: WINDOW,
            at: Location::caller(),
        }
    }
}

impl AssertPing {
    /// How many requests have to be answered, at least one.
    pub fn count(mut self, answers: u16) -> Self {
        self.answers = answers.max(1);
        self
    }

    /// From one request to the next.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long it may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn describe(&self) -> String {
        format!("the assertion that {} can ping {}, at {}", self.host.name(), self.options.target, self.at)
    }

    pub(crate) fn session(self) -> impl Future<Output = Result<PingReport, PingError>> + Send + 'static {
        let deadline = self.host.scaled(self.timeout);
        session::run(self.host, self.options, Plan::Until { answers: self.answers, interval: self.interval, deadline })
    }

    fn judge(&self, outcome: &Result<PingReport, PingError>, begun: Instant) {
        let text = format!("{} can ping {}", self.host.name(), self.options.target);
        Claim { host: &self.host, at: self.at, text, of: self.options.question() }.wants_answer(
            outcome,
            begun,
            |report| {
                let enough = report.received() >= u32::from(self.answers);
                if enough { Ok(()) } else { Err(format!("{} answers were wanted", self.answers)) }
            },
        );
    }
}

impl AssertNoPing {
    /// How many requests to send; three at least.
    pub fn count(mut self, count: u16) -> Self {
        self.count = count.max(FEWEST);
        self
    }

    /// How long silence has to last, at least 20 ms; stretched by the setting `time-scale`, never shortened by it. A target that
    /// needs longer to answer is taken for one that does not.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(LEAST_WINDOW);
        self
    }

    fn describe(&self) -> String {
        format!("the assertion that {} cannot ping {}, at {}", self.host.name(), self.options.target, self.at)
    }

    pub(crate) fn session(self) -> impl Future<Output = Result<PingReport, PingError>> + Send + 'static {
        let window = self.host.stretched(self.window);
        session::run(self.host, self.options, Plan::Silence { count: self.count, window })
    }

    fn judge(&self, outcome: &Result<PingReport, PingError>, begun: Instant) {
        let text = format!("{} cannot ping {}", self.host.name(), self.options.target);
        Claim { host: &self.host, at: self.at, text, of: self.options.question() }.wants_silence(outcome, begun);
    }
}
