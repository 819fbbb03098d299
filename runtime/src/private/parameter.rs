//! What a test's body may ask for.

use crate::{Host, Lab};

/// A type that a `#[netns_test]` function can have a parameter of.
#[diagnostic::on_unimplemented(
    message = "a `#[netns_test]` function cannot have a parameter of type `{Self}`",
    label = "not a parameter of a test",
    note = "parameters are of type `Host`, one for each machine, or `Lab` for the whole network"
)]
pub trait Parameter {
    /// The value for the parameter with this name.
    fn bind(lab: &Lab, name: &'static str) -> Self;
}

impl Parameter for Lab {
    fn bind(lab: &Lab, _: &'static str) -> Self {
        lab.clone()
    }
}

impl Parameter for Host {
    fn bind(lab: &Lab, name: &'static str) -> Self {
        lab.host(name).clone()
    }
}
