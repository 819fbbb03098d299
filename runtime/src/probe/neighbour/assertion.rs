//! Assertions that somebody on a link has an address, or that nobody does.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::super::judge::{Claim, awaited, followed};
use super::super::schedule::Plan;
use super::super::{FEWEST, LEAST_WINDOW, PATIENCE, Target, WINDOW};
use super::report::{ArpError, ArpReport};
use super::session::{self, Options};
use super::{INTERVAL, options};
use crate::Host;

/// The assertion that one machine on a link says to have an address. `.await` it, or `.wait()` for it.
///
/// Requests are sent, 100 ms apart, until one is answered; that takes at most 5 s, stretched by the setting `time-scale`. A second
/// machine that answers meanwhile is a failure; to be sure that there is none, ask for a `count` of several answers.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertArping {
    host: Host,
    options: Options,
    answers: u16,
    interval: Duration,
    timeout: Duration,
    at: &'static Location<'static>,
}

/// The assertion that nobody on a link says to have an address. `.await` it, or `.wait()` for it.
///
/// Three requests are sent, spread over a window of 1.5 s, stretched by the setting `time-scale`. It holds if there is silence until the
/// end of the window. An answer is a failure, and so is anything else, since then the question was not asked.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertNoArping {
    host: Host,
    options: Options,
    count: u16,
    window: Duration,
    at: &'static Location<'static>,
}

options!(AssertArping);
options!(AssertNoArping);
awaited!(AssertArping, AssertNoArping);
followed!(AssertArping, AssertNoArping);

impl Host {
    /// Asserts that a neighbour answers for an address when this host asks by ARP, or IPv6 neighbour solicitation.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if nobody does, or several do.
    #[track_caller]
    pub fn assert_arping(&self, about: impl Into<Target>) -> AssertArping {
        AssertArping {
            host: self.clone(),
            options: Options::new(about.into()),
            answers: 1,
            interval: INTERVAL,
            timeout: PATIENCE,
            at: Location::caller(),
        }
    }

    /// Asserts that no neighbour answers for an address when this host asks by ARP, or IPv6 neighbour solicitation.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if somebody does or if the question could not be asked.
    #[track_caller]
    pub fn assert_no_arping(&self, about: impl Into<Target>) -> AssertNoArping {
        AssertNoArping {
            host: self.clone(),
            options: Options::new(about.into()),
            count: FEWEST,
            window: WINDOW,
            at: Location::caller(),
        }
    }
}

impl AssertArping {
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
        format!("the assertion that {} can arping {}, at {}", self.host.name(), self.options.target, self.at)
    }

    pub(crate) fn session(self) -> impl Future<Output = Result<ArpReport, ArpError>> + Send + 'static {
        let deadline = self.host.scaled(self.timeout);
        session::run(self.host, self.options, Plan::Until { answers: self.answers, interval: self.interval, deadline })
    }

    fn judge(&self, outcome: &Result<ArpReport, ArpError>, begun: Instant) {
        let text = format!("{} can arping {}", self.host.name(), self.options.target);
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

impl AssertNoArping {
    /// How many requests to send; three at least.
    pub fn count(mut self, count: u16) -> Self {
        self.count = count.max(FEWEST);
        self
    }

    /// How long silence has to last, at least 20 ms; stretched by the setting `time-scale`, never shortened by it. A machine that
    /// needs longer to answer is taken for one that does not.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(LEAST_WINDOW);
        self
    }

    fn describe(&self) -> String {
        format!("the assertion that {} cannot arping {}, at {}", self.host.name(), self.options.target, self.at)
    }

    pub(crate) fn session(self) -> impl Future<Output = Result<ArpReport, ArpError>> + Send + 'static {
        let window = self.host.stretched(self.window);
        session::run(self.host, self.options, Plan::Silence { count: self.count, window })
    }

    fn judge(&self, outcome: &Result<ArpReport, ArpError>, begun: Instant) {
        let text = format!("{} cannot arping {}", self.host.name(), self.options.target);
        Claim { host: &self.host, at: self.at, text, of: self.options.question() }.wants_silence(outcome, begun);
    }
}
