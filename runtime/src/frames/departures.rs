//! Interfaces that leave their network namespace, as the kernel tells it when they do: whoever only looks may find them back.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::filter::{answer, instruction};
use crate::{netlink, sys};

/// `RTNLGRP_LINK` and `RTM_DELLINK` (`linux/rtnetlink.h`).
const LINK_EVENTS: u32 = 1;
const LINK_HAS_GONE: u16 = 17;

/// Where the type of a message is (`struct nlmsghdr`), and the family of a link (`struct ifinfomsg`).
const TYPE: u32 = 4;
const FAMILY: u32 = 16;

/// Tells of every interface of a network namespace that is deleted, or moved to another.
#[derive(Debug)]
pub(super) struct Departures(Socket);

impl Departures {
    /// Those from now on of the namespace that this thread is in.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        sys::attach_filter(socket.as_fd(), &filter())?;
        socket.add_membership(LINK_EVENTS)?;
        Ok(Self(socket))
    }

    /// Hands over the index of each that has left since this was asked last: one is in the queue before whoever takes it away goes on.
    ///
    /// # Errors
    /// `ENOBUFS` if more have left than there was room for. It is said once.
    pub(super) fn take(&self, mut each: impl FnMut(u32)) -> io::Result<()> {
        loop {
            let received = netlink::receive::<RouteNetlinkMessage>(&self.0, |message| {
                if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) = message.payload {
                    each(link.header.index);
                }
                Ok(())
            });
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
        }
    }
}

impl AsFd for Departures {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lets through what says that a link has gone, so that whatever else happens to links takes no room. A port that leaves its bridge is told of in the same
/// words, but of the bridges' family; it stays where it is.
fn filter() -> [libc::sock_filter; 6] {
    // A filter takes all numbers for big-endian ones.
    let has_gone = u16::from_be_bytes(LINK_HAS_GONE.to_ne_bytes());
    let family = libc::AF_UNSPEC.cast_unsigned();
    [
        instruction(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, TYPE, [0, 0]),
        instruction(libc::BPF_JMP | libc::BPF_JEQ, has_gone.into(), [0, 3]),
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, FAMILY, [0, 0]),
        instruction(libc::BPF_JMP | libc::BPF_JEQ, family, [0, 1]),
        answer(u32::MAX),
        answer(0),
    ]
}
