//! What hears the frames of some interfaces in one network namespace: all of each, and how many it has missed.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::frame::{Frame, Place};
use super::socket::Socket;
use crate::capture::{ClosedByKernel, Direction, LinkLayer};
use crate::lab::Member;
use crate::relay::{WireFrame, with_tag};
use crate::sys;

/// An interface that is heard.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) member: Member,
    pub(super) place: Place,
    /// Whether it is heard at the far end of its cable, where what it sends comes in.
    pub(super) is_far: bool,
}

/// The interfaces that are heard, by the kernel's indices.
#[derive(Clone, Debug)]
pub(super) enum Ends {
    /// Whatever this host has.
    All(Arc<str>),
    These(BTreeMap<u32, End>),
}

/// Hears some interfaces of a network namespace, whether they are up or not.
///
/// Its sockets are bound to none of them: one that is would hear nothing from when an interface comes up until the kernel has told it so. A filter lets through
/// what is of its interfaces.
#[derive(Debug)]
pub(super) struct Ear {
    sockets: Vec<Socket>,
    ends: Ends,
    /// Behind the sockets, so that these are not closed by whoever drops this.
    _closing: Option<ClosedByKernel>,
}

impl Ear {
    /// In the namespace that this thread is in, with `most` sockets at most.
    pub(super) fn open(ends: Ends, most: usize) -> io::Result<Self> {
        let sockets = Socket::open_some(ends.indices().as_deref(), most)?;
        let fds: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        // Without it whoever closes them waits, no more.
        let closing = ClosedByKernel::new(&fds).ok();
        Ok(Self { sockets, ends, _closing: closing })
    }

    pub(super) fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// Hears one more interface from now on.
    pub(super) fn and(&mut self, index: u32, end: End) -> io::Result<()> {
        let Ends::These(mut ends) = self.ends.clone() else { return Ok(()) };
        ends.insert(index, end);
        self.change(Ends::These(ends))
    }

    /// Hears an interface no longer.
    pub(super) fn without(&mut self, member: Member) -> io::Result<()> {
        let Ends::These(mut ends) = self.ends.clone() else { return Ok(()) };
        ends.retain(|_, end| end.member != member);
        self.change(Ends::These(ends))
    }

    fn change(&mut self, ends: Ends) -> io::Result<()> {
        let indices = ends.indices();
        self.sockets.iter().try_for_each(|socket| socket.change(indices.as_deref()))?;
        self.ends = ends;
        Ok(())
    }

    /// Takes some of what has come, and answers whether there may be more.
    pub(super) fn take_some(&mut self, room: &mut [u8], mut each: impl FnMut(Frame)) -> bool {
        let Self { sockets, ends, .. } = self;
        let mut more = false;
        for socket in sockets {
            more |= socket.take_some(room, |fd, packet, bytes| _ = ends.frame(fd, packet, bytes).map(&mut each));
        }
        more
    }

    /// Takes everything that has come by now.
    pub(super) fn take_all(&mut self, room: &mut [u8], mut each: impl FnMut(Frame)) -> io::Result<()> {
        let Self { sockets, ends, .. } = self;
        sockets.iter_mut().try_for_each(|socket| {
            socket.take_all(room, |fd, packet, bytes| _ = ends.frame(fd, packet, bytes).map(&mut each))
        })
    }

    /// How many frames are missing of what this was to hear.
    pub(super) fn lost(&self) -> u64 {
        self.sockets.iter().map(Socket::lost).sum()
    }

    /// The first of its interfaces that is not where it was any more.
    pub(super) fn gone(&self) -> Option<&End> {
        let Ends::These(ends) = &self.ends else { return None };
        ends.iter().find_map(|(&index, end)| {
            let name = sys::interface_name(self.sockets[0].as_fd(), index);
            name.is_err_and(|error| error.raw_os_error() == Some(libc::ENODEV)).then_some(end)
        })
    }
}

impl Ends {
    fn indices(&self) -> Option<Vec<u32>> {
        match self {
            Self::All(_) => None,
            Self::These(ends) => Some(ends.keys().copied().collect()),
        }
    }

    /// What was heard, if it is of an interface that is heard still.
    fn frame(&self, socket: BorrowedFd<'_>, packet: &sys::Packet, bytes: &[u8]) -> Option<Frame> {
        // The kernel tells the time a moment after it has been asked to.
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let (place, is_far) = match self {
            Self::These(ends) => ends.get(&packet.interface).map(|end| (end.place.clone(), end.is_far))?,
            Self::All(host) => {
                let name = sys::interface_name(socket, packet.interface).ok();
                let name = name.map(|name| String::from_utf8_lossy(&name).into_owned());
                let interface = name.unwrap_or_else(|| format!("#{}", packet.interface)).into();
                (Place { host: Arc::clone(host), interface }, false)
            }
        };
        let direction = match (Direction::of(packet.to), is_far) {
            (Direction::In | Direction::Past, true) => Direction::Out,
            (Direction::Out, true) => Direction::In,
            (direction, false) => direction,
        };
        let from = (direction == Direction::Out).then(|| Arc::clone(&place.host));
        let wire = WireFrame::heard(from, LinkLayer::of(packet.link), with_tag(bytes, packet.tag));
        Some(Frame { wire, place, direction, time: packet.time.unwrap_or_else(now) })
    }
}
