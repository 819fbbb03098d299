//! What empties the packet sockets, and keeps the newest of what they have heard.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::closing::ClosedByKernel;
use super::frame::{Frame, since_1970};
use super::rush::{ROUND, Rushed};
use super::socket::PacketSocket;
use crate::sys;

/// How many bytes of frames are kept, with what is noted of each.
const BUDGET: usize = 8 << 20;

/// The frames of a lab's hosts, recorded from when this was started.
#[derive(Debug)]
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    end: Arc<EventFd>,
}

#[derive(Debug)]
struct Shared {
    /// In the order of the hosts.
    sockets: Mutex<Sockets>,
    _closing: Option<ClosedByKernel>,
}

#[derive(Debug)]
struct Sockets {
    of_hosts: Vec<PacketSocket>,
    kept: Kept,
}

/// The newest frames.
#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<Frame>,
    bytes: usize,
    forgotten: u64,
}

/// What has been recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// In the order of time.
    pub(crate) frames: Vec<Frame>,
    /// When the sockets began to be emptied, one after the other, since 1970: what left later may not have been seen where it came in.
    pub(crate) until: Duration,
    /// How many older ones there were no room for.
    pub(crate) forgotten: u64,
    /// How many came faster than they were recorded, by the host.
    pub(crate) lost: Vec<u64>,
    /// When most of the segments of TCP that carry connections on were not recorded, by the host.
    pub(crate) rushed: Vec<Rushed>,
}

impl Recorded {
    /// How many came faster than they were recorded.
    pub(crate) fn lost_in_all(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// Whether any host was in a rush.
    pub(crate) fn was_in_a_rush(&self) -> bool {
        self.rushed.iter().any(Rushed::was_there)
    }
}

impl Recorder {
    /// Begins with what the sockets have heard already. There is one for each host.
    pub(crate) fn start(of_hosts: Vec<PacketSocket>) -> io::Result<Self> {
        let fds: Vec<_> = of_hosts.iter().map(AsFd::as_fd).collect();
        // Without it whoever closes them waits, no more.
        let closing = ClosedByKernel::new(&fds).ok();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (host, socket) in of_hosts.iter().enumerate() {
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, host as u64))?;
        }
        let end = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        epoll.add(&end, EpollEvent::new(EpollFlags::EPOLLIN, END))?;
        let sockets = Sockets { of_hosts, kept: Kept::default() };
        let shared = Arc::new(Shared { sockets: Mutex::new(sockets), _closing: closing });
        let recorder = Self { shared: Arc::clone(&shared), end: Arc::clone(&end) };
        // What it cannot do, somebody does who wants to know.
        let run = move || _ = shared.record(&epoll, &end);
        std::thread::Builder::new().name("netns-test".to_owned()).spawn(run)?;
        Ok(recorder)
    }

    /// What has been recorded until now.
    pub(crate) fn recorded(&self) -> Recorded {
        let mut sockets = self.shared.lock();
        let until = since_1970();
        (0..sockets.of_hosts.len()).for_each(|host| sockets.empty(host));
        let mut frames: Vec<Frame> = sockets.kept.frames.iter().cloned().collect();
        frames.sort_by_key(|frame| frame.time);
        let lost = sockets.of_hosts.iter_mut().map(PacketSocket::lost).collect();
        let rushed = sockets.of_hosts.iter_mut().map(PacketSocket::rushed).collect();
        Recorded { frames, until, forgotten: sockets.kept.forgotten, lost, rushed }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // One that has ended is not told.
        let _ = self.end.write(1);
    }
}

/// The event that is not a host's.
const END: u64 = u64::MAX;

impl Shared {
    /// Empties the sockets again and again, until the end.
    fn record(&self, epoll: &Epoll, end: &EventFd) -> nix::Result<()> {
        // Room for all: a round is one of every host.
        let room = self.lock().of_hosts.len() + 1;
        let mut events = vec![EpollEvent::empty(); room];
        // A rush is over when nothing comes any more, too.
        let mut patience = EpollTimeout::NONE;
        loop {
            let ready = match epoll.wait(&mut events, patience) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error),
            };
            let mut sockets = self.lock();
            for event in &events[..ready] {
                if event.data() == END {
                    return Ok(());
                }
                sockets.empty(usize::try_from(event.data()).expect("it is a host's index"));
            }
            sockets.end_round();
            patience = if sockets.is_in_a_rush() { EpollTimeout::ZERO } else { EpollTimeout::NONE };
            drop(sockets);
            let pause = PollTimeout::try_from(ROUND).expect("it is short");
            match poll(&mut [PollFd::new(end.as_fd(), PollFlags::POLLIN)], pause) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sockets {
    /// Takes what a host's socket has heard.
    fn empty(&mut self, host: usize) {
        let Self { of_hosts, kept } = self;
        // What comes meanwhile is for the next time: others wait for the lock.
        for _ in 0..MOST_AT_ONCE / sys::AT_ONCE {
            match of_hosts[host].receive(host, |frame| kept.keep(frame)) {
                Ok(sys::AT_ONCE) => {}
                Ok(_) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An interface went down: that is told once, in the place of a frame.
                Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
                Err(_) => return of_hosts[host].note_loss(),
            }
        }
    }

    fn end_round(&mut self) {
        // One whose filter cannot be changed goes on with the one that it has.
        self.of_hosts.iter_mut().for_each(|socket| _ = socket.end_round());
    }

    fn is_in_a_rush(&self) -> bool {
        self.of_hosts.iter().any(PacketSocket::is_in_a_rush)
    }
}

impl Kept {
    fn keep(&mut self, frame: Frame) {
        self.bytes += size(&frame);
        self.frames.push_back(frame);
        while self.bytes > BUDGET {
            let Some(oldest) = self.frames.pop_front() else { return };
            self.bytes -= size(&oldest);
            self.forgotten += 1;
        }
    }
}

/// More than there is room for in a socket, usually.
const MOST_AT_ONCE: usize = 4096;

fn size(frame: &Frame) -> usize {
    size_of::<Frame>() + frame.bytes.len()
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Direction, LinkLayer};
    use super::*;

    fn frame(number: usize) -> Frame {
        Frame {
            host: 0,
            interface: 1,
            direction: Direction::Out,
            link: LinkLayer::Ethernet,
            time: Duration::ZERO,
            length: number,
            bytes: vec![0; 200].into(),
        }
    }

    #[test]
    fn the_newest_frames_are_kept_and_the_others_are_counted() {
        let mut kept = Kept::default();
        let room = BUDGET / size(&frame(0));
        (0..room + 5).for_each(|number| kept.keep(frame(number)));
        assert_eq!(kept.forgotten, 5);
        assert!(kept.bytes <= BUDGET && kept.bytes > BUDGET - 2 * size(&frame(0)));
        let numbers: Vec<_> = kept.frames.iter().map(|frame| frame.length).collect();
        assert_eq!(numbers, (5..room + 5).collect::<Vec<_>>());
    }
}
