//! What assertions have in common: an answer is for the one, silence and refusals for the other, and neither is where nobody was asked.

use std::error::Error;
use std::fmt::Display;
use std::net::IpAddr;
use std::panic::Location;
use std::time::Instant;

use super::{Family, Target, broken, fail};
use crate::Host;
use crate::trail::{self, Asked, Asking, Fingerprints, Question};

/// Why a probe has no answer.
pub(crate) trait NoAnswer: Error {
    /// Whether it is a result: silence, or a refusal.
    fn is_negative(&self) -> bool;

    /// Whether it will not change by asking again: the question could not be asked.
    fn is_broken(&self) -> bool;

    /// Whether somebody has answered all the same, though not as is wanted: several have.
    fn is_answered(&self) -> bool {
        false
    }
}

/// What an outcome means for a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Fails,
    /// It says nothing about it.
    Broken,
}

impl Verdict {
    /// For the claim that there is an answer.
    pub(crate) fn of_answer<T, E: NoAnswer>(outcome: &Result<T, E>) -> Self {
        match outcome {
            Ok(_) => Self::Holds,
            Err(error) if error.is_broken() => Self::Broken,
            Err(_) => Self::Fails,
        }
    }

    /// For the claim that there is none.
    pub(crate) fn of_silence<T, E: NoAnswer>(outcome: &Result<T, E>) -> Self {
        match outcome {
            Ok(_) => Self::Fails,
            Err(error) if error.is_negative() => Self::Holds,
            Err(error) if error.is_answered() => Self::Fails,
            Err(_) => Self::Broken,
        }
    }
}

/// Something that is asserted of a host, where the assertion was made, and in what words.
pub(super) struct Claim<'a> {
    pub(super) host: &'a Host,
    pub(super) at: &'static Location<'static>,
    pub(super) text: String,
    /// For whoever wants to know why there is no answer.
    pub(super) of: Of<'a>,
}

/// Of whom something is asked, and how.
pub(super) struct Of<'a> {
    pub(super) target: &'a Target,
    pub(super) family: Option<Family>,
    pub(super) source: Option<IpAddr>,
    pub(super) asked: Asked,
    pub(super) fingerprints: &'a Fingerprints,
}

impl Of<'_> {
    /// What was asked, for whoever wants to know where it went.
    pub(super) fn question(&self, from: &Host, since: Instant) -> Option<Question> {
        let Self { target, family, source, asked, fingerprints } = *self;
        let to = target.resolve(from, family.or(source.map(Family::of))).ok()?;
        let asking = Asking { to, source, asked, since, fingerprints: fingerprints.clone() };
        Some(Question { from: from.clone(), asking })
    }
}

impl Claim<'_> {
    /// The claim is that there is an answer. `enough` says of one that it does not do, why.
    pub(super) fn wants_answer<T: Display, E: NoAnswer + 'static>(
        &self,
        outcome: &Result<T, E>,
        begun: Instant,
        enough: impl FnOnce(&T) -> Result<(), String>,
    ) {
        match (outcome, Verdict::of_answer(outcome)) {
            (Ok(report), _) => {
                if let Err(why) = enough(report) {
                    fail(self.at, &format!("assertion failed: {}\n  {why}: {report}", self.text));
                }
            }
            (Err(error), Verdict::Broken) => self.could_not_ask(error),
            (Err(error), _) => {
                let last_word = format!("after {:.1?} the last word is: {error}", begun.elapsed());
                let why =
                    self.of.question(self.host, begun).map(|question| trail::explain(&question)).unwrap_or_default();
                fail(self.at, &format!("assertion failed: {}\n  {last_word}{why}", self.text))
            }
        }
    }

    /// The claim is that there is none.
    pub(super) fn wants_silence<T: Display, E: NoAnswer + 'static>(&self, outcome: &Result<T, E>, begun: Instant) {
        match (outcome, Verdict::of_silence(outcome)) {
            (_, Verdict::Holds) => {}
            (Ok(report), _) => {
                let way = self.of.question(self.host, begun).map(|question| trail::way(&question)).unwrap_or_default();
                fail(self.at, &format!("assertion failed: {}\n  it answered: {report}{way}", self.text))
            }
            (Err(error), Verdict::Fails) => fail(self.at, &format!("assertion failed: {}\n  {error}", self.text)),
            (Err(error), Verdict::Broken) => self.could_not_ask(error),
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
                self.judge(&outcome, begun);
            }
        }

        impl IntoFuture for $assertion {
            type Output = ();
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move {
                    let begun = std::time::Instant::now();
                    let outcome = $crate::probe::on_host(&self.host, self.describe(), self.clone().session()).await;
                    self.judge(&outcome, begun);
                })
            }
        }
    )+};
}
pub(super) use awaited;

/// Assertions that tell what they ask, for whoever wants to know where its packets went.
macro_rules! followed {
    ($($assertion:ident),+) => {$(
        impl $assertion {
            pub(crate) fn question(&self, since: std::time::Instant) -> Option<$crate::trail::Question> {
                self.options.question().question(&self.host, since)
            }
        }
    )+};
}
pub(super) use followed;
