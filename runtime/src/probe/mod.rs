//! Questions that one host asks about another, and assertions on the answers.
//!
//! A probe runs on the runtime of the host that asks, in real time, whatever the clock of the test's own runtime does. It knows
//! the difference between "no answer came" and "the question was never asked".

mod asker;
mod assertion;
mod echo;
mod judge;
mod neighbour;
mod ping;
mod ping_all;
mod pinger;
mod reachability;
mod rtts;
mod schedule;
mod service;
mod session;
mod silence;
mod target;

pub use assertion::{AssertNoPing, AssertPing};
pub(crate) use echo::seed;
pub(crate) use judge::{NoAnswer, Verdict};
pub use neighbour::{Announce, ArpError, ArpReport, Arping, AssertArping, AssertNoArping};
pub use ping::{Ping, PingError, PingReport, UnreachableCode};
pub use ping_all::PingAll;
pub use pinger::{PingLog, Pinger, StopPinger};
pub use reachability::{AssertReachability, ProbeReachability, Reachability};
pub(crate) use schedule::{Plan, Schedule, until};
pub use service::{AssertNoService, AssertService, Service, ServiceError, ServiceReport};
pub(crate) use silence::{FEWEST, LEAST_WINDOW, LOOK, MOST_WINDOWS, Room, WINDOW};
pub(crate) use target::Family;
pub use target::{Target, TargetError};

use std::io;
use std::panic::{Location, resume_unwind};
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::Host;
pub(crate) use crate::error::fail;
use crate::harness::Waiting;

/// How long an assertion waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A host that cannot run anything has not asked: an error of the probe, which whoever made it can tell at its own line.
#[derive(Debug)]
pub(crate) struct CannotRun {
    pub(crate) what: String,
    pub(crate) source: io::Error,
}

/// Runs a probe on the runtime of a host; the answer can be awaited in any runtime. `what` is for the report of a
/// test that hangs.
pub(crate) async fn on_host<T: Send + 'static, E: From<CannotRun> + Send + 'static>(
    host: &Host,
    what: String,
    probe: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    let _waiting = Waiting::new(what);
    match runtime(host)?.spawn(probe).await {
        Ok(answer) => answer,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Runs probes at once, each on the runtime of its host: one thread for all of a host's. The answers are in their order.
pub(crate) async fn all_on_hosts<T: Send + 'static, E: From<CannotRun> + Send + 'static>(
    what: String,
    probes: impl IntoIterator<Item = (Host, impl Future<Output = Result<T, E>> + Send + 'static)>,
) -> Vec<Result<T, E>> {
    let _waiting = Waiting::new(what);
    let spawn = |(host, probe): (Host, _)| runtime(&host).map(|runtime| runtime.spawn(probe));
    let under_way: Vec<_> = probes.into_iter().map(spawn).collect();
    let mut answers = Vec::with_capacity(under_way.len());
    for probe in under_way {
        answers.push(match probe {
            Ok(probe) => probe.await.unwrap_or_else(|error| resume_unwind(error.into_panic())),
            Err(error) => Err(error.into()),
        });
    }
    answers
}

/// A thread that waits for what is to run on it waits for ever. That is no panic that a test could have expected.
#[track_caller]
pub(crate) fn refuse_to_block(host: &Host) {
    if host.machine().is_its_runtime() {
        let message = format!(
            "`.wait()` in a future of host `{0}` blocks the thread that the probe of `{0}` runs on: `.await` it instead",
            host.name()
        );
        host.surroundings().could_not(Location::caller(), message);
    }
}

/// Runs a probe on the runtime of a host and blocks this thread until it has its answer.
///
/// # Panics
/// On that runtime's own thread, which would wait for itself.
#[track_caller]
pub(crate) fn wait_on_host<T: Send + 'static, E: From<CannotRun> + Send + 'static>(
    host: &Host,
    what: String,
    probe: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    refuse_to_block(host);
    let _waiting = Waiting::new(what);
    let (tell, told) = mpsc::channel();
    runtime(host)?.spawn(async move {
        // Whoever waits for it is there until it comes.
        let _ = tell.send(probe.await);
    });
    told.recv().unwrap_or_else(|_| panic!("the probe of host `{}` has panicked; its message is above", host.name()))
}

pub(crate) fn runtime(host: &Host) -> Result<&Handle, CannotRun> {
    let what = || format!("run anything in host `{}`", host.name());
    host.machine().try_runtime().map_err(|error| CannotRun { what: what(), source: io::Error::other(error) })
}

/// Panics at the line of whoever made an assertion that was not asked: no failure that a test could have expected.
pub(crate) fn broken(host: &Host, at: &Location<'_>, message: &str, error: &dyn std::error::Error) -> ! {
    host.machine().surroundings().could_not(at, format!("{message}\n  {}", crate::error::chain(error)))
}
