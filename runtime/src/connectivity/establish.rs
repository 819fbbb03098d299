//! Conversations that are established before the network changes, in every direction and for every port.

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::judge::{Verdict, judge};
use super::question::{ConnectivityError, Inquiry};
use super::{Connectivity, Ports, Traffic};
use crate::Host;
use crate::flow::{Flow, FlowError, Open};
use crate::probe::{PATIENCE, WINDOW, all_on_hosts, on_host, refuse_to_block, wait_on_host};

/// Conversations that are to be established: `.await` it, or `.wait()` for it.
///
/// Each is a [`Flow`], in every direction and for every port; they are tried again until all of them are open. It takes at most 5 s, stretched by
/// the setting `time-scale`.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until it is awaited or waited for"]
pub struct Establish {
    inquiry: Inquiry,
    timeout: Duration,
}

/// Conversations that are open: a slice of [`Flow`]s, first those that the host has opened and then those of its peer, by port.
#[derive(Debug)]
pub struct Flows(Vec<Flow>);

/// The assertion that all of some conversations are alive, or that all are cut. `.await` it, or `.wait()` for it.
///
/// All are asked at once. What counts is told at [`Flow::assert_alive`] and [`Flow::assert_cut`].
#[derive(Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertFlows<'a> {
    flows: &'a mut Flows,
    cut: bool,
    within: Duration,
    at: &'static Location<'static>,
}

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
    /// Asserts that all of them are alive: a question in each is answered within 5 s.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if one is not, or if that could not be asked.
    #[track_caller]
    pub fn assert_alive(&mut self) -> AssertFlows<'_> {
        AssertFlows { flows: self, cut: false, within: PATIENCE, at: Location::caller() }
    }

    /// Asserts that all of them are cut: in none is a question answered in a window of 1.5 s.
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if one is not, or if that could not be asked.
    #[track_caller]
    pub fn assert_cut(&mut self) -> AssertFlows<'_> {
        AssertFlows { flows: self, cut: true, within: WINDOW, at: Location::caller() }
    }

    /// Closes all of them, and opens each again as it was opened: see [`Flow::reopen`].
    pub async fn reopen(&mut self) -> Result<(), FlowError> {
        for flow in &mut self.0 {
            flow.reopen().await?;
        }
        Ok(())
    }
}

impl AssertFlows<'_> {
    /// How long the answers may take, or the silence has to last; stretched by the setting `time-scale`.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Blocks this thread until it is decided. For functions that are not `async`.
    ///
    /// # Panics
    /// If it does not hold, or if the question could not be asked.
    #[track_caller]
    pub fn wait(mut self) {
        let asked = self.asked();
        for flow in self.flows.iter() {
            refuse_to_block(flow.server_host());
        }
        let all = all_on_hosts(self.claim(), asked);
        let answers = wait_on_host(&self.host(), self.claim(), async { Ok::<_, FlowError>(all.await) });
        self.judge(answers.unwrap_or_else(|error| vec![Err(error)]));
    }

    fn asked(&mut self) -> Vec<Asked> {
        let Self { flows, cut, within, .. } = self;
        let ask = |flow: &mut Flow| -> Asked {
            let host = flow.client_host().clone();
            if *cut {
                (host, Box::pin(flow.probe_cut().window(*within).session()))
            } else {
                (host, Box::pin(flow.exchange().timeout(*within).session()))
            }
        };
        flows.iter_mut().map(ask).collect()
    }

    fn judge(&self, answers: Vec<Result<Duration, FlowError>>) {
        let judged = |(flow, answer): (&Flow, Result<Duration, FlowError>)| {
            let name = format!("{} → {}", flow.client_host().name(), flow.server_host().name());
            let answer = answer.map(|took| format!("an answer came in the {} after {took:.1?}", flow.what()));
            (name, answer.map_err(ConnectivityError::from))
        };
        let answers: Vec<_> = self.flows.iter().zip(answers).map(judged).collect();
        let verdict = if self.cut { Verdict::of_silence } else { Verdict::of_answer };
        judge(&self.host(), self.at, &self.claim(), &answers, verdict);
    }

    fn claim(&self) -> String {
        format!("all flows are {}: {}", if self.cut { "cut" } else { "alive" }, self.flows.len())
    }

    fn host(&self) -> Host {
        self.flows[0].client_host().clone()
    }
}

impl<'a> IntoFuture for AssertFlows<'a> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let asked = self.asked();
            let answers = all_on_hosts(self.claim(), asked).await;
            self.judge(answers);
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
