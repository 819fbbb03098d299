//! Waiting until traffic gets through, or does not any more.

use std::pin::Pin;
use std::time::{Duration, Instant};

use super::judge::list;
use super::question::{Answer, Answers, ConnectivityError, Inquiry, Wanted};
use super::{Connectivity, Traffic};
use crate::error::chain;
use crate::probe::{CannotRun, LEAST_WINDOW, PATIENCE, Verdict, WINDOW, on_host, refuse_to_block, until, wait_on_host};
use crate::wait::WaitError;

/// From the end of one round of questions to the next.
const INTERVAL: Duration = Duration::from_millis(100);

/// A wait until traffic gets through, or does not any more. `.await` it, or `.wait()` for it.
///
/// # Errors
/// [`WaitError::Expired`] says what was answered instead, [`WaitError::Failed`] why it could not be asked.
#[derive(Clone, Debug)]
#[must_use = "nothing is waited for until it is awaited, or `wait()` is called"]
pub struct WaitForConnection {
    inquiry: Inquiry,
    /// Whether it is waited for that there is none.
    none: bool,
    timeout: Duration,
    window: Duration,
}

impl Connectivity {
    /// Waits until traffic gets through in each direction, over each family and for each port: at most 5 s, stretched by the setting `time-scale`.
    pub fn wait_for_connection(&self, traffic: impl Into<Traffic>) -> WaitForConnection {
        WaitForConnection { inquiry: self.inquiry(traffic.into()), none: false, timeout: PATIENCE, window: WINDOW }
    }

    /// Waits until traffic gets through in no direction, over no family and for no port for a whole window of 1.5 s, or is refused. The last window begins
    /// after at most 5 s, stretched by the setting `time-scale`.
    pub fn wait_for_no_connection(&self, traffic: impl Into<Traffic>) -> WaitForConnection {
        WaitForConnection { inquiry: self.inquiry(traffic.into()), none: true, timeout: PATIENCE, window: WINDOW }
    }
}

impl WaitForConnection {
    /// How long it may take, or until when the last window may begin; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long silence has to last where it is waited for, at least 20 ms; stretched by the setting `time-scale`, never shortened by it.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(LEAST_WINDOW);
        self
    }

    /// Blocks this thread until it is so. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the runtime of either host, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<(), WaitError> {
        refuse_to_block(self.inquiry.peer());
        let begun = Instant::now();
        let answers = wait_on_host(self.inquiry.host(), self.what(), self.clone().session());
        self.conclude(answers, begun.elapsed())
    }

    /// On the runtime of the host.
    async fn session(self) -> Result<Answers, ConnectivityError> {
        let Self { inquiry, none, timeout, window } = self;
        if !none {
            return inquiry.session(Wanted::Answer(timeout)).await;
        }
        let end = Instant::now() + inquiry.host().scaled(timeout);
        loop {
            let answers = inquiry.clone().session(Wanted::Word(window)).await?;
            let any = |wanted| answers.iter().any(|answer| Verdict::of_silence(&answer.outcome) == wanted);
            let now = Instant::now();
            if now >= end || any(Verdict::Broken) || !any(Verdict::Fails) {
                return Ok(answers);
            }
            let could_not = |source| CannotRun { what: "wait for the next questions".to_owned(), source };
            until(now + INTERVAL).await.map_err(could_not)?;
        }
    }

    fn what(&self) -> String {
        let claim =
            if self.none { ["do not reach each other", "does not reach"] } else { ["reach each other", "reaches"] };
        format!("this: {}", self.inquiry.claim(claim))
    }

    fn conclude(&self, answers: Result<Answers, ConnectivityError>, waited: Duration) -> Result<(), WaitError> {
        let what = self.what();
        // Nothing that a test could have expected, whatever becomes of the error.
        let failed = |error: ConnectivityError| {
            let error = WaitError::Failed { what: what.clone(), source: error.into() };
            let _ = self.inquiry.host().surroundings().broken.set(chain(&error));
            error
        };
        let verdict = if self.none { Verdict::of_silence } else { Verdict::of_answer };
        let answers = answers.map_err(failed)?;
        let instead = answers.iter().filter(|answer| verdict(&answer.outcome) == Verdict::Fails);
        let instead = list(instead, |_| String::new());
        if !instead.is_empty() {
            return Err(WaitError::Expired { what, waited, instead: instead.trim_start().replace("\n  ", "; ") });
        }
        let unasked = answers.into_iter().find(|answer| verdict(&answer.outcome) == Verdict::Broken);
        match unasked {
            Some(Answer { outcome: Err(error), .. }) => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

impl IntoFuture for WaitForConnection {
    type Output = Result<(), WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let begun = Instant::now();
            let answers = on_host(self.inquiry.host(), self.what(), self.clone().session()).await;
            self.conclude(answers, begun.elapsed())
        })
    }
}
