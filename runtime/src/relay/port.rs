//! A port of a switch, as a packet socket on it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::uio::writev;

use super::frame::{Frame, Offload};
use crate::sys;

/// Room for the largest frame: a packet of 64 kB that is not cut into segments yet, its Ethernet header and tags.
pub(super) const ROOM: usize = 65_536 + 64;

/// How many bytes may wait in a socket. Without privileges it is as many as `net.core.rmem_max` allows.
const BUFFER: usize = 16 << 20;

/// `ETH_P_ALL`
const EVERYTHING: u16 = 3;

/// How many bytes may wait for a host to take them.
const MOST_WAITING: usize = 16 << 20;

/// A port of a switch.
#[derive(Debug)]
pub(super) struct Port {
    /// The kernel's index of it.
    pub(super) index: u32,
    socket: Arc<OwnedFd>,
    /// What its host was too busy to take.
    waiting: VecDeque<Frame>,
    bytes_waiting: usize,
    /// Frames that have come to the socket, when the kernel was asked last.
    came: u64,
    /// Frames that were received from it.
    received: u64,
}

/// What came of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The host has it, or its cable is pulled.
    Done,
    /// It waits for the host, as do all that come behind it.
    Waits,
    /// Too much waits for the host already.
    Overflow,
    /// The host does not take it, it is too large for the port, or makes no sense to the kernel.
    Refused,
}

/// What came of listening.
pub(super) enum Received {
    Frame {
        offload: Offload,
        length: usize,
        tag: Option<[u8; 4]>,
    },
    /// Nothing has come.
    Nothing,
    /// The port is down.
    Down,
}

impl Port {
    /// The port with this index in the namespace that this thread is in. It hears nothing until [`Port::listen`].
    pub(super) fn open(index: u32) -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        // Frames as the kernel has them between two hosts: checksums not computed yet, not cut into segments.
        for option in [libc::PACKET_VNET_HDR, libc::PACKET_AUXDATA, libc::PACKET_QDISC_BYPASS] {
            sys::setsockopt_int(socket.as_fd(), libc::SOL_PACKET, option, 1)?;
        }
        sys::ignore_outgoing(socket.as_fd())?;
        let bytes = libc::c_int::try_from(BUFFER).expect("it is small");
        for (forced, asked) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
            sys::setsockopt_int(socket.as_fd(), libc::SOL_SOCKET, forced, bytes)
                .or_else(|_| sys::setsockopt_int(socket.as_fd(), libc::SOL_SOCKET, asked, bytes))?;
        }
        let socket = Arc::new(socket);
        Ok(Self { index, socket, waiting: VecDeque::new(), bytes_waiting: 0, came: 0, received: 0 })
    }

    /// Hears everything that its host sends from now on.
    pub(super) fn listen(&self) -> io::Result<()> {
        sys::bind_packet_socket(self.socket.as_fd(), self.index, EVERYTHING)
    }

    /// The next frame, which is put into `room`.
    pub(super) fn receive(&mut self, room: &mut [u8]) -> io::Result<Received> {
        let mut offload = Offload::default();
        match sys::receive_whole_frame(self.socket.as_fd(), &mut offload.0, room) {
            Ok((packet, length)) => {
                self.received += 1;
                Ok(Received::Frame { offload, length, tag: packet.tag })
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Nothing),
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(Received::Down),
            // It is gone, too.
            Err(error) => {
                self.received += 1;
                Err(error)
            }
        }
    }

    /// How many frames wait to be received. More may come meanwhile.
    pub(super) fn backlog(&mut self) -> io::Result<u64> {
        self.came += u64::from(sys::frames_since(self.socket.as_fd())?.0);
        Ok(self.came.saturating_sub(self.received))
    }

    /// Sends a frame to its host, or has it wait for that.
    pub(super) fn send(&mut self, offload: Offload, frame: &[u8]) -> io::Result<Sent> {
        if self.waiting.is_empty() {
            match self.try_to_send(offload, frame)? {
                Sent::Waits => {}
                other => return Ok(other),
            }
        }
        if self.bytes_waiting + frame.len() > MOST_WAITING {
            return Ok(Sent::Overflow);
        }
        self.bytes_waiting += frame.len();
        self.waiting.push_back(Frame { offload, bytes: frame.to_vec() });
        Ok(Sent::Waits)
    }

    /// Sends what waits, as far as its host takes it. Answers with how many frames were refused, and whether none waits any more.
    pub(super) fn send_waiting(&mut self) -> io::Result<(u64, bool)> {
        let mut refused = 0;
        while let Some(frame) = self.waiting.pop_front() {
            match self.try_to_send(frame.offload, &frame.bytes)? {
                Sent::Waits => {
                    self.waiting.push_front(frame);
                    return Ok((refused, false));
                }
                Sent::Refused => refused += 1,
                Sent::Done | Sent::Overflow => {}
            }
            self.bytes_waiting -= frame.bytes.len();
        }
        Ok((refused, true))
    }

    fn try_to_send(&self, offload: Offload, frame: &[u8]) -> io::Result<Sent> {
        match writev(&self.socket, &[IoSlice::new(&offload.0), IoSlice::new(frame)]) {
            // Or its cable is pulled.
            Ok(_) | Err(Errno::ENETDOWN | Errno::ENXIO | Errno::ENODEV) => Ok(Sent::Done),
            // What has been sent counts until its host has taken it from its queue.
            Err(Errno::EAGAIN) => Ok(Sent::Waits),
            // The host's interface is down, or takes no frame as large, or its kernel has too many already: a bridge's would be dropped, too.
            Err(Errno::ENOBUFS | Errno::EMSGSIZE | Errno::EINVAL) => Ok(Sent::Refused),
            Err(error) => Err(error.into()),
        }
    }

    /// Its socket, which counts what found no room in it.
    pub(super) fn socket(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.socket)
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
