//! What a test's body may ask for.

use netns_test_topology::Drawing;

use super::Scope;
use crate::{Host, Lab, Segment, Topology};

/// A type that a `#[netns_test]` function can have a parameter of.
#[diagnostic::on_unimplemented(
    message = "a `#[netns_test]` function cannot have a parameter of type `{Self}`",
    label = "not a parameter of a test",
    note = "parameters are of type `Host`, one for each machine, `Segment`, `Lab` for the whole network, or a struct with \
            `#[derive(Topology)]`"
)]
pub trait Parameter: Sized {
    /// What the whole network looks like, if it is for the parameter to say.
    const DRAWING: Option<fn() -> Drawing> = None;

    /// The value for the parameter with this name.
    fn bind(lab: &Lab, name: &'static str) -> Self;
}

impl Parameter for Lab {
    fn bind(lab: &Lab, _: &'static str) -> Self {
        lab.clone()
    }
}

impl Parameter for Host {
    #[track_caller]
    fn bind(lab: &Lab, name: &'static str) -> Self {
        lab.host(name).clone()
    }
}

impl Parameter for Segment {
    #[track_caller]
    fn bind(lab: &Lab, name: &'static str) -> Self {
        lab.segment(name).clone()
    }
}

impl<T: Topology> Parameter for T {
    const DRAWING: Option<fn() -> Drawing> = Some(T::drawing);

    fn bind(lab: &Lab, _: &'static str) -> Self {
        T::bind(&Scope::of(lab))
    }
}
