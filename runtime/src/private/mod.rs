//! What the expansions of `#[netns_test]` and `#[derive(Topology)]` call. Not for use by hand: it changes without notice.

pub mod bench;
mod field;
mod outcome;
mod parameter;
mod scope;
mod spec;

pub use field::{HostField, SegmentField};
pub use netns_test_topology::{
    Drawing, DrawnBridge, DrawnDevice, DrawnHost, DrawnImpairment, DrawnInterface, DrawnNeighbour, DrawnNested,
    DrawnPair, DrawnPortForward, DrawnRoute, DrawnSegment, DrawnSourceNat, Feature, Medium, Need, Role, Routes,
    Transport,
};
pub use outcome::{Outcome, Verdict};
pub use parameter::Parameter;
pub use scope::Scope;
pub use spec::TestSpec;

pub use crate::Topology;
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
