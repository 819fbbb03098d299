//! What is to get from one host to another.

use std::fmt;
use std::ops::RangeInclusive;

use crate::transport::{Sctp, Tcp, Transport, Udp};

/// ICMP echo requests and their answers (RFC 792, RFC 4443), as a type.
#[derive(Clone, Copy, Debug)]
pub struct Icmp;

/// ARP requests and their answers (RFC 826), as a type; between IPv6 addresses it is neighbour discovery (RFC 4861).
#[derive(Clone, Copy, Debug)]
pub struct Arp;

/// So many ports are asked for at once, at most: each takes sockets at both ends.
const MOST: u16 = 256;

/// Ports of TCP, UDP or SCTP: `Tcp.port(80)`, `Udp.ports(5000..=5009).source_port(53)`. `Tcp` itself means one port of the kernel's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing is asked by itself"]
pub struct Ports {
    pub(super) transport: Transport,
    first: u16,
    last: u16,
    pub(super) source_port: u16,
}

/// What is to get from one host to another: [`Icmp`], [`Arp`], [`Tcp`], [`Udp`], [`Sctp`], or [`Ports`] of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing is asked by itself"]
pub struct Traffic(pub(super) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Icmp,
    Arp,
    Ports(Ports),
}

/// What is wrong with a range of ports. An assertion about none would hold whatever the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortsError {
    /// It has none.
    #[error("{first}..={last} are no ports: the lower one comes first")]
    Empty {
        /// The first that was written.
        first: u16,
        /// The last.
        last: u16,
    },
    /// Port 0 means one of the kernel's choice, and is none of several.
    #[error("0..={last} begins with port 0, which means one of the kernel's choice: begin with 1")]
    Zero {
        /// The last.
        last: u16,
    },
    /// It has more than can be asked for at once.
    #[error("{first}..={last} are more than {MOST} ports, which is what can be asked for at once")]
    TooMany {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
}

impl Ports {
    /// The port that all of it comes from; without it the kernel chooses. In both directions at once it cannot be the other host's port as well,
    /// on which that is served.
    pub fn source_port(mut self, port: u16) -> Self {
        self.source_port = port;
        self
    }

    /// Each port.
    pub(super) fn numbers(self) -> Result<RangeInclusive<u16>, PortsError> {
        let Self { first, last, .. } = self;
        match (first, last) {
            (first, last) if first > last => Err(PortsError::Empty { first, last }),
            (0, last) if last != 0 => Err(PortsError::Zero { last }),
            (first, last) if last - first >= MOST => Err(PortsError::TooMany { first, last }),
            (first, last) => Ok(first..=last),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)?;
        match (self.first, self.last) {
            (0, 0) => {}
            (first, last) if first == last => write!(f, " port {first}")?,
            (first, last) => write!(f, " ports {first}–{last}")?,
        }
        if self.source_port == 0 { Ok(()) } else { write!(f, " from port {}", self.source_port) }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Icmp => f.write_str("ICMP"),
            Kind::Arp => f.write_str("ARP"),
            Kind::Ports(ports) => ports.fmt(f),
        }
    }
}

impl From<Icmp> for Traffic {
    fn from(_: Icmp) -> Self {
        Self(Kind::Icmp)
    }
}

impl From<Arp> for Traffic {
    fn from(_: Arp) -> Self {
        Self(Kind::Arp)
    }
}

impl From<Ports> for Traffic {
    fn from(ports: Ports) -> Self {
        Self(Kind::Ports(ports))
    }
}

macro_rules! with_ports {
    ($($transport:ident),+) => {$(
        impl $transport {
            /// One port of the other host, for a [`Connectivity`](crate::Connectivity).
            pub fn port(self, port: u16) -> Ports {
                self.ports(port..=port)
            }

            /// Several ports of the other host, at most 256, for a [`Connectivity`](crate::Connectivity).
            pub fn ports(self, ports: RangeInclusive<u16>) -> Ports {
                Ports { transport: self.into(), first: *ports.start(), last: *ports.end(), source_port: 0 }
            }
        }

        impl From<$transport> for Ports {
            fn from(transport: $transport) -> Self {
                transport.port(0)
            }
        }

        impl From<$transport> for Traffic {
            fn from(transport: $transport) -> Self {
                Ports::from(transport).into()
            }
        }
    )+};
}

with_ports!(Tcp, Udp, Sctp);
