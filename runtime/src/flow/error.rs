//! Why a flow did not come about, or why nothing gets through it any more.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::probe::{CannotRun, NoAnswer, TargetError, UnreachableCode};
use crate::trail::Trail;
use crate::transport::is_no_way;

/// Why no answer came in a flow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The network did not let it through. The only one that is negative ([`FlowError::is_negative`]).
    #[error("nothing gets through the {flow}: {reason}")]
    Cut {
        /// Which flow.
        flow: String,
        /// In which way.
        reason: CutReason,
        /// Where its packets died.
        trail: Trail,
    },
    /// A packet of it died on the way for a reason of its own, which says nothing about whether others get through.
    #[error("a packet of the {flow} died at {from}: {what}")]
    Astray {
        /// Which flow.
        flow: String,
        /// Where.
        from: IpAddr,
        /// What ICMP calls it.
        what: &'static str,
        /// Where its packets died.
        trail: Trail,
    },
    /// The server has no address that was asked for, or is in another lab.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The kernel does not have the protocol. A test that needs it says so, with `requires(sctp)`.
    #[error("this kernel has no SCTP: {remedy}")]
    Unsupported {
        /// What to do about it.
        remedy: &'static str,
    },
    /// The end in the server's host is not what it should be, whatever the network does.
    #[error("the server's end of the {flow} does not work: {why}")]
    ServerEnd {
        /// Which flow.
        flow: String,
        /// What is known.
        why: String,
    },
    /// It has been closed: reopening it failed.
    #[error("the flow is not open: it was closed to be reopened, and that failed")]
    Closed,
    /// A host could not do its part: no socket, no such source address, a port that is taken.
    #[error("could not {what}")]
    Local {
        /// What failed.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// In which way the network does not let a flow through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutReason {
    /// Nothing came back.
    Silence {
        /// For how long.
        waited: Duration,
        /// Whether the question arrived at the server: then it is the answer that was lost.
        arrived: bool,
    },
    /// Somebody reset the connection: TCP's RST, SCTP's ABORT. It is gone for good.
    Reset,
    /// Somebody said that there is no way.
    Unreachable {
        /// Who.
        from: IpAddr,
        /// What was said.
        code: UnreachableCode,
    },
    /// Somebody forbade it.
    Prohibited {
        /// Who.
        from: IpAddr,
        /// What was said.
        code: UnreachableCode,
    },
    /// The client's own host forbade it: a firewall dropped a datagram on its way out, or a route prohibits it.
    ProhibitedHere,
    /// The client's own host has no route.
    NoRoute,
}

impl CutReason {
    pub(crate) fn said(from: IpAddr, code: UnreachableCode) -> Self {
        if code.is_prohibited() { Self::Prohibited { from, code } } else { Self::Unreachable { from, code } }
    }

    /// Whether somebody has looked in vain for a neighbour, who may have had no room for whoever asked. The client's own kernel says no more than that it
    /// has no way.
    pub(super) fn is_about_a_neighbour(&self) -> bool {
        match self {
            Self::Unreachable { code, .. } => code.is_about_a_neighbour(),
            Self::NoRoute => true,
            _ => false,
        }
    }

    /// What it means that the client's kernel answers so; nothing if that is not the network's doing.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error()? {
            libc::ECONNREFUSED | libc::ECONNRESET | libc::EPIPE => Some(Self::Reset),
            libc::EPERM | libc::EACCES => Some(Self::ProhibitedHere),
            _ => is_no_way(error).then_some(Self::NoRoute),
        }
    }
}

impl fmt::Display for CutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence { waited, arrived: false } => {
                write!(f, "silence for {waited:.1?}; the question did not arrive")
            }
            Self::Silence { waited, arrived: true } => {
                write!(f, "silence for {waited:.1?}; the question arrived, the answer did not come back")
            }
            Self::Reset => f.write_str("the connection was reset"),
            Self::Unreachable { from, code } | Self::Prohibited { from, code } => write!(f, "{from} says {code}"),
            Self::ProhibitedHere => f.write_str("the client's own host prohibits it"),
            Self::NoRoute => f.write_str("the client's host has no route"),
        }
    }
}

impl FlowError {
    /// Whether it is a result: the network did not let the flow through. Otherwise that is not known.
    pub fn is_negative(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }

    /// In which way the network did not let the flow through, if that is why.
    pub fn cut_reason(&self) -> Option<&CutReason> {
        if let Self::Cut { reason, .. } = self { Some(reason) } else { None }
    }

    /// Where its packets died, if it is the network's doing.
    pub fn trail(&self) -> Option<&Trail> {
        if let Self::Cut { trail, .. } | Self::Astray { trail, .. } = self { Some(trail) } else { None }
    }

    /// For how long nothing came back at all, if that is so.
    pub(super) fn silence(&self) -> Option<Duration> {
        if let Some(CutReason::Silence { waited, .. }) = self.cut_reason() { Some(*waited) } else { None }
    }
}

impl NoAnswer for FlowError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn is_broken(&self) -> bool {
        !matches!(self, Self::Cut { .. } | Self::Astray { .. })
    }
}

impl From<CannotRun> for FlowError {
    fn from(CannotRun { what, source }: CannotRun) -> Self {
        Self::Local { what, source }
    }
}

pub(super) fn local(what: impl Into<String>) -> impl FnOnce(io::Error) -> FlowError {
    move |source| FlowError::Local { what: what.into(), source }
}
