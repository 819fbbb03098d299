//! What came of asking for a service.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::probe::judge::NoAnswer;
use crate::probe::{CannotRun, TargetError, UnreachableCode};

/// A service that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReport {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) took: Duration,
}

impl ServiceReport {
    /// Where the question came from, as its own host sees it.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where it was answered.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// From the question to its answer.
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl fmt::Display for ServiceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {} within {:.1?}", self.remote, self.local, self.took)
    }
}

/// Why no service answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Nothing listens there: TCP's RST, SCTP's ABORT; for UDP an ICMP message that says port unreachable.
    #[error("{protocol} to {to} is refused{}", by(*from))]
    Refused {
        /// The protocol.
        protocol: &'static str,
        /// The destination.
        to: SocketAddr,
        /// Who said so, if it was said by ICMP.
        from: Option<IpAddr>,
    },
    /// Silence, as of a firewall that drops: every question was sent, nothing came back in time.
    #[error("no answer over {protocol} from {to}: {attempts} attempts, nothing came back within {waited:.1?}")]
    Timeout {
        /// The protocol.
        protocol: &'static str,
        /// The destination.
        to: SocketAddr,
        /// Connections that were tried, or datagrams that were sent.
        attempts: u32,
        /// From the first of them to the end.
        waited: Duration,
    },
    /// Somebody said that there is no way: destination unreachable. Also a firewall that rejects TCP or SCTP with port unreachable.
    #[error("{to} is unreachable over {protocol}: {from} says {code}")]
    Unreachable {
        /// The protocol.
        protocol: &'static str,
        /// The destination.
        to: SocketAddr,
        /// Who said so.
        from: IpAddr,
        /// What was said.
        code: UnreachableCode,
    },
    /// Somebody forbade it.
    #[error("{protocol} to {to} is prohibited: {from} says {code}")]
    Prohibited {
        /// The protocol.
        protocol: &'static str,
        /// The destination.
        to: SocketAddr,
        /// Who said so.
        from: IpAddr,
        /// What was said.
        code: UnreachableCode,
    },
    /// The host that asked forbade it: a route prohibits it, or a firewall dropped a datagram on its way out. Of a connection that a firewall
    /// of its own drops the kernel says nothing: that is [`ServiceError::Timeout`].
    #[error("{to} is prohibited by the host itself: {source}")]
    ProhibitedHere {
        /// The destination.
        to: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The host that asked has no route to the destination.
    #[error("no route to {to}: {source}")]
    NoRoute {
        /// The destination.
        to: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// A packet died on the way for a reason of its own, which says nothing about whether the service can be reached.
    #[error("a packet to {to} died at {from}: {what}")]
    Astray {
        /// The destination.
        to: SocketAddr,
        /// Where.
        from: IpAddr,
        /// What ICMP calls it.
        what: &'static str,
    },
    /// The target means no address. The question was never asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The kernel does not have the protocol. A test that needs it says so, with `requires(sctp)`. The question was never asked.
    #[error("this kernel has no SCTP: {remedy}")]
    Unsupported {
        /// What to do about it.
        remedy: &'static str,
    },
    /// The host that asked could not: no socket, no such source address. The question was never asked.
    #[error("could not {what}")]
    Local {
        /// What failed.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ServiceError {
    /// Whether it is a result: the question was refused, or met with silence. Otherwise it was never asked, or what came back says
    /// nothing about whether the service can be reached.
    pub fn is_negative(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Timeout { .. }
                | Self::Unreachable { .. }
                | Self::Prohibited { .. }
                | Self::ProhibitedHere { .. }
                | Self::NoRoute { .. }
        )
    }
}

impl NoAnswer for ServiceError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn is_broken(&self) -> bool {
        matches!(self, Self::Target(_) | Self::Unsupported { .. } | Self::Local { .. })
    }
}

impl From<CannotRun> for ServiceError {
    fn from(CannotRun { what, source }: CannotRun) -> Self {
        Self::Local { what, source }
    }
}

fn by(from: Option<IpAddr>) -> String {
    from.map_or_else(String::new, |from| format!(": {from} says port unreachable"))
}

pub(super) fn local(what: impl Into<String>) -> impl FnOnce(io::Error) -> ServiceError {
    move |source| ServiceError::Local { what: what.into(), source }
}
