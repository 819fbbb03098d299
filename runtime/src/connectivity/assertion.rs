//! Assertions about what gets through: each panics at the caller's line, with what is known, or says nothing.

use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::judge::judge;
use super::question::{Answers, ConnectivityError, Inquiry, Wanted};
use super::{Connectivity, Traffic};
use crate::probe::{LEAST_WINDOW, PATIENCE, UnreachableCode, Verdict, WINDOW, broken};

/// The assertion that everything that is asked gets through. `.await` it, or `.wait()` for it.
///
/// It is asked again and again until it does; that takes at most 5 s, stretched by the setting `time-scale`. Errors on the way do not end it,
/// unless the question could not be asked.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertConnection {
    inquiry: Inquiry,
    timeout: Duration,
    at: &'static Location<'static>,
}

/// The assertion that nothing that is asked gets through. `.await` it, or `.wait()` for it.
///
/// It holds where there is silence for a window of 1.5 s, stretched by the setting `time-scale`, in which at least three questions are asked; or a
/// refusal ([`ConnectivityError::is_negative`]). Anything else fails it, and be it in one direction, over one family or for one port.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertNoConnection {
    inquiry: Inquiry,
    window: Duration,
    at: &'static Location<'static>,
}

/// The assertion that somebody says of whatever is asked that there is no way: by ICMP's "destination unreachable", or by the own host's lack of a
/// route. Neither silence will do nor a reset; nor what says that a rule prohibits it, or that the destination itself does not take it (protocol
/// and port unreachable), unless just that [`code`](Self::code) is wanted. `.await` it, or `.wait()` for it.
///
/// The word is waited for at most 5 s, stretched by the setting `time-scale`: a router asks three seconds for a neighbour. Over IPv4 it tells
/// each sender five times at once what its routes refuse, and then once a second: many ports are too many for that. Nobody says it of ARP.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertUnreachable {
    inquiry: Inquiry,
    code: Option<UnreachableCode>,
    timeout: Duration,
    at: &'static Location<'static>,
}

impl Connectivity {
    /// Asserts that traffic gets through, there and back.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if it does not in some direction, over some family or for some port, or if that could not be asked.
    #[track_caller]
    pub fn assert_connection(&self, traffic: impl Into<Traffic>) -> AssertConnection {
        AssertConnection { inquiry: self.inquiry(traffic.into()), timeout: PATIENCE, at: Location::caller() }
    }

    /// Asserts that traffic does not get through.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if it does in some direction, over some family or for some port, or if that could not be asked.
    #[track_caller]
    pub fn assert_no_connection(&self, traffic: impl Into<Traffic>) -> AssertNoConnection {
        AssertNoConnection { inquiry: self.inquiry(traffic.into()), window: WINDOW, at: Location::caller() }
    }

    /// Asserts that somebody says of traffic that there is no way.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if nobody does in some direction, over some family or for some port, or if that could not be asked.
    #[track_caller]
    pub fn assert_unreachable(&self, traffic: impl Into<Traffic>) -> AssertUnreachable {
        let inquiry = self.inquiry(traffic.into());
        AssertUnreachable { inquiry, code: None, timeout: PATIENCE, at: Location::caller() }
    }

    pub(super) fn inquiry(&self, traffic: Traffic) -> Inquiry {
        Inquiry { connectivity: self.clone(), traffic }
    }
}

impl AssertConnection {
    /// How long it may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn wanted(&self) -> Wanted {
        Wanted::Answer(self.timeout)
    }

    fn judge(&self, answers: &Result<Answers, ConnectivityError>) {
        self.inquiry.judge(self.at, answers, ["reach each other", "reaches"], Verdict::of_answer);
    }
}

impl AssertNoConnection {
    /// How long silence has to last, at least 20 ms; stretched by the setting `time-scale`, never shortened by it.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(LEAST_WINDOW);
        self
    }

    fn wanted(&self) -> Wanted {
        Wanted::Word(self.window)
    }

    fn judge(&self, answers: &Result<Answers, ConnectivityError>) {
        self.inquiry.judge(self.at, answers, ["do not reach each other", "does not reach"], Verdict::of_silence);
    }
}

impl AssertUnreachable {
    /// Only this code will do, such as net unreachable, `UnreachableCode::V4(0)`. A code is of one family: where both hosts have both, narrow the
    /// question to [`ipv4`](Connectivity::ipv4) or [`ipv6`](Connectivity::ipv6).
    pub fn code(mut self, code: UnreachableCode) -> Self {
        self.code = Some(code);
        self
    }

    /// How long the word may take, at least 20 ms; stretched by the setting `time-scale`, never shortened by it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(LEAST_WINDOW);
        self
    }

    fn wanted(&self) -> Wanted {
        Wanted::Word(self.timeout)
    }

    fn judge(&self, answers: &Result<Answers, ConnectivityError>) {
        let code = self.code.map_or_else(String::new, |code| format!(": {code}"));
        let one_way = format!("is told that it cannot reach{code}");
        let both = format!("are told that they cannot reach each other{code}");
        self.inquiry.judge(self.at, answers, [&both, &one_way], |answer| match answer {
            Err(error) if error.says_unreachable(self.code) => Verdict::Holds,
            Err(error) if error.is_negative() => Verdict::Fails,
            other => Verdict::of_silence(other),
        });
    }
}

impl Inquiry {
    /// What is asserted: of both hosts, or of one towards the other.
    pub(super) fn claim(&self, [both, one]: [&str; 2]) -> String {
        let traffic = &self.traffic;
        match self.connectivity.names() {
            (host, peer, true) => format!("{host} and {peer} {both} over {traffic}"),
            (host, peer, false) => format!("{host} {one} {peer} over {traffic}"),
        }
    }

    fn judge(
        &self,
        at: &Location<'_>,
        answers: &Result<Answers, ConnectivityError>,
        claim: [&str; 2],
        verdict: impl Fn(&Result<String, ConnectivityError>) -> Verdict,
    ) {
        let claim = self.claim(claim);
        match answers {
            Ok(answers) => judge(self.host(), at, &claim, answers, verdict),
            Err(error) => broken(self.host(), at, &format!("could not ask whether {claim}"), error),
        }
    }
}

/// `.await` and `.wait()`.
macro_rules! awaited {
    ($($assertion:ident),+) => {$(
        impl $assertion {
            /// Blocks this thread until it is decided. For functions that are not `async`.
            ///
            /// # Panics
            /// If it does not hold, or if the question could not be asked.
            #[track_caller]
            pub fn wait(self) {
                self.judge(&self.inquiry.ask_and_wait(self.wanted()));
            }
        }

        impl IntoFuture for $assertion {
            type Output = ();
            type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move { self.judge(&self.inquiry.ask(self.wanted()).await) })
            }
        }
    )+};
}

awaited!(AssertConnection, AssertNoConnection, AssertUnreachable);
