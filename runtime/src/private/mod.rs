//! What the expansion of `#[netns_test]` calls. Not for use by hand: it changes without notice.

pub mod bench;
mod outcome;
mod parameter;
mod spec;

pub use netns_test_topology::{Feature, Need};
pub use outcome::{Outcome, Verdict};
pub use parameter::Parameter;
pub use spec::TestSpec;

use crate::{Lab, harness};

/// Runs a test whose body is a plain function.
#[track_caller]
pub fn run<R: Outcome>(spec: &'static TestSpec, body: impl FnOnce(&Lab) -> R + Send) -> R::Returned {
    harness::run(spec, body)
}

/// Runs a test whose body is an `async` function, on a tokio runtime of its own.
#[track_caller]
pub fn run_async<F>(spec: &'static TestSpec, body: impl FnOnce(&Lab) -> F + Send) -> <F::Output as Outcome>::Returned
where
    F: Future,
    F::Output: Outcome,
{
    harness::run(spec, move |lab: &Lab| spec.runtime().block_on(body(lab)))
}
