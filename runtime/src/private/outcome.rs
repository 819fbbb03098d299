//! What a test's body may return.

use std::fmt::Debug;
use std::process::{ExitCode, Termination};

/// What a test's body may return: `()` or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a `#[netns_test]` function cannot return `{Self}`",
    label = "not an outcome of a test",
    note = "it returns nothing, or a `Result<(), E>` where `E: Debug`, for example `TestResult`"
)]
pub trait Outcome {
    /// What the `#[test]` function returns to libtest in its place.
    type Returned: From<Verdict> + Termination;

    /// The error, shown, if it is one.
    fn error(self) -> Option<String>;
}

impl Outcome for () {
    type Returned = ();

    fn error(self) -> Option<String> {
        None
    }
}

impl<T: Outcome, E: Debug> Outcome for Result<T, E> {
    type Returned = Verdict;

    fn error(self) -> Option<String> {
        match self {
            Ok(value) => value.error(),
            Err(error) => Some(format!("{error:?}")),
        }
    }
}

/// What a test that returns a `Result` says to libtest. Not `()`, so that rustc refuses `#[should_panic]` on it as it does on
/// any test that returns something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The body returned `Ok`.
    Passed,
    /// The body returned an error.
    Failed,
}

impl From<Verdict> for () {
    fn from(_: Verdict) {}
}

impl Termination for Verdict {
    fn report(self) -> ExitCode {
        match self {
            Self::Passed => ExitCode::SUCCESS,
            Self::Failed => ExitCode::FAILURE,
        }
    }
}
