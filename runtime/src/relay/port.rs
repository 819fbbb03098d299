//! A port of a switch, as a packet socket on it.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::uio::writev;

use super::frame::Offload;
use crate::sys;

/// Room for the largest frame: a packet of 64 kB that is not cut into segments yet, its Ethernet header and tags.
pub(super) const ROOM: usize = 65_536 + 64;

/// How many bytes may wait in a socket. Without privileges it is as many as `net.core.rmem_max` allows.
const BUFFER: usize = 16 << 20;

/// `ETH_P_ALL`
const EVERYTHING: u16 = 3;

/// A port of a switch.
#[derive(Debug)]
pub(super) struct Port {
    /// The kernel's index of it.
    pub(super) index: u32,
    socket: OwnedFd,
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
        let buffer = socket2::SockRef::from(&socket);
        let bytes = libc::c_int::try_from(BUFFER).expect("it is small");
        if sys::setsockopt_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err() {
            buffer.set_recv_buffer_size(BUFFER)?;
        }
        Ok(Self { index, socket })
    }

    /// Hears everything that its host sends from now on.
    pub(super) fn listen(&self) -> io::Result<()> {
        sys::bind_packet_socket(self.socket.as_fd(), self.index, EVERYTHING)
    }

    /// The next frame, which is put into `room`.
    pub(super) fn receive(&self, room: &mut [u8]) -> io::Result<Received> {
        let mut offload = Offload::default();
        match sys::receive_frame(self.socket.as_fd(), &mut offload.0, room) {
            Ok((length, tag)) => Ok(Received::Frame { offload, length, tag }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Nothing),
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(Received::Down),
            Err(error) => Err(error),
        }
    }

    /// Sends a frame to its host.
    pub(super) fn send(&self, offload: Offload, frame: &[u8]) -> io::Result<()> {
        writev(&self.socket, &[IoSlice::new(&offload.0), IoSlice::new(frame)])?;
        Ok(())
    }

    /// How many frames found no room in its socket.
    pub(super) fn missed(&self) -> io::Result<u32> {
        sys::socket_drops(self.socket.as_fd())
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
