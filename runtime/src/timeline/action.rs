//! What can happen by the clock.

use std::any::{Any, TypeId};
use std::error::Error;
use std::fmt;

use crate::change::Change;
use crate::error::chain;
use crate::impair::Impair;

/// What a [`Timeline`](super::Timeline) can have happen: a [`Change`], an [`Impair`], or a closure that does something, and answers with one of these, with a
/// `Result` or with nothing.
#[diagnostic::on_unimplemented(
    message = "a timeline cannot carry this out",
    label = "neither a change, an impairment, nor a closure that answers with one, with a `Result` or with nothing",
    note = "what is `async` is carried out by a closure that waits: `move || lan.unplug(&host)`"
)]
pub trait Action: 'static {
    #[doc(hidden)]
    fn carry_out(self) -> Carried;

    /// Whether there is anything that can be kept, and given up.
    #[doc(hidden)]
    fn has_an_end() -> bool;
}

fn is_something<T: 'static>() -> bool {
    TypeId::of::<T>() != TypeId::of::<()>()
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

    fn has_an_end() -> bool {
        is_something::<T>()
    }
}

impl Action for Impair {
    fn carry_out(self) -> Carried {
        self.change().carry_out()
    }

    fn has_an_end() -> bool {
        true
    }
}

impl<T: Send + 'static, E: Into<Box<dyn Error + Send + Sync>> + 'static> Action for Result<T, E> {
    fn carry_out(self) -> Carried {
        Carried::new(None, self.map_err(|error| chain(&*error.into())))
    }

    fn has_an_end() -> bool {
        is_something::<T>()
    }
}

impl Action for () {
    fn carry_out(self) -> Carried {
        Carried::new(None, Ok(()))
    }

    fn has_an_end() -> bool {
        false
    }
}

impl<A: Action, F: FnOnce() -> A + 'static> Action for F {
    fn carry_out(self) -> Carried {
        self().carry_out()
    }

    fn has_an_end() -> bool {
        A::has_an_end()
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").field("what", &self.what).finish_non_exhaustive()
    }
}
