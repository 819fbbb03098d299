//! Who talks in a host and who is kept from it: sockets, tracked connections, the firewall.

use super::Section;
use crate::firewall;
use crate::kernel::{ConntrackEntry, SocketInfo, sockets_here, tracked_here};

/// Who talks in a host and who is kept from it.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) sockets: Section<Vec<SocketInfo>>,
    /// The connections that are tracked.
    pub(crate) connections: Section<Vec<ConntrackEntry>>,
    /// The ruleset of nftables with its counters, in nft's language; nothing where there is none, or nobody to tell.
    pub(crate) firewall: Section<Option<String>>,
}

/// The sockets of the namespace that this thread is in.
pub(super) fn sockets() -> Section<Vec<SocketInfo>> {
    sockets_here().map_err(|error| error.to_string())
}

/// The connections that are tracked in the namespace that this thread is in. Where there are none, the kernel is not asked to load what could tell.
pub(super) fn connections() -> Section<Vec<ConntrackEntry>> {
    let count = std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count");
    if count.map_or(true, |count| count.trim() == "0") {
        return Ok(Vec::new());
    }
    tracked_here().map_err(|error| error.to_string())
}

/// The ruleset of the namespace that this thread is in.
pub(super) fn firewall() -> Section<Option<String>> {
    firewall::list().map_err(|error| error.to_string())
}
