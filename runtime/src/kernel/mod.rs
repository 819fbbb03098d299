//! What the kernel of a host knows of sockets and connections.

mod conntrack;
mod counters;
mod dump;
mod error;
mod listeners;
mod neighbours;
mod routes;
mod sockets;
mod vlans;

pub(crate) use conntrack::all as tracked_here;
pub use conntrack::{Conntrack, ConntrackEntry, ConntrackState, ConntrackTuple};
pub(crate) use counters::{
    Counter, DROPS_OF_UDP_PORT, NO_ROOM_FOR_CONNECTION, counts_connections, losses, losses_and_drops,
};
pub(crate) use dump::dump;
pub use error::QueryError;
pub(crate) use listeners::{Listener, listeners};
pub(crate) use neighbours::{Neighbour, neighbours, table_fulls};
pub(crate) use routes::{Hop, lookup};
pub(crate) use sockets::all as sockets_here;
pub use sockets::{SocketInfo, SocketState, Sockets};
pub(crate) use vlans::{PortVlan, VlanLink, port_vlans, vlan_links};

use std::fmt;

use crate::transport::{Sctp, Tcp, Transport, Udp};

/// What an IP header can name: a protocol with ports, which is a [`Transport`], or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 9260.
    Sctp,
    /// Another, by its number (<https://www.iana.org/assignments/protocol-numbers>).
    Other(u8),
}

impl Protocol {
    fn number(self) -> u8 {
        match self {
            Self::Tcp => Transport::Tcp.number(),
            Self::Udp => Transport::Udp.number(),
            Self::Sctp => Transport::Sctp.number(),
            Self::Other(number) => number,
        }
    }
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        [Self::Tcp, Self::Udp, Self::Sctp]
            .into_iter()
            .find(|known| known.number() == number)
            .unwrap_or(Self::Other(number))
    }
}

impl From<Transport> for Protocol {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Udp => Self::Udp,
            Transport::Sctp => Self::Sctp,
        }
    }
}

impl From<Tcp> for Protocol {
    fn from(_: Tcp) -> Self {
        Self::Tcp
    }
}

impl From<Udp> for Protocol {
    fn from(_: Udp) -> Self {
        Self::Udp
    }
}

impl From<Sctp> for Protocol {
    fn from(_: Sctp) -> Self {
        Self::Sctp
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Sctp => f.write_str("sctp"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}
