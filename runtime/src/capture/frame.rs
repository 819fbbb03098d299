//! A frame that was recorded.

use std::time::{Duration, SystemTime};

/// The time, as frames tell theirs.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// A frame as an interface has sent or received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The index of its host in the lab.
    pub(crate) host: usize,
    /// The kernel's index of the interface.
    pub(crate) interface: u32,
    pub(crate) direction: Direction,
    pub(crate) link: LinkLayer,
    /// Since 1970.
    pub(crate) time: Duration,
    /// How long it was.
    pub(crate) length: usize,
    /// Its beginning, with the tag of a VLAN where it belongs.
    pub(crate) bytes: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    /// In, but for somebody else's MAC address: a switch that does not know yet where that is passes frames on to all.
    Past,
    Out,
}

impl Direction {
    /// By what a packet socket says to whom a frame is (`PACKET_OUTGOING` and others, packet(7)).
    pub(crate) fn of(to: u8) -> Self {
        match to {
            libc::PACKET_OUTGOING => Self::Out,
            libc::PACKET_OTHERHOST => Self::Past,
            _ => Self::In,
        }
    }
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LinkLayer {
    Ethernet,
    /// Nothing: the packet is all of it, as in a tunnel.
    Bare,
}

impl LinkLayer {
    /// By the kernel's kinds of links (`ARPHRD_ETHER` and others).
    pub(crate) fn of(kind: u16) -> Self {
        if kind == libc::ARPHRD_ETHER || kind == libc::ARPHRD_LOOPBACK { Self::Ethernet } else { Self::Bare }
    }
}
