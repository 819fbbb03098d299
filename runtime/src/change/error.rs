//! Why a network, or what runs on it, could not be changed.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use netns_test_topology::MTU_IPV6;

use crate::ClockSkew;

/// Why a network, or what runs on it, could not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The host has no interface on the segment.
    #[error("host `{host}` is not on segment `{segment}`")]
    NotThere {
        /// Name of the host.
        host: String,
        /// Name of the segment.
        segment: String,
    },
    /// The host has an interface on the segment already.
    #[error("host `{host}` is on segment `{segment}` already")]
    AlreadyThere {
        /// Name of the host.
        host: String,
        /// Name of the segment.
        segment: String,
    },
    /// The segment is of another lab than the host.
    #[error("host `{host}` and segment `{segment}` are of different labs")]
    OtherLab {
        /// Name of the host.
        host: String,
        /// Name of the segment.
        segment: String,
    },
    /// Nothing of the host can be pulled out of the segment, or plugged into it.
    #[error("host `{host}` has no cable of its own on segment `{segment}`: {why}")]
    NoCable {
        /// Name of the host.
        host: String,
        /// Name of the segment.
        segment: String,
        /// Why there is none.
        why: &'static str,
    },
    /// The address is in none of the subnets that it could be in.
    #[error("{address} is in no subnet of {place}")]
    Outside {
        /// The address.
        address: IpAddr,
        /// The segment or host whose subnets these are.
        place: String,
    },
    /// No host can have the address: it is the network's, everybody's or nobody's.
    #[error("{why}")]
    Unusable {
        /// The address.
        address: IpAddr,
        /// Whose it is, and which ones hosts have.
        why: String,
    },
    /// Another host on the segment has the address.
    #[error("{address} is the address of host `{host}` already")]
    Taken {
        /// The address.
        address: IpAddr,
        /// Name of the other host.
        host: String,
    },
    /// A host cannot be its own gateway.
    #[error("{address} is the address of host `{host}` itself")]
    OwnGateway {
        /// The address.
        address: IpAddr,
        /// Name of the host.
        host: String,
    },
    /// The MTU is one that a drawing could not have either.
    #[error("an MTU of {mtu} is too small{}: it is {least} bytes at least", if *least == MTU_IPV6 { " for IPv6" } else { "" })]
    Mtu {
        /// The MTU, in bytes.
        mtu: u32,
        /// The least that is possible, in bytes.
        least: u32,
    },
    /// The impairment makes no sense.
    #[error("{why}")]
    Senseless {
        /// What is wrong with it.
        why: String,
    },
    /// The segment, or this part of it, cannot be impaired.
    #[error("segment `{segment}` cannot be impaired so: {why}")]
    Unimpairable {
        /// Name of the segment.
        segment: String,
        /// Why not.
        why: &'static str,
    },
    /// The kernel's netem does not tell apart what an impairment has done.
    #[error("the kernel does not count what `{impairment}` does to segment `{segment}`: `Engine::Relay` does")]
    Uncounted {
        /// Name of the segment.
        segment: String,
        /// The impairment, in the words of the options.
        impairment: String,
    },
    /// Clocks cannot be skewed so far: one would be before the machine's start, or later than the kernel can count.
    #[error("no clock can be {skew}: it begins with the machine's start, and ends 146 years after that")]
    NoSuchTime {
        /// How far they were to be skewed.
        skew: ClockSkew,
    },
    /// The kernel has nothing that this could be done with.
    #[error("this kernel has no {what}: {remedy}")]
    Unsupported {
        /// What it does not have.
        what: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The kernel refused, or what was waited for did not happen.
    #[error("could not {what}")]
    Failed {
        /// What was to be done.
        what: String,
        /// Why it was not.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl LinkError {
    pub(crate) fn failed(what: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed { what: what.to_owned(), source: source.into() }
    }
}
