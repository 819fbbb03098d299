//! What the fields of a topology may be.

use std::array;

use super::Scope;
use crate::{Host, Segment};

/// A type that a field with `#[host]` or `#[router]` can have.
#[diagnostic::on_unimplemented(
    message = "a field with `#[host]` or `#[router]` cannot be of type `{Self}`",
    label = "neither `Host` nor an array of it",
    note = "such a field is of type `Host`, or `[Host; N]` for several that are alike"
)]
pub trait HostField: Sized {
    /// For an array, how many hosts it has.
    const COUNT: Option<usize>;

    /// The value of the field with this name.
    fn bind(scope: &Scope<'_>, field: &str) -> Self;
}

impl HostField for Host {
    const COUNT: Option<usize> = None;

    #[track_caller]
    fn bind(scope: &Scope<'_>, field: &str) -> Self {
        scope.host(field)
    }
}

impl<const N: usize> HostField for [Host; N] {
    const COUNT: Option<usize> = Some(N);

    #[track_caller]
    fn bind(scope: &Scope<'_>, field: &str) -> Self {
        array::from_fn(|number| scope.host(&format!("{field}-{number}")))
    }
}

/// A type that a field with `#[segment]` can have.
#[diagnostic::on_unimplemented(
    message = "a field with `#[segment]` cannot be of type `{Self}`",
    label = "not `Segment`",
    note = "such a field is of type `Segment`"
)]
pub trait SegmentField: Sized {
    /// The value of the field with this name.
    fn bind(scope: &Scope<'_>, field: &str) -> Self;
}

impl SegmentField for Segment {
    #[track_caller]
    fn bind(scope: &Scope<'_>, field: &str) -> Self {
        scope.segment(field)
    }
}
