//! Networks that are drawn as structs.

use netns_test_topology::Drawing;

use crate::__private::Scope;

/// A network that is drawn as a struct: its fields are the machines and the wires. Implemented by
/// [`#[derive(Topology)]`](macro@crate::Topology).
///
/// A test has such a network if it has a parameter of this type, or says `topology = …`.
///
/// ```
/// use netns_test::prelude::*;
///
/// #[derive(Topology)]
/// struct Office {
///     #[segment("10.0.1.0/24")]
///     lan: Segment,
///     #[host(lan)]
///     desk: Host,
///     #[host(lan = "10.0.1.77")]
///     printer: Host,
/// }
///
/// #[netns_test]
/// async fn the_printer_is_there(net: Office) {
///     net.desk.assert_ping(&net.printer).await;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a topology",
    label = "not a topology",
    note = "a topology is a struct with `#[derive(Topology)]`"
)]
pub trait Topology: Sized {
    /// What was drawn, unchecked.
    #[doc(hidden)]
    fn drawing() -> Drawing;

    /// The fields, out of a lab that was built from the drawing.
    #[doc(hidden)]
    fn bind(scope: &Scope<'_>) -> Self;
}
