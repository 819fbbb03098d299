//! How packet sockets are closed without anybody waiting for it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};

/// The most descriptors that one message takes (`SCM_MAX_FD` in `include/net/scm.h`), and one for the receiver.
const AT_ONCE: usize = 252;

/// Has the kernel close sockets in its own time, when nobody has them any more and this has been dropped.
///
/// Whoever closes a packet socket waits until no processor looks at it any more (`synchronize_net` in `packet_release`, `net/packet/af_packet.c`): some 10 ms
/// for each, and a process that ends does so before anybody learns that it has. A descriptor that is under way to a socket which nobody can
/// receive from any more is closed by the kernel's collector of such garbage (`net/unix/garbage.c`), on a thread of its own. So this keeps a pair of
/// sockets, of which one is under way to itself, with the others.
#[derive(Debug)]
pub(crate) struct ClosedByKernel {
    _pair: (OwnedFd, OwnedFd),
}

impl ClosedByKernel {
    /// # Errors
    /// If the kernel does not let so many be under way (`ETOOMANYREFS`): then whoever closes them waits.
    pub(crate) fn new(sockets: &[BorrowedFd<'_>]) -> io::Result<Self> {
        let (from, to) = socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::SOCK_CLOEXEC)?;
        for some in sockets.chunks(AT_ONCE) {
            let fds: Vec<_> = some.iter().map(AsRawFd::as_raw_fd).chain([to.as_raw_fd()]).collect();
            let message = [ControlMessage::ScmRights(&fds)];
            sendmsg::<()>(from.as_raw_fd(), &[io::IoSlice::new(&[0])], &message, MsgFlags::MSG_DONTWAIT, None)?;
        }
        Ok(Self { _pair: (from, to) })
    }
}
