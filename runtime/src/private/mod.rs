//! What the expansion of `#[netns_test]` calls. Not for use by hand: it changes without notice.

mod outcome;
mod parameter;
mod spec;

pub use outcome::{Outcome, Verdict};
pub use parameter::Parameter;
pub use spec::TestSpec;

use crate::Lab;

/// Runs a test whose body is a plain function.
#[track_caller]
pub fn run<R: Outcome>(spec: &'static TestSpec, body: impl FnOnce(&Lab) -> R) -> R::Returned {
    let _ = (spec, body);
    unimplemented!()
}

/// Runs a test whose body is an `async` function.
#[track_caller]
pub fn run_async<F>(spec: &'static TestSpec, body: impl FnOnce(&Lab) -> F) -> <F::Output as Outcome>::Returned
where
    F: Future,
    F::Output: Outcome,
{
    let _ = (spec, body);
    unimplemented!()
}
