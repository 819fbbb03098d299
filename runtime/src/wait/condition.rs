//! What can be waited for: closures, and what they may answer.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a look at a condition finds: whether it holds, and what is there instead if it does not.
///
/// | type | holds | instead |
/// |---|---|---|
/// | `bool` | `true` | `false` |
/// | `Option<T>` | `Some`; the answer is what is in it | `None` |
/// | `Result<T, E>` | `Ok`; the answer is what is in it, neither a `bool` nor an `Option` | the error |
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether a condition holds",
    label = "a condition answers `bool`, `Option<T>` or `Result<T, E>` where `E: Display`"
)]
pub trait Finding {
    /// What is there when the condition holds.
    type Value;

    /// The value, or in words what is there instead.
    fn found(self) -> Result<Self::Value, String>;
}

/// A [`Finding`] that is sure: what is not found is not there. An error is none, since it may mean that nobody could look.
#[diagnostic::on_unimplemented(
    message = "an error is no proof that something is not there",
    label = "`Result` may mean that nobody could look",
    note = "answer `bool` or `Option<T>`, and panic where the condition cannot tell"
)]
pub trait Sure: Finding {}

impl Sure for bool {}

impl<T> Sure for Option<T> {}

impl Finding for bool {
    type Value = ();

    fn found(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Finding for Option<T> {
    type Value = T;

    fn found(self) -> Result<T, String> {
        self.ok_or_else(|| "None".to_owned())
    }
}

impl<T, E: Display> Finding for Result<T, E> {
    type Value = T;

    fn found(self) -> Result<T, String> {
        refuse_ambiguous::<T>();
        self.map_err(|error| error.to_string())
    }
}

/// `Ok(false)` would hold, which nobody means. The type is known by its name only: this is no place for types that are `'static`.
fn refuse_ambiguous<T>() {
    let name = std::any::type_name::<T>();
    let is_ambiguous = name == "bool" || name.starts_with("core::option::Option<");
    assert!(
        !is_ambiguous,
        "a condition that answers `Result<{name}, _>` would hold with any `Ok`: make an error of what is not meant"
    );
}

/// A condition that is looked at by calling a closure: `|| file.exists()`.
#[derive(Clone, Copy, Debug)]
pub enum Plain {}

/// A condition that is looked at by awaiting what a closure answers: `|| async { … }`.
#[derive(Clone, Copy, Debug)]
pub enum Asynchronous {}

/// Something that can be looked at again and again: a closure that answers a [`Finding`], or a future or a probe of one. The compiler tells `Kind`
/// from the closure: [`Plain`] or [`Asynchronous`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a condition",
    label = "a condition is a closure that answers `bool`, `Option<T>` or `Result<T, E>` where `E: Display`, or a future of one"
)]
pub trait Condition<Kind> {
    /// What a look answers.
    type Finding: Finding<Value = Self::Value>;

    /// What is there when it holds.
    type Value;

    /// A look: the value, or in words what is there instead.
    type Look: Future<Output = Result<Self::Value, String>>;

    /// Begins to look.
    fn look(&mut self) -> Self::Look;
}

impl<C, F> Condition<Plain> for C
where
    C: FnMut() -> F,
    F: Finding,
{
    type Finding = F;
    type Value = F::Value;
    type Look = Ready<Result<F::Value, String>>;

    fn look(&mut self) -> Self::Look {
        ready(self().found())
    }
}

impl<C, L> Condition<Asynchronous> for C
where
    C: FnMut() -> L,
    L: IntoFuture<Output: Finding>,
{
    type Finding = L::Output;
    type Value = <L::Output as Finding>::Value;
    type Look = Judged<L::IntoFuture>;

    fn look(&mut self) -> Self::Look {
        Judged(Box::pin(self().into_future()))
    }
}

/// A future of the user's, and then what it has found.
#[derive(Debug)]
pub struct Judged<L>(Pin<Box<L>>);

impl<L: Future<Output: Finding>> Future for Judged<L> {
    type Output = Result<<L::Output as Finding>::Value, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context).map(Finding::found)
    }
}
