//! What the kernel of a host knows of sockets and connections, asked by netlink.

mod conntrack;
mod dump;
mod error;
mod sockets;

pub use conntrack::{Conntrack, ConntrackEntry, ConntrackState, ConntrackTuple};
pub use error::QueryError;
pub(crate) use sockets::listeners;
pub use sockets::{SocketInfo, SocketState, Sockets};

use std::fmt;

/// A protocol with ports, or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// Another, by its number (<https://www.iana.org/assignments/protocol-numbers>).
    Other(u8),
}

impl Protocol {
    fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Other(number) => number,
        }
    }
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        match number {
            6 => Self::Tcp,
            17 => Self::Udp,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}
