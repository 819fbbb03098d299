//! What a flow is asked while it is open, and assertions about the answer.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::client::Plan;
use super::{CutReason, Ends, Flow, FlowError};
use crate::Host;
use crate::probe::{LEAST_WINDOW, PATIENCE, Verdict, WINDOW, broken, fail, on_host, refuse_to_block, wait_on_host};
use crate::trail::Trail;
use crate::transport::Transport;

/// The least window in which SCTP says again what was lost, several times.
pub(super) const LEAST_SCTP_WINDOW: Duration = Duration::from_secs(1);

/// A question and its answer: `.await` it, or `.wait()` for it. It is answered with how long that took.
#[derive(Debug)]
#[must_use = "nothing is asked until it is awaited or waited for"]
pub struct Exchange<'a> {
    flow: &'a mut Flow,
    timeout: Duration,
}

/// The question in which way a flow is cut: `.await` it, or `.wait()` for it.
///
/// It is answered with the reason, or with none if an answer came after all. An error is neither.
#[derive(Debug)]
#[must_use = "nothing is asked until it is awaited or waited for"]
pub struct ProbeCut<'a> {
    flow: &'a mut Flow,
    window: Duration,
}

/// The assertion that a flow is alive. `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertAlive<'a> {
    exchange: Exchange<'a>,
    at: &'static Location<'static>,
}

/// The assertion that nothing gets through a flow. `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertCut<'a> {
    probe: ProbeCut<'a>,
    at: &'static Location<'static>,
}

/// A flow that is to be opened again: `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "nothing is opened until it is awaited or waited for"]
pub struct Reopen<'a>(&'a mut Flow);

impl Flow {
    /// Asks a question, and waits for its answer for 5 s.
    ///
    /// # Errors
    /// [`FlowError::Cut`] if none came; another if that says nothing about the network: [`FlowError::Closed`], [`FlowError::Astray`],
    /// [`FlowError::ServerEnd`], [`FlowError::Local`].
    pub fn exchange(&mut self) -> Exchange<'_> {
        Exchange { flow: self, timeout: PATIENCE }
    }

    /// Asks in which way the flow is cut. After a window of 1.5 s without an answer there is the reason; see [`Flow::assert_cut`].
    pub fn probe_cut(&mut self) -> ProbeCut<'_> {
        ProbeCut { flow: self, window: WINDOW }
    }

    /// Asserts that a question is answered within 5 s, stretched by the setting `time-scale`.
    ///
    /// After a network was cut, TCP tries again by itself, after pauses that grow; since Linux 6.15 they are at most 2 s. Before, one that
    /// was cut for long needs about half as long to come back: say so with [`AssertAlive::timeout`].
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if it is not.
    #[track_caller]
    pub fn assert_alive(&mut self) -> AssertAlive<'_> {
        AssertAlive { exchange: self.exchange(), at: Location::caller() }
    }

    /// Asserts that no question is answered within a window of 1.5 s, stretched by the setting `time-scale`.
    ///
    /// Over UDP three are sent, spread over the window; TCP and SCTP send one again and again. What counts is silence until the end, a reset,
    /// and what ICMP says. For TCP silence is believed when three segments with data have been sent and lost, for which the window becomes up
    /// to four times as long: when it was cut before, pauses between them have grown. An answer is a failure. So is whatever says nothing about
    /// the network: the server's end has ended, or its host's runtime is blocked.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if an answer came or if the question could not be asked.
    #[track_caller]
    pub fn assert_cut(&mut self) -> AssertCut<'_> {
        AssertCut { probe: self.probe_cut(), at: Location::caller() }
    }

    /// Closes both ends, and opens the flow again as it was opened: with new sockets, and on a new port where none was written.
    ///
    /// # Errors
    /// As when it was opened. The flow is closed then: nothing can be asked until it is reopened.
    pub fn reopen(&mut self) -> Reopen<'_> {
        Reopen(self)
    }

    fn open_ends(&self) -> Result<&Ends, FlowError> {
        self.ends.as_ref().ok_or(FlowError::Closed)
    }

    pub(crate) fn what(&self) -> String {
        self.ends.as_ref().map_or_else(|| "flow that is closed".to_owned(), |ends| ends.name.clone())
    }

    /// To be run on the client's runtime.
    fn session(&self, plan: Plan) -> impl Future<Output = Result<Duration, FlowError>> + Send + use<> {
        let ends = self.open_ends().cloned();
        async move {
            let Ends { client, server, .. } = ends?;
            let mut client = client.lock().await;
            client.exchange(&server, plan).await
        }
    }

    async fn ask(&self, plan: Plan) -> Result<Duration, FlowError> {
        on_host(&self.options.client, format!("an answer in the {}", self.what()), self.session(plan)).await
    }

    #[track_caller]
    fn ask_and_wait(&self, plan: Plan) -> Result<Duration, FlowError> {
        refuse_to_block(&self.options.server);
        wait_on_host(&self.options.client, format!("an answer in the {}", self.what()), self.session(plan))
    }

    pub(crate) fn client_host(&self) -> &Host {
        &self.options.client
    }

    pub(crate) fn server_host(&self) -> &Host {
        &self.options.server
    }
}

