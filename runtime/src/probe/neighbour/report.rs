//! What came of asking who has an address.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use netns_test_topology::MacAddr;

use super::super::CannotRun;
use super::super::judge::NoAnswer;
use super::super::rtts::Rtts;
use super::super::target::TargetError;

/// What came of asking who has an address, where exactly one machine answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArpReport {
    pub(super) sent: u32,
    pub(super) rtts: Rtts,
    pub(super) mac: MacAddr,
}

impl ArpReport {
    /// Requests that were sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Requests that were answered.
    pub fn received(&self) -> u32 {
        self.rtts.count()
    }

    /// The link-layer address that the address is at.
    pub fn mac(&self) -> MacAddr {
        self.mac
    }

    /// The shortest round trip.
    pub fn rtt_min(&self) -> Duration {
        self.rtts.min()
    }

    /// The mean round trip.
    pub fn rtt_avg(&self) -> Duration {
        self.rtts.avg()
    }

    /// The longest round trip.
    pub fn rtt_max(&self) -> Duration {
        self.rtts.max()
    }
}

impl fmt::Display for ArpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} answered by {}, {}", self.sent, self.received(), self.mac, self.rtts)
    }
}

/// Why nobody was found who has an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArpError {
    /// Silence: every request was sent, nothing came back in time.
    #[error("nobody says to have {about}: {sent} requests sent on {interface}, nothing came back within {waited:?}")]
    Timeout {
        /// The address.
        about: IpAddr,
        /// The interface that was asked on.
        interface: String,
        /// Requests that were sent.
        sent: u32,
        /// From the first request to the end.
        waited: Duration,
    },
    /// Several machines say that they have it.
    #[error("{} machines say to have {about}: {}", macs.len(), list(macs))]
    Conflict {
        /// The address.
        about: IpAddr,
        /// Their link-layer addresses, in the order in which they answered.
        macs: Vec<MacAddr>,
    },
    /// The target has no address to ask about. The question was never asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The host has no interface with a subnet that the address is in. The question was never asked.
    #[error("{about} is on no link of host `{host}`: {hint}")]
    NotOnLink {
        /// The address.
        about: IpAddr,
        /// The host that was to ask.
        host: String,
        /// What could be done.
        hint: String,
    },
    /// The interface speaks no link-layer addresses, as tunnels do not: nobody is asked on it who has an address.
    #[error("{interface} has no link-layer addresses to ask for")]
    NoLinkLayer {
        /// The interface.
        interface: String,
    },
    /// The interface is down. The question was never asked.
    #[error("{interface} is down")]
    Down {
        /// The interface.
        interface: String,
    },
    /// The host could not ask. The question was never asked.
    #[error("could not {what}")]
    Local {
        /// What failed.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl From<CannotRun> for ArpError {
    fn from(error: CannotRun) -> Self {
        Self::Local { what: error.what, source: error.source }
    }
}

impl ArpError {
    /// Whether it is a result: everybody was asked, and nobody has the address.
    pub fn is_negative(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

impl NoAnswer for ArpError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn is_broken(&self) -> bool {
        !matches!(self, Self::Timeout { .. } | Self::Conflict { .. })
    }

    fn is_answered(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}

fn list(macs: &[MacAddr]) -> String {
    macs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
