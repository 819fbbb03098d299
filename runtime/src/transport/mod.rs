//! TCP, UDP and SCTP from a host: sockets on its runtime, and what ICMP says about their packets.

mod icmp;
mod socket;

pub(crate) use icmp::{Ear, Refusal, Said};
pub(crate) use socket::{
    Bound, connected, connection_requests, create, is_no_way, is_prohibition, make_patient, open, poll_connected,
    poll_readable, read, readable, receive_from, remedy_for, retransmit_soon, route_to, send, send_to,
    start_connecting,
};

use std::fmt;

/// A transport protocol: one with ports. Whatever an IP header can name is a [`Protocol`](crate::Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// SCTP (RFC 9260), which not every kernel has.
    Sctp,
}

/// TCP (RFC 9293), as a type: what a [`Flow`](crate::Flow) is opened over, or a port is reserved for.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

/// UDP (RFC 768), as a type.
#[derive(Clone, Copy, Debug)]
pub struct Udp;

/// SCTP (RFC 9260), as a type.
#[derive(Clone, Copy, Debug)]
pub struct Sctp;

impl From<Tcp> for Transport {
    fn from(_: Tcp) -> Self {
        Self::Tcp
    }
}

impl From<Udp> for Transport {
    fn from(_: Udp) -> Self {
        Self::Udp
    }
}

impl From<Sctp> for Transport {
    fn from(_: Sctp) -> Self {
        Self::Sctp
    }
}

impl Transport {
    /// Its number in an IP header.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// As the field writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
