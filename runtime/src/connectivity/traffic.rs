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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    pub(super) transport: Transport,
    destination: RangeInclusive<u16>,
    pub(super) source_port: u16,
}

/// What is to get from one host to another: [`Icmp`], [`Arp`], [`Tcp`], [`Udp`], [`Sctp`], or [`Ports`] of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic(pub(super) Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Icmp,
    Arp,
    Ports(Ports),
}

impl Ports {
    /// The port that all of it comes from; without it the kernel chooses.
    pub fn source_port(mut self, port: u16) -> Self {
        self.source_port = port;
        self
    }

    /// Each port; the error is why there are none. An assertion about none would say nothing.
    pub(super) fn numbers(&self) -> Result<RangeInclusive<u16>, String> {
        let (first, last) = (*self.destination.start(), *self.destination.end());
        if self.destination.is_empty() {
            return Err(format!("from {first} to {last} there are no ports"));
        }
        if first == 0 && last != 0 {
            return Err(format!("from {first} to {last} there are ports, but 0 is none"));
        }
        if last - first >= MOST {
            return Err(format!("from {first} to {last} there are more than {MOST} ports"));
        }
        Ok(self.destination.clone())
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.destination.start(), self.destination.end());
        self.transport.fmt(f)?;
        match (first, last) {
            (0, 0) => {}
            (first, last) if first == last => write!(f, " port {first}")?,
            (first, last) => write!(f, " ports {first}–{last}")?,
        }
        if self.source_port == 0 { Ok(()) } else { write!(f, " from port {}", self.source_port) }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
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
                Ports { transport: self.into(), destination: ports, source_port: 0 }
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
