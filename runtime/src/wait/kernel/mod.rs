//! Waiting until the kernel says something of a host: told by its events, where it has any.

mod address;
mod link;
mod listener;
mod neighbour;
mod route;

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::TIMEOUT;
use super::error::WaitError;
use crate::Host;
use crate::error::chain;
use crate::harness::Waiting;
use crate::lab::{LabError, Netlink, NetlinkError, inside};

/// What there is instead of what is waited for; nothing if that is there.
type Missing = Option<String>;

/// A question to a kernel.
type Look = Box<dyn Fn(&mut Netlink) -> Result<Missing, NetlinkError> + Send>;

/// A wait for something that the kernel of a host says of it. `.await` it, or `.wait()` for it in a plain function.
///
/// What is there already is not waited for. Otherwise the kernel's events (rtnetlink(7)) tell when to look again. It may take 5 s, stretched
/// by the setting `time-scale`, and is looked at for the last time when they are over.
///
/// # Errors
/// [`WaitError::Expired`] says what there is instead; [`WaitError::Failed`] why it could not be waited for.
#[must_use = "nothing is waited for until it is awaited, or `wait()` is called"]
pub struct WaitFor {
    host: Host,
    what: String,
    /// The groups of rtnetlink's events after which to look again.
    groups: &'static [u32],
    look: Result<Look, Box<dyn std::error::Error + Send + Sync>>,
    timeout: Duration,
    /// When to look again though no event has come, if there are none of what is waited for.
    interval: Option<Duration>,
}

impl WaitFor {
    fn new(
        host: &Host,
        what: &str,
        groups: &'static [u32],
        look: impl Fn(&mut Netlink) -> Result<Missing, NetlinkError> + Send + 'static,
    ) -> Self {
        let what = format!("{what} on host `{}`", host.name());
        Self { host: host.clone(), what, groups, look: Ok(Box::new(look)), timeout: TIMEOUT, interval: None }
    }

    /// How long it may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Blocks this thread until it is there. For functions that are not `async`.
    pub fn wait(self) -> Result<(), WaitError> {
        let _waiting = Waiting::new(self.what.clone());
        let Self { host, what, groups, look, timeout, interval } = self;
        let failed = |source| failed(&host, &what, source);
        let look = look.map_err(failed)?;
        let timeout = host.scaled(timeout);
        // A thread of its own, which the kernel's sockets are opened on.
        let followed = inside(host.netns(), move || follow(groups, &look, timeout, interval));
        match followed.map_err(|error| failed(error.into()))? {
            Followed::There => Ok(()),
            Followed::Missing { waited, instead } => Err(WaitError::Expired { what, waited, instead }),
        }
    }
}

/// A wait that could not be one is nothing that a test could have expected, whatever becomes of the error.
fn failed(host: &Host, what: &str, source: Box<dyn std::error::Error + Send + Sync>) -> WaitError {
    let error = WaitError::Failed { what: what.to_owned(), source };
    let _ = host.surroundings().broken.set(chain(&error));
    error
}

/// What came of a wait.
enum Followed {
    There,
    Missing { waited: Duration, instead: String },
}

/// Looks, and again after each event. Questions have a socket of their own: an answer cannot get lost among events.
fn follow(groups: &[u32], look: &Look, timeout: Duration, interval: Option<Duration>) -> Result<Followed, LabError> {
    let in_place = |source| LabError::Netlink { place: "the host".to_owned(), source };
    let begun = Instant::now();
    // Subscribed before the first look, so nothing happens in between.
    let events = Netlink::open().map_err(in_place)?;
    events.subscribe(groups).map_err(in_place)?;
    let mut questions = Netlink::open().map_err(in_place)?;
    loop {
        let is_last = begun.elapsed() >= timeout;
        match look(&mut questions).map_err(in_place)? {
            None => return Ok(Followed::There),
            Some(instead) if is_last => return Ok(Followed::Missing { waited: begun.elapsed(), instead }),
            Some(_) => {
                let left = timeout.saturating_sub(begun.elapsed());
                events.wait_for_events(interval.map_or(left, |interval| interval.min(left))).map_err(in_place)?;
            }
        }
    }
}

impl IntoFuture for WaitFor {
    type Output = Result<(), WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// It is waited for on a thread of its own: whatever else runs on this one goes on.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (host, what) = (self.host.clone(), self.what.clone());
            let (tell, told) = tokio::sync::oneshot::channel();
            let thread = std::thread::Builder::new().spawn(move || {
                // Nobody waits for it any more if the future was dropped.
                let _ = tell.send(self.wait());
            });
            match thread {
                Ok(_) => told.await.unwrap_or_else(|_| Err(failed(&host, &what, "its thread has panicked".into()))),
                Err(error) => Err(failed(&host, &what, error.into())),
            }
        })
    }
}

impl fmt::Debug for WaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor").field("what", &self.what).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// What there is, in words.
fn listed(what: &str, items: &[String]) -> String {
    if items.is_empty() { format!("no {what}") } else { format!("the {what} {}", items.join(", ")) }
}

fn address_text(address: IpAddr, remark: Option<&str>) -> String {
    remark.map_or_else(|| address.to_string(), |remark| format!("{address} ({remark})"))
}
