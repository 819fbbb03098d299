//! Why a lab could not be built.

use std::io;

use netns_test_topology::{Feature, HostName};
use nix::errno::Errno;

use super::netlink::NetlinkError;
use crate::firewall::NatError;
use crate::isolation::is_unmet_need;

/// Why a lab could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LabError {
    /// The kernel did not make a network namespace.
    #[error("cannot make the network namespace of host {host}{}", quota(source))]
    Namespace { host: HostName, source: io::Error },
    /// The kernel did not make the network namespace of the switches.
    #[error("cannot make a network namespace for the switches{}", quota(source))]
    Switches { source: io::Error },
    /// A sysctl of the baseline could not be written.
    #[error("cannot set {path} to {value}")]
    Sysctl { path: String, value: &'static str, source: io::Error },
    /// This kernel has no IPv6.
    #[error("this kernel has no IPv6 (no /proc/sys/net/ipv6): write `ipv6 = false`, {}", Feature::Ipv6.remedy())]
    NoIpv6,
    /// The kernel lacks a kind of device.
    #[error("this kernel has no {}: {}", in_words(*kind), kind.remedy())]
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
    /// A link kept its carrier.
    #[error("{links} still up after {waited:?}")]
    StillCarrier { links: String, waited: std::time::Duration },
    /// A thread could not be moved into a host's namespace.
    #[error("cannot enter the network namespace of a host")]
    Enter { source: io::Error },
    /// Addresses stayed tentative.
    #[error("in {place}: {addresses} cannot be used after {waited:?}")]
    Tentative { place: String, addresses: String, waited: std::time::Duration },
    /// A file of the lab's world could not be made.
    #[error("cannot write {path}")]
    File { path: String, source: io::Error },
    /// A tap could not be made.
    #[error("cannot make a tap with /dev/net/tun: `sudo modprobe tun`, or let this user open it")]
    Tap { source: io::Error },
    /// A sysctl of the drawing could not be written.
    #[error("in host {host}: cannot set {path} to {value:?}")]
    WrittenSysctl { host: HostName, path: String, value: String, source: io::Error },
    /// An interface could not be made to do its checksums itself.
    #[error("in {place}: cannot switch off the offloads of {interface}")]
    Offload { place: String, interface: String, source: io::Error },
    /// A router does not translate addresses.
    #[error(transparent)]
    Nat(#[from] NatError),
    /// A `WireGuard` interface could not be told of its keys and peers.
    #[error("in host {host}: cannot set up WireGuard")]
    WireGuard { host: HostName, source: io::Error },
    /// A segment could not be impaired as it is drawn.
    #[error("segment {segment} cannot be impaired as it is drawn: {why}")]
    Impairment { segment: String, why: String },
    /// A thread could not be started.
    #[error("cannot start a thread to build the lab")]
    Thread { source: io::Error },
}

impl LabError {
    /// Whether the machine lacks what the lab needs, rather than something having gone wrong.
    pub(crate) fn is_unmet_need(&self) -> bool {
        match self {
            Self::Namespace { source, .. } | Self::Switches { source } => {
                source.raw_os_error().map(Errno::from_raw).is_some_and(is_unmet_need)
            }
            Self::NoIpv6 | Self::NoDevice { .. } | Self::OpenFiles { .. } => true,
            Self::Nat(error) => error.is_unmet_need(),
            // Whatever else goes wrong with a tap is no lack of it.
            Self::Tap { source } => {
                matches!(source.raw_os_error(), Some(libc::ENOENT | libc::ENODEV | libc::ENXIO))
            }
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

/// "devices of that kind", with the kind.
fn in_words(kind: Feature) -> String {
    kind.what().replace("that kind", &format!("kind `{kind}`"))
}

/// An error of a request for a link, of a kind that the kernel may lack.
pub(super) fn device(kind: Feature, place: &str, source: NetlinkError) -> LabError {
    match source.source.raw_os_error() {
        Some(libc::EOPNOTSUPP) => LabError::NoDevice { kind, source },
        _ => LabError::Netlink { place: place.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_device_that_is_missing_is_an_unmet_need_with_its_remedy() {
        let refused = |errno| NetlinkError { what: "make a bridge", source: io::Error::from_raw_os_error(errno) };
        let missing = device(Feature::Bridge, "the switches", refused(libc::EOPNOTSUPP));
        assert!(missing.is_unmet_need());
        assert_eq!(
            crate::error::chain(&missing),
            "this kernel has no devices of kind `bridge`: `sudo modprobe bridge`, or choose a kernel with CONFIG_BRIDGE: \
             cannot make a bridge: Operation not supported (os error 95)"
        );
        let other = device(Feature::Bridge, "the switches", refused(libc::EEXIST));
        assert!(!other.is_unmet_need());
        assert_eq!(crate::error::chain(&other), "in the switches: cannot make a bridge: File exists (os error 17)");
    }
}
