//! What crossed a wire, captured for a test's own assertions: whole frames, all of them, or an error.
//!
//! The recorder (`capture`) is evidence and may forget. This may not: a claim that something was not sent holds only if nothing was missed. So each capture
//! has packet sockets of its own, a thread that empties them at once, and counts what it could not keep.

mod assertion;
mod datagrams;
mod departures;
mod ear;
mod error;
mod forwarding;
mod frame;
mod listening;
mod reassembly;
mod registry;
mod selection;
mod socket;
mod start;
mod stream;

pub use error::CaptureError;
pub use frame::Frame;
pub(crate) use registry::Captures;
pub use selection::Frames;
pub use start::{Capture, StartCapture};
pub use stream::{Stream, StreamError, StreamGap, StreamHalf, Streams};
