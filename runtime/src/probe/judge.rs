//! What assertions have in common: an answer is for the one, silence and refusals for the other, and neither is where nobody was asked.

use std::error::Error;
use std::fmt::Display;
use std::panic::Location;
use std::time::Duration;

use super::{UnreachableCode, broken, fail};
use crate::Host;

/// Why a probe has no answer.
pub(crate) trait NoAnswer: Error {
    /// Whether it is a result: silence, or a refusal.
    fn is_negative(&self) -> bool;

    /// Whether it will not change by asking again: the question could not be asked.
    fn is_broken(&self) -> bool;

    /// Whether somebody said that there is no way: with this code, if one is wanted. The own host's lack of a route has none.
    fn says_unreachable(&self, _wanted: Option<UnreachableCode>) -> bool {
        false
    }
}

/// Something that is asserted of a host, where the assertion was made, and in what words.
pub(super) struct Claim<'a> {
    pub(super) host: &'a Host,
    pub(super) at: &'static Location<'static>,
    pub(super) text: String,
}

impl Claim<'_> {
    /// The claim is that there is an answer. `enough` says of one that it does not do, why.
    pub(super) fn wants_answer<T: Display, E: NoAnswer + 'static>(
        &self,
        outcome: &Result<T, E>,
        asked_for: Duration,
        enough: impl FnOnce(&T) -> Result<(), String>,
    ) {
        match outcome {
            Ok(report) => {
                if let Err(why) = enough(report) {
                    fail(self.at, &format!("assertion failed: {}\n  {why}: {report}", self.text));
                }
            }
            Err(error) if error.is_broken() => self.could_not_ask(error),
            Err(error) => {
                let last_word = format!("after {asked_for:.1?} the last word is: {error}");
                fail(self.at, &format!("assertion failed: {}\n  {last_word}", self.text))
            }
        }
    }

    /// The claim is that there is none.
    pub(super) fn wants_silence<T: Display, E: NoAnswer + 'static>(&self, outcome: &Result<T, E>) {
        match outcome {
            Ok(report) => fail(self.at, &format!("assertion failed: {}\n  it answered: {report}", self.text)),
            Err(error) if error.is_negative() => {}
            Err(error) => self.could_not_ask(error),
        }
    }

    fn could_not_ask(&self, error: &(dyn Error + 'static)) -> ! {
        broken(self.host, self.at, &format!("could not ask whether {}", self.text), error)
    }
}

/// `.await` and `.wait()` for assertions: each can tell what it `describe`s, has a `session`, and `judge`s what came of it.
macro_rules! awaited {
    ($($assertion:ident),+) => {$(
        impl $assertion {
            /// Blocks this thread until it is decided. For functions that are not `async`.
            ///
            /// # Panics
            /// If it does not hold, or if the question could not be asked.
            #[track_caller]
            pub fn wait(self) {
                let begun = std::time::Instant::now();
                let outcome = $crate::probe::wait_on_host(&self.host, self.describe(), self.clone().session());
                self.judge(&outcome, begun.elapsed());
            }
        }

        impl IntoFuture for $assertion {
            type Output = ();
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move {
                    let begun = std::time::Instant::now();
                    let outcome = $crate::probe::on_host(&self.host, self.describe(), self.clone().session()).await;
                    self.judge(&outcome, begun.elapsed());
                })
            }
        }
    )+};
}
pub(super) use awaited;
