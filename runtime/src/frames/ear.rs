//! What hears the frames of some interfaces in one network namespace: all of each, and how many it has missed.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use etherparse::ip_number;

use super::departures::Departures;
use super::frame::{Frame, Place};
use super::socket::{Socket, StandsFor, Taken};
use crate::capture::{ClosedByKernel, Direction, LinkLayer, since_1970};
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
    /// Whatever this host has. Those that were drawn have to stay there.
    All(Arc<str>, BTreeMap<u32, End>),
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
    departures: Departures,
    /// The first of its interfaces that has left, and may be back.
    left: Option<End>,
    /// Why it is not known which have left, or what was heard.
    failed: Option<Arc<io::Error>>,
    /// Behind the sockets, so that these are not closed by whoever drops this.
    _closing: Option<ClosedByKernel>,
}

impl Ear {
    /// In the namespace that this thread is in, with `most` sockets at most.
    pub(super) fn open(ends: Ends, most: usize) -> io::Result<Self> {
        let departures = Departures::open()?;
        let sockets = Socket::open_some(ends.indices().as_deref(), most)?;
        let fds: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        // Without it whoever closes them waits, no more.
        let closing = ClosedByKernel::new(&fds).ok();
        Ok(Self { sockets, ends, departures, left: None, failed: None, _closing: closing })
    }

    /// What there may be something to take from.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(AsFd::as_fd).chain([self.departures.as_fd()])
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
        self.note_departures();
        let indices = ends.indices();
        self.sockets.iter().try_for_each(|socket| socket.change(indices.as_deref()))?;
        self.ends = ends;
        Ok(())
    }

    /// Takes some of what has come, and answers whether there may be more.
    pub(super) fn take_some(&mut self, room: &mut [u8], mut each: impl FnMut(Frame)) -> bool {
        let Self { sockets, ends, failed, .. } = self;
        let mut more = false;
        for socket in sockets {
            more |= socket.take_some(room, |taken| hear(ends, failed, &taken, &mut each));
        }
        self.note_departures();
        more
    }

    /// Takes everything that has come by now.
    ///
    /// # Errors
    /// For good if it is not known what has come.
    pub(super) fn take_all(&mut self, room: &mut [u8], mut each: impl FnMut(Frame)) -> io::Result<()> {
        let Self { sockets, ends, failed, .. } = self;
        sockets
            .iter_mut()
            .try_for_each(|socket| socket.take_all(room, |taken| hear(ends, failed, &taken, &mut each)))?;
        self.note_departures();
        self.failed.as_ref().map_or(Ok(()), |error| Err(io::Error::new(error.kind(), Arc::clone(error))))
    }

    fn note_departures(&mut self) {
        let Self { departures, ends, left, failed, .. } = self;
        let told = departures.take(|index| {
            if let (None, Some(end)) = (&left, ends.drawn().get(&index)) {
                *left = Some(end.clone());
            }
        });
        if let Err(error) = told {
            failed.get_or_insert(Arc::new(error));
        }
    }

    /// How many frames are missing of what this was to hear.
    pub(super) fn lost(&self) -> u64 {
        self.sockets.iter().map(Socket::lost).sum()
    }

    /// The first of its interfaces that has not been where it was all the time.
    pub(super) fn gone(&self) -> Option<&End> {
        // One that had left before this began was never heard.
        let is_missing = |index: u32| {
            let name = sys::interface_name(self.sockets[0].as_fd(), index);
            name.is_err_and(|error| error.raw_os_error() == Some(libc::ENODEV))
        };
        let missing = || self.ends.drawn().iter().find_map(|(&index, end)| is_missing(index).then_some(end));
        self.left.as_ref().or_else(missing)
    }
}

impl Ends {
    /// Those that were drawn.
    fn drawn(&self) -> &BTreeMap<u32, End> {
        let (Self::All(_, drawn) | Self::These(drawn)) = self;
        drawn
    }

    fn indices(&self) -> Option<Vec<u32>> {
        match self {
            Self::All(..) => None,
            Self::These(ends) => Some(ends.keys().copied().collect()),
        }
    }

    /// What was heard, if it is of an interface that is heard still.
    fn frame(&self, taken: &Taken<'_>) -> Option<Frame> {
        let Taken { socket, packet, bytes, .. } = *taken;
        let (place, is_far) = match self {
            Self::These(ends) => ends.get(&packet.interface).map(|end| (end.place.clone(), end.is_far))?,
            Self::All(host, _) => {
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
        // The kernel tells the time a moment after it has been asked to.
        Some(Frame { wire, place, direction, time: packet.time.unwrap_or_else(since_1970) })
    }
}

/// Hands over what was heard: a frame, or those that it stands for.
fn hear(ends: &Ends, failed: &mut Option<Arc<io::Error>>, taken: &Taken<'_>, mut each: impl FnMut(Frame)) {
    let Some(frame) = ends.frame(taken) else { return };
    match taken.stands_for {
        StandsFor::Unknown if frame.protocol() == Some(ip_number::UDP.0) => {
            let error =
                "a UDP frame stands for several datagrams, and this kernel does not tell which (Linux 6.2 does)";
            failed.get_or_insert_with(|| Arc::new(io::Error::other(error)));
        }
        StandsFor::Datagrams(datagrams) => {
            let tag = frame.bytes().len() - taken.bytes.len();
            match datagrams.behind(tag).cut(LinkLayer::of(taken.packet.link), frame.bytes()) {
                Some(pieces) => pieces.into_iter().for_each(|piece| each(frame.with(piece))),
                None => each(frame),
            }
        }
        StandsFor::Itself | StandsFor::Unknown => each(frame),
    }
}
