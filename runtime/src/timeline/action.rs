//! What can happen by the clock.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::change::Change;
use crate::error::chain;
use crate::impair::Impair;

/// What a [`Timeline`](super::Timeline) can have happen: a [`Change`], an [`Impair`], or a closure that does something, and answers with one of these, with a
/// `Result` or with nothing.
pub trait Action: 'static {
    #[doc(hidden)]
    fn carry_out(self) -> Carried;
}

/// What has come of an action.
#[doc(hidden)]
pub struct Carried {
    /// In its own words, if it has any.
    pub(super) what: Option<String>,
    pub(super) outcome: Result<Kept, String>,
}

/// What an action has ended with: a guard, perhaps.
pub(super) type Kept = Box<dyn Any + Send>;

impl Carried {
    fn new<T: Send + 'static>(what: Option<String>, outcome: Result<T, String>) -> Self {
        Self { what, outcome: outcome.map(|kept| Box::new(kept) as Kept) }
    }
}

impl<T: Send + 'static> Action for Change<T> {
    fn carry_out(self) -> Carried {
        let what = self.what().to_owned();
        Carried::new(Some(what), self.wait().map_err(|error| chain(&error)))
    }
}

impl Action for Impair {
    fn carry_out(self) -> Carried {
        self.change().carry_out()
    }
}

impl<T: Send + 'static, E: Into<Box<dyn Error + Send + Sync>> + 'static> Action for Result<T, E> {
    fn carry_out(self) -> Carried {
        Carried::new(None, self.map_err(|error| chain(&*error.into())))
    }
}

impl Action for () {
    fn carry_out(self) -> Carried {
        Carried::new(None, Ok(()))
    }
}

impl<A: Action, F: FnOnce() -> A + 'static> Action for F {
    fn carry_out(self) -> Carried {
        self().carry_out()
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").field("what", &self.what).finish_non_exhaustive()
    }
}
