//! What hears the frames of a host.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::filter::{carries_on, filter, filter_in_a_rush};
use super::frame::{Direction, Frame, LinkLayer, since_1970};
use super::rush::{Rush, Rushed};
use crate::relay::with_tag;
use crate::sys;

/// How many bytes of a frame are recorded: all headers, and the beginning of what is said.
pub(super) const SNAP: usize = 256;

/// How many bytes may wait in a socket, as the kernel counts them. Without privileges it is as many as `net.core.rmem_max` allows.
const BUFFER: usize = 4 << 20;

/// `ETH_P_ALL`
const EVERYTHING: u16 = 3;

/// Hears everything that the interfaces of a network namespace send and receive, also of those that are not there yet.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    fd: OwnedFd,
    lost: u64,
    rush: Rush,
}

impl PacketSocket {
    /// In the namespace that this thread is in.
    pub(crate) fn open() -> io::Result<Self> {
        // Of no protocol, so that nothing is heard before the filter is there.
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
        sys::attach_filter(fd.as_fd(), &filter())?;
        let bytes = libc::c_int::try_from(BUFFER).expect("it is small");
        let options = [(libc::SOL_PACKET, libc::PACKET_AUXDATA, 1), (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)];
        for (level, option, value) in options {
            sys::setsockopt_int(fd.as_fd(), level, option, value)?;
        }
        sys::setsockopt_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
            .or_else(|_| sys::setsockopt_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, bytes))?;
        sys::bind_packet_socket(fd.as_fd(), 0, EVERYTHING)?;
        Ok(Self { fd, lost: 0, rush: Rush::default() })
    }

    /// Hands over the next frames, if there are some, and answers with how many. `host` is the index of the host whose they are.
    pub(super) fn receive(&mut self, host: usize, mut each: impl FnMut(Frame)) -> io::Result<usize> {
        let Self { fd, rush, .. } = self;
        sys::receive_starts_of_frames::<SNAP>(fd.as_fd(), |packet, length, bytes| {
            let link = LinkLayer::of(packet.link);
            if carries_on(link, bytes) {
                rush.count();
            }
            each(Frame {
                host,
                interface: packet.interface,
                direction: Direction::of(packet.to),
                link,
                // The kernel tells the time a moment after it has been asked to.
                time: packet.time.unwrap_or_else(since_1970),
                length: length + packet.tag.map_or(0, |tag| tag.len()),
                bytes: with_tag(bytes, packet.tag).into(),
            });
        })
    }

    /// Ends a round, and changes the filter where a rush begins or ends.
    pub(super) fn end_round(&mut self) -> io::Result<()> {
        let Self { fd, rush, .. } = self;
        rush.end_round(|all| sys::attach_filter(fd.as_fd(), &if all { filter() } else { filter_in_a_rush() }))
    }

    /// Whether there is to be another round, whatever comes.
    pub(super) fn is_in_a_rush(&self) -> bool {
        self.rush.is_now()
    }

    /// When most of TCP was not recorded.
    pub(super) fn rushed(&mut self) -> Rushed {
        self.rush.when()
    }

    /// One could not be received.
    pub(super) fn note_loss(&mut self) {
        self.lost += 1;
    }

    /// How many frames were heard and not received so far.
    pub(super) fn lost(&mut self) -> u64 {
        // What cannot be asked is as if nothing had been lost since.
        self.lost += sys::frames_since(self.fd.as_fd()).map_or(0, |(_, lost)| u64::from(lost));
        self.lost
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
