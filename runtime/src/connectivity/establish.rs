//! Conversations that are established before the network changes, in every direction and for every port.

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::judge::judge;
use super::question::{Answer, ConnectivityError, Inquiry};
use super::{Connectivity, Ports, Traffic};
use crate::Host;
use crate::flow::{Flow, FlowError, Open};
use crate::probe::{PATIENCE, Verdict, WINDOW, all_on_hosts, on_host, refuse_to_block, wait_on_host};

/// Conversations that are to be established: `.await` it, or `.wait()` for it.
///
/// Each is a [`Flow`], in every direction, over every family and for every port; they are tried again until all of them are open. It takes at most 5 s, stretched by
/// the setting `time-scale`.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until it is awaited or waited for"]
pub struct Establish {
    inquiry: Inquiry,
    timeout: Duration,
}

/// Conversations that are open: a slice of [`Flow`]s, first those that the host has opened and then those of its peer, each over IPv4 and then over
/// IPv6, by port.
#[derive(Debug)]
pub struct Flows(Vec<Flow>);

/// The assertion that all of some conversations are alive: see [`Flow::assert_alive`]. `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertAllAlive<'a> {
    flows: &'a mut Flows,
    timeout: Duration,
    at: &'static Location<'static>,
}

/// The assertion that all of some conversations are cut: see [`Flow::assert_cut`]. `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertAllCut<'a> {
    flows: &'a mut Flows,
    window: Duration,
    at: &'static Location<'static>,
}

/// Conversations that are to be opened again: `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "nothing is opened until it is awaited or waited for"]
pub struct ReopenAll<'a>(&'a mut Flows);

/// A question in a flow, with the host on whose runtime it is asked.
type Asked = (Host, Pin<Box<dyn Future<Output = Result<Duration, FlowError>> + Send>>);

impl Connectivity {
    /// Opens conversations that stay while the network changes.
    pub fn establish(&self, ports: impl Into<Ports>) -> Establish {
        Establish { inquiry: self.inquiry(Traffic::from(ports.into())), timeout: PATIENCE }
    }
}

impl Establish {
    /// How long it may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Blocks this thread until all are open. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the runtime of either host, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<Flows, ConnectivityError> {
        refuse_to_block(self.inquiry.peer());
        wait_on_host(&self.inquiry.host().clone(), self.inquiry.describe(), self.session())
    }

    async fn session(self) -> Result<Flows, ConnectivityError> {
        let Self { inquiry, timeout } = self;
        let open = |(host, open): (_, Open<()>)| {
            let opening = open.timeout(timeout).at_last();
            (host, async { opening.await.map_err(ConnectivityError::from) })
        };
        let flows = all_on_hosts(inquiry.describe(), inquiry.opens()?.into_iter().map(open)).await;
        flows.into_iter().collect::<Result<_, _>>().map(Flows)
    }
}

impl Flows {
    /// Asserts that all of them are alive: a question in each is answered within 5 s. All are asked at once.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if one is not, or if that could not be asked.
    #[track_caller]
    pub fn assert_alive(&mut self) -> AssertAllAlive<'_> {
        AssertAllAlive { flows: self, timeout: PATIENCE, at: Location::caller() }
    }

    /// Asserts that all of them are cut: in none is a question answered in a window of 1.5 s. All are asked at once.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if one is not, or if that could not be asked.
    #[track_caller]
    pub fn assert_cut(&mut self) -> AssertAllCut<'_> {
        AssertAllCut { flows: self, window: WINDOW, at: Location::caller() }
    }

    /// Closes each of them, and opens it again as it was opened: see [`Flow::reopen`].
    ///
    /// # Errors
    /// The first that could not be opened. It is closed then, and those after it are as they were.
    pub fn reopen(&mut self) -> ReopenAll<'_> {
        ReopenAll(self)
    }

    fn host(&self) -> &Host {
        self.0[0].client_host()
    }

    async fn ask(asked: Vec<Asked>) -> Vec<Result<Duration, FlowError>> {
        all_on_hosts(describe(asked.len()), asked).await
    }

    #[track_caller]
    fn ask_and_wait(&self, asked: Vec<Asked>) -> Vec<Result<Duration, FlowError>> {
        self.iter().for_each(|flow| refuse_to_block(flow.server_host()));
        let all = async { Ok::<_, FlowError>(Self::ask(asked).await) };
        wait_on_host(self.host(), describe(self.len()), all).unwrap_or_else(|error| vec![Err(error)])
    }

    fn judge(
        &self,
        at: &Location<'_>,
        what: &str,
        answers: Vec<Result<Duration, FlowError>>,
        verdict: fn(&Result<String, ConnectivityError>) -> Verdict,
    ) {
        let judged = |(flow, answer): (&Flow, Result<Duration, FlowError>)| {
            let name = format!("{} → {}", flow.client_host().name(), flow.server_host().name());
            let answer = answer.map(|took| format!("an answer came in the {} after {took:.1?}", flow.what()));
            Answer::new(name, answer.map_err(ConnectivityError::from))
        };
        let answers: Vec<_> = self.iter().zip(answers).map(judged).collect();
        judge(self.host(), at, &format!("all {} flows are {what}", self.len()), &answers, verdict);
    }
}

