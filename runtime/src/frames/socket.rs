//! A packet socket that hears some interfaces of a network namespace, and knows how much it has heard.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socket};

use super::datagrams::{Datagrams, OFFLOAD};
use crate::filter::{answer, instruction};
use crate::sys;

/// `ETH_P_ALL`
const EVERYTHING: u16 = 3;

/// How many bytes may wait to be taken, as the kernel counts them, in all sockets of an ear.
const BUFFER: usize = 32 << 20;

/// One frame goes to the first socket that has room for it (`PACKET_FANOUT_ROLLOVER`, packet(7)), of a group whose number the kernel chooses.
const ROLLOVER: libc::c_int = 3;
const UNIQUE_ID: libc::c_int = 0x2000;

/// The longest frame that a kernel passes on at once (`GSO_MAX_SIZE` in `include/linux/netdevice.h`), and its headers.
pub(super) const LONGEST: usize = (8 << 16) + 1024;

/// How many frames are taken before others have their turn: they wait for the lock.
const TURN: usize = 256;

/// A frame as it was taken from a socket.
pub(super) struct Taken<'a> {
    /// Whose network namespace it was heard in.
    pub(super) socket: BorrowedFd<'a>,
    pub(super) packet: &'a sys::Packet,
    pub(super) bytes: &'a [u8],
    pub(super) stands_for: StandsFor,
}

/// What a device would make of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum StandsFor {
    /// One packet, or segments of TCP.
    Itself,
    Datagrams(Datagrams),
    /// The kernel has no words for it: segments of SCTP, or datagrams before Linux 6.2.
    Unknown,
}

#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    /// Frames that had come when the kernel was asked last, and those that were taken since the beginning.
    heard: u64,
    taken: u64,
    /// Frames that found no room, or could not be taken; at least one if any may be missing.
    lost: u64,
}

impl Socket {
    /// In the namespace that this thread is in. Without privileges a socket has room for little, `net.core.rmem_max`; then there are several, up to
    /// `most`, in the order in which they are filled.
    pub(super) fn open_some(interfaces: Option<&[u32]>, most: usize) -> io::Result<Vec<Self>> {
        let first = Self::open()?;
        let room = sys::getsockopt_int(first.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF)?;
        let room = usize::try_from(room).map_err(io::Error::other)?.max(1);
        let mut sockets = vec![first];
        let wanted = BUFFER.div_ceil(room).min(most);
        if wanted > 1 {
            let group = sockets[0].join(UNIQUE_ID << 16)?;
            for _ in 1..wanted {
                let next = Self::open()?;
                next.join(group)?;
                sockets.push(next);
            }
        }
        // From when the first hears, all do: it is the one that is filled first, and until then it has room and lets everything go.
        sockets.iter().rev().try_for_each(|socket| socket.change(interfaces))?;
        Ok(sockets)
    }

    /// One that hears nothing yet: before it joins a group it would hear what the group does, once more.
    fn open() -> io::Result<Self> {
        // Of no protocol, so that nothing is heard before the filter is there.
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
        sys::attach_filter(fd.as_fd(), &[answer(0)])?;
        // The kernel doubles it (socket(7)).
        let bytes = libc::c_int::try_from(BUFFER / 2).expect("it is small");
        let options = [
            (libc::SOL_PACKET, libc::PACKET_AUXDATA, 1),
            (libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1),
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1),
        ];
        for (level, option, value) in options {
            sys::setsockopt_int(fd.as_fd(), level, option, value)?;
        }
        sys::setsockopt_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
            .or_else(|_| sys::setsockopt_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, bytes))?;
        sys::bind_packet_socket(fd.as_fd(), 0, EVERYTHING)?;
        Ok(Self { fd, heard: 0, taken: 0, lost: 0 })
    }

    /// Joins a group, and answers with what others join it by.
    fn join(&self, group: libc::c_int) -> io::Result<libc::c_int> {
        sys::setsockopt_int(self.as_fd(), libc::SOL_PACKET, libc::PACKET_FANOUT, group | ROLLOVER << 16)?;
        let joined = sys::getsockopt_int(self.as_fd(), libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        Ok(joined & 0xffff)
    }

    /// Hears other interfaces from now on.
    pub(super) fn change(&self, interfaces: Option<&[u32]>) -> io::Result<()> {
        sys::attach_filter(self.as_fd(), &filter(interfaces))
    }

    /// Takes everything that has come by now.
    pub(super) fn take_all(&mut self, room: &mut [u8], mut each: impl FnMut(Taken<'_>)) -> io::Result<()> {
        // When the kernel is asked, what it has counted is in the queue.
        let (came, lost) = sys::frames_since(self.as_fd())?;
        self.heard += u64::from(came);
        self.lost += u64::from(lost);
        // What comes meanwhile is left: that need not end by itself.
        while self.taken < self.heard && self.take_some(room, &mut each) {}
        // What has come, and is not there, could not be received.
        let missing = self.heard.saturating_sub(self.taken);
        self.lost += missing;
        self.taken += missing;
        Ok(())
    }

    /// Takes some of what has come, and answers whether there may be more.
    pub(super) fn take_some(&mut self, room: &mut [u8], mut each: impl FnMut(Taken<'_>)) -> bool {
        for _ in 0..TURN {
            match self.receive(room) {
                Ok((packet, length, stands_for)) => {
                    self.taken += 1;
                    each(Taken { socket: self.fd.as_fd(), packet: &packet, bytes: &room[..length], stands_for });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Whether one was taken from the queue for it is not known: nothing is complete any more.
                Err(_) => {
                    self.lost += 1;
                    return false;
                }
            }
        }
        true
    }

    /// Takes the next frame. One that the kernel cannot say the pieces of, it does not hand over with what it says of pieces, and throws away; so
    /// it is asked before.
    fn receive(&self, room: &mut [u8]) -> io::Result<(sys::Packet, usize, StandsFor)> {
        let mut offload = [0; OFFLOAD];
        match recv(self.fd.as_raw_fd(), &mut offload, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
            Ok(_) => {
                let (packet, length) = sys::receive_whole_frame(self.as_fd(), &mut offload, room)?;
                let stands_for = Datagrams::of(offload).map_or(StandsFor::Itself, StandsFor::Datagrams);
                Ok((packet, length, stands_for))
            }
            Err(Errno::EINVAL) => {
                let say_pieces =
                    |whether| sys::setsockopt_int(self.as_fd(), libc::SOL_PACKET, libc::PACKET_VNET_HDR, whether);
                say_pieces(0)?;
                let received = sys::receive_whole_frame(self.as_fd(), &mut [], room);
                say_pieces(1)?;
                received.map(|(packet, length)| (packet, length, StandsFor::Unknown))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How many frames are missing of what this was to hear.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Lets through what is of these interfaces, by the kernel's indices, or everything.
fn filter(interfaces: Option<&[u32]>) -> Vec<libc::sock_filter> {
    let Some(interfaces) = interfaces else { return vec![answer(u32::MAX)] };
    let index = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX).cast_unsigned();
    let mut filter = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, index, [0, 0])];
    for &interface in interfaces {
        filter.extend([instruction(libc::BPF_JMP | libc::BPF_JEQ, interface, [0, 1]), answer(u32::MAX)]);
    }
    filter.push(answer(0));
    filter
}
