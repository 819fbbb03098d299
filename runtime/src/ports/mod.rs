//! Ports of a host.

mod protocol;

pub use protocol::Protocol;