fn describe(flows: usize) -> String {
    format!("answers in {flows} flows")
}

impl AssertAllAlive<'_> {
    /// How long the answers may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn asked(&mut self) -> Vec<Asked> {
        let ask = |flow: &mut Flow| -> Asked {
            (flow.client_host().clone(), Box::pin(flow.exchange().timeout(self.timeout).session()))
        };
        self.flows.0.iter_mut().map(ask).collect()
    }

    fn judge(&self, answers: Vec<Result<Duration, FlowError>>) {
        self.flows.judge(self.at, "alive", answers, Verdict::of_answer);
    }
}

impl AssertAllCut<'_> {
    /// How long the silence has to last: see [`ProbeCut::window`](crate::ProbeCut::window).
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    fn asked(&mut self) -> Vec<Asked> {
        let ask = |flow: &mut Flow| -> Asked {
            (flow.client_host().clone(), Box::pin(flow.probe_cut().window(self.window).session()))
        };
        self.flows.0.iter_mut().map(ask).collect()
    }

    fn judge(&self, answers: Vec<Result<Duration, FlowError>>) {
        self.flows.judge(self.at, "cut", answers, Verdict::of_silence);
    }
}

/// `.await` and `.wait()` for the assertions.
macro_rules! awaited {
    ($($assertion:ident),+) => {$(
        impl $assertion<'_> {
            /// Blocks this thread until it is decided. For functions that are not `async`.
            ///
            /// # Panics
            /// If it does not hold, or if the question could not be asked.
            #[track_caller]
            pub fn wait(mut self) {
                let asked = self.asked();
                let answers = self.flows.ask_and_wait(asked);
                self.judge(answers);
            }
        }

        impl<'a> IntoFuture for $assertion<'a> {
            type Output = ();
            type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

            fn into_future(mut self) -> Self::IntoFuture {
                Box::pin(async move {
                    let asked = self.asked();
                    self.judge(Flows::ask(asked).await);
                })
            }
        }
    )+};
}

awaited!(AssertAllAlive, AssertAllCut);

impl ReopenAll<'_> {
    /// Blocks this thread until all are open. For functions that are not `async`.
    #[track_caller]
    pub fn wait(self) -> Result<(), FlowError> {
        self.0.iter_mut().try_for_each(|flow| flow.reopen().wait())
    }
}

impl<'a> IntoFuture for ReopenAll<'a> {
    type Output = Result<(), FlowError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            for flow in self.0.iter_mut() {
                flow.reopen().await?;
            }
            Ok(())
        })
    }
}

impl IntoFuture for Establish {
    type Output = Result<Flows, ConnectivityError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { on_host(&self.inquiry.host().clone(), self.inquiry.describe(), self.session()).await })
    }
}

impl Deref for Flows {
    type Target = [Flow];

    fn deref(&self) -> &[Flow] {
        &self.0
    }
}

impl DerefMut for Flows {
    fn deref_mut(&mut self) -> &mut [Flow] {
        &mut self.0
    }
}

impl IntoIterator for Flows {
    type Item = Flow;
    type IntoIter = std::vec::IntoIter<Flow>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Flows {
    type Item = &'a Flow;
    type IntoIter = std::slice::Iter<'a, Flow>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Flows {
    type Item = &'a mut Flow;
    type IntoIter = std::slice::IterMut<'a, Flow>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}
