//! Changes of the network while a test runs: cables are pulled, links and addresses change.

mod address;
mod cable;
mod error;
mod interface;
mod journal;
mod outage;

pub use error::LinkError;
pub(crate) use journal::{Changed, Journal};
pub use outage::{Flapping, Unplugged};

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::error::chain;
use crate::harness::Waiting;
use crate::host::Surroundings;
use crate::lab::Patience;
use crate::{Host, Segment};

/// A change of the network: `.await` it, or `.wait()` for it in a plain function. Then it has happened, for both sides.
///
/// A future that was polled and then dropped, by a timeout or a `select!`, takes nothing back: the change is made by a thread of its own, and
/// goes on. One that ends with a guard is undone when it is over, as nobody has the guard.
#[must_use = "nothing changes until this is awaited, or `wait()` is called"]
pub struct Change<T = ()> {
    /// What is done, in the user's words.
    what: String,
    work: Box<dyn FnOnce(Patience) -> Result<T, LinkError> + Send>,
    surroundings: Arc<Surroundings>,
}

impl<T: Send + 'static> Change<T> {
    /// `work` gets the patience that the lab of this host has.
    fn new(what: String, host: &Host, work: impl FnOnce(Patience) -> Result<T, LinkError> + Send + 'static) -> Self {
        Self::in_lab(what, Arc::clone(host.surroundings()), work)
    }

    /// `work` gets the patience that this lab has.
    pub(crate) fn in_lab(
        what: String,
        surroundings: Arc<Surroundings>,
        work: impl FnOnce(Patience) -> Result<T, LinkError> + Send + 'static,
    ) -> Self {
        Self { what, work: Box::new(work), surroundings }
    }

    /// What is done, in the user's words.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Makes the change, and returns when it has happened.
    pub fn wait(self) -> Result<T, LinkError> {
        let _waiting = Waiting::new(self.what.clone());
        let begun = Instant::now();
        let done = (self.work)(Patience::new(&self.surroundings.settings, 1));
        if let Err(error @ LinkError::Failed { .. }) = &done {
            // Nothing that a test could have expected, whatever becomes of the error.
            let _ = self.surroundings.broken.set(chain(error));
        }
        self.surroundings.journal.note(begun, self.what, done.as_ref().err().map(|error| chain(error)));
        done
    }
}

impl<T: Send + 'static> IntoFuture for Change<T> {
    type Output = Result<T, LinkError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// The change is made on a thread of its own: whatever else runs on this one goes on.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let what = self.what.clone();
            let (tell, told) = tokio::sync::oneshot::channel();
            let thread = std::thread::Builder::new().spawn(move || {
                let surroundings = Arc::clone(&self.surroundings);
                if let Err(Err(error)) = tell.send(self.wait()) {
                    // The future was dropped: nobody else is told that the network is not what the test thinks.
                    let _ = surroundings.spoiled.set(chain(&error));
                }
            });
            match thread {
                Ok(_) => told.await.unwrap_or_else(|_| Err(LinkError::failed(&what, "its thread has panicked"))),
                Err(error) => Err(LinkError::failed(&what, error)),
            }
        })
    }
}

impl<T> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("what", &self.what).finish_non_exhaustive()
    }
}

/// The interface of a host on a segment; the first, if it has several there.
fn interface_on(segment: &Segment, host: &Host) -> Result<usize, LinkError> {
    segment
        .interfaces_of(host)
        .first()
        .copied()
        .ok_or_else(|| LinkError::NotThere { host: host.name().to_owned(), segment: segment.name().to_owned() })
}
