//! Why a lab could not be built.

use std::io;

use netns_test_topology::{Feature, HostName};
use nix::errno::Errno;

use super::netlink::NetlinkError;
use crate::isolation::is_unmet_need;

/// Why a lab could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LabError {
    /// The kernel did not make a network namespace.
    #[error("cannot make the network namespace of host {host}{}", quota(source))]
    Namespace { host: HostName, source: io::Error },
    /// A sysctl of the baseline could not be written.
    #[error("cannot set {path} to {value}")]
    Sysctl { path: String, value: &'static str, source: io::Error },
    /// This kernel has no IPv6.
    #[error("this kernel has no IPv6 (no /proc/sys/net/ipv6): write `ipv6 = false`, {}", Feature::Ipv6.remedy())]
    NoIpv6,
    /// The kernel lacks a kind of device.
    #[error("this kernel has no devices of kind `{kind}`: {}", kind.remedy())]
    NoDevice { kind: Feature, source: NetlinkError },
    /// A request to the kernel's routing socket failed.
    #[error("in {place}")]
    Netlink { place: String, source: NetlinkError },
    /// The limit of open files is below what the hosts need.
    #[error("{hosts} hosts need {needed} open files, the limit is {limit}: raise it with `ulimit -Hn {needed}`")]
    OpenFiles { hosts: usize, needed: u64, limit: u64 },
    /// A link stayed without carrier.
    #[error("no carrier on {links} after {waited:?}")]
    NoCarrier { links: String, waited: std::time::Duration },
    /// Addresses stayed tentative.
    #[error("in {place}: {addresses} cannot be used after {waited:?}")]
    Tentative { place: String, addresses: String, waited: std::time::Duration },
    /// A file of the lab's world could not be made.
    #[error("cannot write {path}")]
    File { path: String, source: io::Error },
    /// A thread could not be started.
    #[error("cannot start a thread to build the lab")]
    Thread { source: io::Error },
}

impl LabError {
    /// Whether the machine lacks what the lab needs, rather than something having gone wrong.
    pub(crate) fn is_unmet_need(&self) -> bool {
        match self {
            Self::Namespace { source, .. } => source.raw_os_error().map(Errno::from_raw).is_some_and(is_unmet_need),
            Self::NoIpv6 | Self::NoDevice { .. } | Self::OpenFiles { .. } => true,
            _ => false,
        }
    }
}

/// What to do about an error of a request for a network namespace.
pub(crate) fn quota(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::ENOSPC) => " (raise `user.max_net_namespaces`)",
        _ => "",
    }
}