impl Exchange<'_> {
    /// How long the answer may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Blocks this thread until there is an answer or the time is over. For functions that are not `async`.
    #[track_caller]
    pub fn wait(self) -> Result<Duration, FlowError> {
        self.flow.ask_and_wait(self.plan())
    }

    fn plan(&self) -> Plan {
        Plan::Until(self.flow.client_host().scaled(self.timeout))
    }

    /// To be run on the client's runtime.
    pub(crate) fn session(self) -> impl Future<Output = Result<Duration, FlowError>> + Send + use<> {
        self.flow.session(self.plan())
    }
}

impl ProbeCut<'_> {
    /// How long silence has to last, at least 20 ms, and over SCTP 1 s; stretched by the setting `time-scale`, never shortened by it.
    pub fn window(mut self, window: Duration) -> Self {
        let sctp = self.flow.options.transport == Transport::Sctp;
        self.window = window.max(if sctp { LEAST_SCTP_WINDOW } else { LEAST_WINDOW });
        self
    }

    /// Blocks this thread until it is decided. For functions that are not `async`.
    #[track_caller]
    pub fn wait(self) -> Result<Option<CutReason>, FlowError> {
        reason(self.flow.ask_and_wait(self.plan())).map(Result::err)
    }

    fn plan(&self) -> Plan {
        Plan::Silence(self.flow.client_host().stretched(self.window))
    }

    /// To be run on the client's runtime.
    pub(crate) fn session(self) -> impl Future<Output = Result<Duration, FlowError>> + Send + use<> {
        self.flow.session(self.plan())
    }
}

/// How long the answer took, or why there was none.
fn reason(outcome: Result<Duration, FlowError>) -> Result<Result<Duration, CutReason>, FlowError> {
    match outcome {
        Ok(took) => Ok(Ok(took)),
        Err(FlowError::Cut { reason, .. }) => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}

impl AssertAlive<'_> {
    /// How long the answer may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.exchange = self.exchange.timeout(timeout);
        self
    }

    /// Blocks this thread until it is decided. For functions that are not `async`.
    ///
    /// # Panics
    /// If no answer comes.
    #[track_caller]
    pub fn wait(self) {
        let outcome = self.exchange.flow.ask_and_wait(self.exchange.plan());
        self.judge(outcome);
    }

    fn judge(&self, outcome: Result<Duration, FlowError>) {
        let flow = &self.exchange.flow;
        let claim = format!("the {} is alive", flow.what());
        match (Verdict::of_answer(&outcome), outcome) {
            (_, Ok(_)) => {}
            (Verdict::Broken, Err(error)) => {
                broken(flow.client_host(), self.at, &format!("could not ask whether {claim}"), &error)
            }
            (_, Err(FlowError::Cut { reason, trail, .. })) => {
                fail(self.at, &format!("assertion failed: {claim}\n  {reason}{}", trail.explain()))
            }
            (_, Err(error)) => {
                let trail = error.trail().map(Trail::explain).unwrap_or_default();
                fail(self.at, &format!("assertion failed: {claim}\n  {error}{trail}"))
            }
        }
    }
}

impl AssertCut<'_> {
    /// How long silence has to last: see [`ProbeCut::window`].
    pub fn window(mut self, window: Duration) -> Self {
        self.probe = self.probe.window(window);
        self
    }

    /// Blocks this thread until it is decided. For functions that are not `async`.
    ///
    /// # Panics
    /// If an answer comes, or if the question could not be asked.
    #[track_caller]
    pub fn wait(self) {
        let outcome = self.probe.flow.ask_and_wait(self.probe.plan());
        self.judge(outcome);
    }

    fn judge(&self, outcome: Result<Duration, FlowError>) {
        let flow = &self.probe.flow;
        let claim = format!("the {} is cut", flow.what());
        match (Verdict::of_silence(&outcome), outcome) {
            (Verdict::Holds, _) => {}
            (_, Ok(took)) => fail(self.at, &format!("assertion failed: {claim}\n  an answer came after {took:.1?}")),
            (_, Err(error)) => broken(flow.client_host(), self.at, &format!("could not ask whether {claim}"), &error),
        }
    }
}

impl Reopen<'_> {
    /// Blocks this thread until the flow is open. For functions that are not `async`.
    #[track_caller]
    pub fn wait(self) -> Result<(), FlowError> {
        self.0.ends = None;
        self.0.ends = Some(self.0.options.wait()?);
        Ok(())
    }
}

impl<'a> IntoFuture for Exchange<'a> {
    type Output = Result<Duration, FlowError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.flow.ask(self.plan()).await })
    }
}

impl<'a> IntoFuture for ProbeCut<'a> {
    type Output = Result<Option<CutReason>, FlowError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { reason(self.flow.ask(self.plan()).await).map(Result::err) })
    }
}

impl<'a> IntoFuture for AssertAlive<'a> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let outcome = self.exchange.flow.ask(self.exchange.plan()).await;
            self.judge(outcome);
        })
    }
}

impl<'a> IntoFuture for AssertCut<'a> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let outcome = self.probe.flow.ask(self.probe.plan()).await;
            self.judge(outcome);
        })
    }
}

impl<'a> IntoFuture for Reopen<'a> {
    type Output = Result<(), FlowError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.0.ends = None;
            self.0.ends = Some(self.0.options.open().await?);
            Ok(())
        })
    }
}
