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

/// Ports of TCP, UDP or SCTP: `Tcp.port(80)`, `Udp.ports(5000..=5009).source_port(53)`. `Tcp` itself means one port,
/// whichever the kernel chooses; that says nothing of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing is asked by itself"]
pub struct Ports {
    pub(super) transport: Transport,
    /// The first and the last; none if the choice is the kernel's.
    range: Option<(u16, u16)>,
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
    /// There is no port 0.
    #[error("there is no port 0; without a port, as in `Tcp`, the kernel chooses one")]
    Zero,
    /// It has more than can be asked for at once.
    #[error("{first}..={last} are more than {MOST} ports, which is what can be asked for at once")]
    TooMany {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
    /// In both directions at once one host would have to send from the port that it serves.
    #[error("port {port} is both a port and the source port: ask for `.egress()` and `.ingress()` one after the other")]
    Mirrored {
        /// The port.
        port: u16,
    },
}

impl Ports {
    /// The port that all of it comes from; without it, or if it is 0, the kernel chooses.
    ///
    /// A host that tracks connections takes the second question from one port to the other for the same conversation as the first, and lets through
    /// what it has let through before: flush what it tracks (see [`Host::conntrack`](crate::Host::conntrack)), or leave the choice to the kernel.
    pub fn source_port(mut self, port: u16) -> Self {
        self.source_port = port;
        self
    }

    /// Each port; 0 if the choice is the kernel's.
    pub(super) fn numbers(self, in_both_directions: bool) -> Result<RangeInclusive<u16>, PortsError> {
        let Some((first, last)) = self.range else { return Ok(0..=0) };
        let is_mirrored = in_both_directions && (first..=last).contains(&self.source_port);
        match (first, last) {
            (first, last) if first > last => Err(PortsError::Empty { first, last }),
            (0, _) => Err(PortsError::Zero),
            (first, last) if last - first >= MOST => Err(PortsError::TooMany { first, last }),
            _ if is_mirrored => Err(PortsError::Mirrored { port: self.source_port }),
            (first, last) => Ok(first..=last),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)?;
        match self.range {
            None => write!(f, " on a port of the kernel's choice")?,
            Some((first, last)) if first == last => write!(f, " port {first}")?,
            Some((first, last)) => write!(f, " ports {first}–{last}")?,
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

            /// Several ports of the other host, at most 256, for a [`Connectivity`](crate::Connectivity). Of those that a host chooses from
            /// ([`local_port_range`](crate::Host::local_port_range)) one may be its own by the time that it is to serve it, where both hosts
            /// ask: ask one after the other.
            pub fn ports(self, ports: RangeInclusive<u16>) -> Ports {
                Ports { transport: self.into(), range: Some((*ports.start(), *ports.end())), source_port: 0 }
            }
        }

        impl From<$transport> for Ports {
            fn from(transport: $transport) -> Self {
                Self { transport: transport.into(), range: None, source_port: 0 }
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
