//! Why a port could not be had.

use std::io;
use std::ops::RangeInclusive;

use crate::transport::Transport;

/// Why a port could not be reserved, or the range of local ports not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// Every port that the kernel may choose is taken or reserved.
    #[error(
        "host `{host}` has no {protocol} port left: of {}–{}, {reserved} are reserved and others in use",
        range.start(), range.end()
    )]
    Exhausted {
        /// Name of the host.
        host: String,
        /// For which protocol one was asked for.
        protocol: Transport,
        /// What the kernel may choose from.
        range: RangeInclusive<u16>,
        /// How many of these are reserved.
        reserved: usize,
    },
    /// The kernel does not know the protocol.
    #[error("this kernel has no {protocol}: {remedy}")]
    Unsupported {
        /// The protocol.
        protocol: Transport,
        /// What to do about it.
        remedy: &'static str,
    },
    /// There is no such range of local ports.
    #[error("{}–{} is no range of local ports for host `{host}`: {why}", range.start(), range.end())]
    Range {
        /// Name of the host.
        host: String,
        /// What was asked for.
        range: RangeInclusive<u16>,
        /// What is wrong with it.
        why: String,
    },
    /// The kernel refused.
    #[error("could not {what} of host `{host}`")]
    Failed {
        /// Name of the host.
        host: String,
        /// What was to be done.
        what: &'static str,
        /// What the kernel says.
        source: io::Error,
    },
}
