//! Why there is no capture, or none that could prove anything.

use std::fmt;
use std::io;

use crate::error::chain;

/// Why a capture could not be begun, or cannot tell what was sent.
///
/// Whatever it is, a test that has met it is *broken*: it is red however it ends, whatever becomes of the error, also under `#[should_panic]`, as nothing is
/// known of what it wanted to claim. `{:?}`, as `unwrap` shows it, says what `{}` says.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Frames went by that were not captured. How many were lost is known; what they were is not.
    #[error("the capture of {of} is not complete: {}", missing(*dropped, *beyond, *budget))]
    Incomplete {
        /// Of what the capture is.
        of: String,
        /// Frames for which a socket had no room, or which could not be received from it.
        dropped: u64,
        /// Frames that came when the budget was used up.
        beyond: u64,
        /// The budget, in bytes.
        budget: usize,
    },
    /// An interface is not where it was drawn any more: it was deleted, or moved to another network namespace, where nobody listens.
    #[error(
        "the capture of {of} has lost the interface `{interface}` of host `{host}`: it has left its network namespace, be it back by now"
    )]
    Gone {
        /// Of what the capture is.
        of: String,
        /// Name of the host.
        host: String,
        /// Name of the interface.
        interface: String,
    },
    /// Fragments were heard, and a host forwards. A router that has put the fragments of a packet together, as one that tracks connections does, writes its
    /// own source address, TTL and DSCP into the very memory that those were captured in, so what is read there may be what another host made of it.
    #[error(
        "the capture of {of} is not certain: fragments were heard, and host `{router}` forwards; what a router makes of a fragment may stand in one that was \
         captured before it; send packets that fit the MTU, with fewer bytes at once or on segments with a larger one"
    )]
    Fragments {
        /// Of what the capture is.
        of: String,
        /// Name of a host that forwards.
        router: String,
    },
    /// There is nothing that could be heard, so a claim about it would hold whatever happens.
    #[error("there is nothing to capture of {of}: it has no interface")]
    Nothing {
        /// Of what the capture would have been.
        of: String,
    },
    /// The kernel does not let it listen.
    #[error("could not capture what crosses {of}")]
    Failed {
        /// Of what the capture is.
        of: String,
        /// What it said.
        source: io::Error,
    },
}

impl fmt::Debug for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

/// How many frames are missing, and what to do about it.
fn missing(dropped: u64, beyond: u64, budget: usize) -> String {
    let frames = |count: u64| if count == 1 { "frame" } else { "frames" };
    let less = "capture one host in the place of a segment, begin later, or drop it earlier";
    let too_fast = format!("{dropped} {} came faster than they could be taken", frames(dropped));
    let too_many = format!("{beyond} {} more than there is room for in its budget of {budget} bytes", frames(beyond));
    match (dropped, beyond) {
        (_, 0) => format!("{too_fast}; {less}, or give sockets more room: `sudo sysctl -w net.core.rmem_max=33554432`"),
        (0, _) => format!("{too_many}; give it more by `.budget(bytes)`, or {less}"),
        _ => format!("{too_fast}, and {too_many}; {less}"),
    }
}
