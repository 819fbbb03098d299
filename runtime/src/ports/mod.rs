//! Ports of a host: which of them the kernel may give away by itself, and one that it does not.

mod error;
mod list;
mod reserved;

pub use error::PortError;
pub use reserved::ReservedPort;
