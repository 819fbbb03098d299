//! Assertions about services: each panics at the caller's line, with what is known, or says nothing.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::session::{self, Options};
use super::{ServiceError, ServiceReport, options};
use crate::Host;
use crate::probe::judge::{Claim, awaited};
use crate::probe::schedule::Plan;
use crate::probe::{FEWEST, LEAST_WINDOW, PATIENCE, Target, WINDOW};
use crate::transport::Transport;

/// From one attempt to the next where an answer is wanted.
const INTERVAL: Duration = Duration::from_millis(250);

/// The assertion that somebody listens on a port. `.await` it, or `.wait()` for it.
///
/// It is tried every 250 ms until there is an answer; that takes at most 5 s, stretched by the setting `time-scale`. Errors on the way do not
/// end it, unless the question could not be asked. What is asked, and what an answer is, is told at [`Service`](super::Service).
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertService {
    host: Host,
    options: Options,
    timeout: Duration,
    at: &'static Location<'static>,
}

/// The assertion that nobody can be reached on a port. `.await` it, or `.wait()` for it.
///
/// Three connections are tried, or three datagrams sent, spread over a window of 1.5 s, stretched by the setting `time-scale`. It holds if there
/// is silence until the end of the window, or a refusal ([`ServiceError::is_negative`]). An answer is a failure, and so is anything
/// else, since then the question was not asked.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertNoService {
    host: Host,
    options: Options,
    window: Duration,
    at: &'static Location<'static>,
}

options!(AssertService);
options!(AssertNoService);
awaited!(AssertService, AssertNoService);

macro_rules! assertions {
    ($transport:ident, $positive:ident, $negative:ident, $name:literal, $what:literal) => {
        impl Host {
            #[doc = concat!("Asserts that ", $what, " ", $name, " port of a target, which can be reached from this host.")]
            ///
            /// # Panics
            /// At the caller's line, when awaited or waited for, if it does not hold.
            #[track_caller]
            pub fn $positive(&self, to: impl Into<Target>, port: u16) -> AssertService {
                let options = Options::new(Transport::$transport, to.into(), port);
                AssertService { host: self.clone(), options, timeout: PATIENCE, at: Location::caller() }
            }

            #[doc = concat!("Asserts that nothing answers this host on a ", $name, " port of a target.")]
            ///
            /// # Panics
            /// At the caller's line, when awaited or waited for, if there is an answer or if the question could not be asked.
            #[track_caller]
            pub fn $negative(&self, to: impl Into<Target>, port: u16) -> AssertNoService {
                let options = Options::new(Transport::$transport, to.into(), port);
                AssertNoService { host: self.clone(), options, window: WINDOW, at: Location::caller() }
            }
        }
    };
}

assertions!(Tcp, assert_tcp, assert_no_tcp, "TCP", "somebody listens on a");
assertions!(Udp, assert_udp, assert_no_udp, "UDP", "something answers on a");
assertions!(Sctp, assert_sctp, assert_no_sctp, "SCTP", "somebody listens on an");

impl AssertService {
    /// How long it may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn describe(&self) -> String {
        format!("the assertion that {}, at {}", claim(&self.host, &self.options, "reaches"), self.at)
    }

    fn session(self) -> impl Future<Output = Result<ServiceReport, ServiceError>> + Send + 'static {
        let deadline = self.host.scaled(self.timeout);
        session::run(self.host, self.options, Plan::Until { answers: 1, interval: INTERVAL, deadline })
    }

    fn judge(&self, outcome: &Result<ServiceReport, ServiceError>, begun: Instant) {
        let text = claim(&self.host, &self.options, "reaches");
        Claim { host: &self.host, at: self.at, text, of: self.options.question() }
            .wants_answer(outcome, begun, |_| Ok(()));
    }
}

impl AssertNoService {
    /// How long silence has to last, at least 20 ms; stretched by the setting `time-scale`, never shortened by it.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(LEAST_WINDOW);
        self
    }

    fn describe(&self) -> String {
        format!("the assertion that {}, at {}", claim(&self.host, &self.options, "does not reach"), self.at)
    }

    fn session(self) -> impl Future<Output = Result<ServiceReport, ServiceError>> + Send + 'static {
        let window = self.host.stretched(self.window);
        session::run(self.host, self.options, Plan::Silence { count: FEWEST, window })
    }

    fn judge(&self, outcome: &Result<ServiceReport, ServiceError>, begun: Instant) {
        let text = claim(&self.host, &self.options, "does not reach");
        Claim { host: &self.host, at: self.at, text, of: self.options.question() }.wants_silence(outcome, begun);
    }
}

fn claim(host: &Host, options: &Options, does: &str) -> String {
    let Options { transport, target, port, .. } = options;
    format!("{} {does} {target}, {transport} port {port}", host.name())
}
