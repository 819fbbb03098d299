//! A capture under way: its ears, the thread that empties them, and what they have heard.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::ear::{Ear, End, Ends};
use super::frame::{Frame, Place};
use super::socket::LONGEST;
use super::{CaptureError, forwarding};
use crate::Host;
use crate::host::Surroundings;
use crate::lab::{LabError, Member, inside};
use crate::sys;

/// How many sockets all ears of a capture have together, at most, unless there are more ears.
const SOCKETS: usize = 64;

/// For how long the thread runs at once where others wait: a socket that is not emptied soon has no room.
const SLICE: Duration = Duration::from_micros(100);

/// Of what a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Segment(usize),
    /// The interfaces of a host by which something leaves it.
    Host(usize),
    /// All that a host has.
    Everywhere(usize),
}

/// Where an ear is: in a host, or where the switches are.
type Namespace = Option<usize>;

/// A capture under way.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) subject: Subject,
    /// In the user's words.
    pub(super) of: String,
    budget: usize,
    epoll: Epoll,
    end: EventFd,
    heard: Mutex<Heard>,
}

#[derive(Debug)]
struct Heard {
    ears: BTreeMap<Namespace, Ear>,
    most_sockets: usize,
    /// The hosts that have been heard, by now or before.
    hosts: BTreeSet<usize>,
    kept: Kept,
    /// What else has gone wrong.
    failed: Option<Arc<io::Error>>,
    room: Box<[u8]>,
}

/// The frames, within the budget.
#[derive(Debug)]
struct Kept {
    frames: Vec<Arc<Frame>>,
    bytes: usize,
    budget: usize,
    /// When the lab was made, since 1970.
    zero: Duration,
    /// How many found no room.
    beyond: u64,
}

impl Subject {
    /// The interfaces that are heard, as the network is now.
    fn members(self, surroundings: &Surroundings) -> Vec<Member> {
        let Surroundings { plan, hub, .. } = surroundings;
        match self {
            Self::Segment(segment) => hub.members(plan, segment).collect(),
            // What is in a tunnel or a VLAN leaves by the interface that this is over.
            Self::Host(host) => {
                let interfaces = plan.hosts[host].interfaces.iter().enumerate();
                let leads_out = |segment: usize| plan.segments[segment].kind.over().is_none();
                interfaces.filter(|(_, interface)| leads_out(interface.segment)).map(|(nth, _)| (host, nth)).collect()
            }
            Self::Everywhere(_) => Vec::new(),
        }
    }
}

impl Listening {
    /// Begins; from when this returns, everything is heard.
    pub(super) fn start(
        surroundings: &Arc<Surroundings>,
        subject: Subject,
        of: String,
        budget: usize,
        zero: Duration,
    ) -> Result<Arc<Self>, CaptureError> {
        let failed = |source: io::Error| CaptureError::Failed { of: of.clone(), source };
        let mut wanted: BTreeMap<Namespace, Ends> = BTreeMap::new();
        let mut hosts = BTreeSet::new();
        if let Subject::Everywhere(host) = subject {
            hosts.insert(host);
            let name = surroundings.plan.hosts[host].name.as_str();
            let nths = 0..surroundings.plan.hosts[host].interfaces.len();
            let drawn = nths.flat_map(|nth| ends(surroundings, (host, nth)));
            // A program has its end of a tap with no interface in the host.
            let drawn = drawn.filter(|(namespace, ..)| namespace.is_some()).map(|(_, index, end)| (index, end));
            wanted.insert(Some(host), Ends::All(name.into(), drawn.collect()));
        }
        for member in subject.members(surroundings) {
            hosts.insert(member.0);
            for (namespace, index, end) in ends(surroundings, member) {
                let ends = wanted.entry(namespace).or_insert_with(|| Ends::These(BTreeMap::new()));
                if let Ends::These(ends) = ends {
                    ends.insert(index, end);
                }
            }
        }
        if wanted.is_empty() {
            return Err(CaptureError::Nothing { of });
        }
        let most_sockets = (SOCKETS / wanted.len()).clamp(1, SOCKETS / 4);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|error| failed(error.into()))?;
        let end = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let end = end.map_err(|error| failed(error.into()))?;
        epoll.add(&end, EpollEvent::new(EpollFlags::EPOLLIN, END)).map_err(|error| failed(error.into()))?;
        let kept = Kept { frames: Vec::new(), bytes: 0, budget, zero, beyond: 0 };
        let room = vec![0; LONGEST].into_boxed_slice();
        let mut heard = Heard { ears: BTreeMap::new(), most_sockets, hosts, kept, failed: None, room };
        for (namespace, ends) in wanted {
            heard.open(surroundings, &epoll, namespace, ends).map_err(failed)?;
        }
        let listening = Arc::new(Self { subject, of: of.clone(), budget, epoll, end, heard: Mutex::new(heard) });
        let run = Arc::clone(&listening);
        std::thread::Builder::new().name("netns-test".to_owned()).spawn(move || run.run()).map_err(failed)?;
        Ok(listening)
    }

    /// Empties the ears until the end.
    fn run(&self) {
        // It is not what this is for, only when.
        let _ = sys::run_soon(SLICE);
        let mut events = [EpollEvent::empty(); 16];
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                // What waits is taken when somebody asks for it; what finds no room is counted.
                Err(_) => return,
            };
            for event in &events[..ready] {
                if event.data() == END {
                    return;
                }
                let namespace = namespace_of(event.data());
                while self.lock().take_some(namespace) {}
            }
        }
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        // One that has ended is not told.
        let _ = self.end.write(1);
    }

    /// Whether what is kept can be relied on: not fragments that a router may have written into.
    pub(super) fn is_certain(
        &self,
        surroundings: &Arc<Surroundings>,
        frames: &[Arc<Frame>],
    ) -> Result<(), CaptureError> {
        if frames.iter().all(|frame| frame.fragment().is_none()) {
            return Ok(());
        }
        match forwarding::any(surroundings) {
            Some(router) => Err(CaptureError::Fragments { of: self.of.clone(), router: router.to_owned() }),
            None => Ok(()),
        }
    }

    /// The hosts that have been heard, by now or before.
    pub(super) fn hosts(&self) -> Vec<usize> {
        self.lock().hosts.iter().copied().collect()
    }

    /// Everything that has been heard until now, in the order of time.
    pub(super) fn frames(&self) -> Result<Vec<Arc<Frame>>, CaptureError> {
        let mut heard = self.lock();
        let failed = |source: io::Error| CaptureError::Failed { of: self.of.clone(), source };
        heard.take_all().map_err(failed)?;
        let (taken, last) = (heard.kept.frames.len(), heard.kept.frames.iter().map(|frame| frame.time).max());
        heard.take_all().map_err(failed)?;
        if let Some(error) = &heard.failed {
            return Err(failed(io::Error::new(error.kind(), Arc::clone(error))));
        }
        if let Some(End { place, .. }) = heard.ears.values().find_map(Ear::gone) {
            let (host, interface) = (place.host.to_string(), place.interface.to_string());
            return Err(CaptureError::Gone { of: self.of.clone(), host, interface });
        }
        let (dropped, beyond) = (heard.ears.values().map(Ear::lost).sum(), heard.kept.beyond);
        if dropped + beyond > 0 {
            return Err(CaptureError::Incomplete { of: self.of.clone(), dropped, beyond, budget: self.budget });
        }
        let mut frames = heard.kept.frames[..taken].to_vec();
        // What was sent while it was taken is among it where a socket was emptied late, and may be an answer to what came to one that was emptied early.
        let before = |frame: &&Arc<Frame>| last.is_some_and(|last| frame.time <= last);
        frames.extend(heard.kept.frames[taken..].iter().filter(before).cloned());
        drop(heard);
        frames.sort_by_key(|frame| frame.time);
        Ok(frames)
    }

    /// Hears an interface, too, from now on.
    pub(super) fn hear(&self, surroundings: &Arc<Surroundings>, member: Member) {
        let mut heard = self.lock();
        heard.hosts.insert(member.0);
        for (namespace, index, end) in ends(surroundings, member) {
            let changed = match heard.ears.get_mut(&namespace) {
                Some(ear) => ear.and(index, end),
                None => heard.open(surroundings, &self.epoll, namespace, Ends::These(BTreeMap::from([(index, end)]))),
            };
            heard.note(changed);
        }
    }

    /// Hears an interface no longer. What it has sent so far stays.
    pub(super) fn leave(&self, member: Member) {
        let mut heard = self.lock();
        let taken = heard.take_all();
        heard.note(taken);
        let changed = heard.ears.values_mut().try_for_each(|ear| ear.without(member));
        heard.note(changed);
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event that is no ear's.
const END: u64 = u64::MAX;

/// What an ear is known by among events: 0 is where the switches are.
fn event_of(namespace: Namespace) -> u64 {
    namespace.map_or(0, |host| host as u64 + 1)
}

fn namespace_of(event: u64) -> Namespace {
    event.checked_sub(1).map(|host| usize::try_from(host).expect("it is a host's index"))
}

impl Heard {
    fn open(
        &mut self,
        surroundings: &Arc<Surroundings>,
        epoll: &Epoll,
        namespace: Namespace,
        ends: Ends,
    ) -> io::Result<()> {
        let most = self.most_sockets;
        let ear = in_namespace(surroundings, namespace, move || Ear::open(ends, most))?;
        for fd in ear.fds() {
            epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, event_of(namespace)))?;
        }
        self.ears.insert(namespace, ear);
        Ok(())
    }

    fn take_some(&mut self, namespace: Namespace) -> bool {
        let Self { ears, kept, room, .. } = self;
        ears.get_mut(&namespace).is_some_and(|ear| ear.take_some(room, |frame| kept.keep(frame)))
    }

    fn take_all(&mut self) -> io::Result<()> {
        let Self { ears, kept, room, .. } = self;
        ears.values_mut().try_for_each(|ear| ear.take_all(room, |frame| kept.keep(frame)))
    }

    fn note(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(Arc::new(error));
        }
    }
}

impl Kept {
    fn keep(&mut self, mut frame: Frame) {
        let size = size_of::<Frame>() + frame.bytes().len();
        // Whatever comes behind one that finds no room is not kept, either: what is there has no gaps.
        if self.beyond > 0 || self.bytes + size > self.budget {
            self.beyond += 1;
            return;
        }
        self.bytes += size;
        frame.time = frame.time.saturating_sub(self.zero);
        self.frames.push(Arc::new(frame));
    }
}

/// Where an interface is heard: in which namespaces, by which devices there.
fn ends(surroundings: &Surroundings, member: Member) -> impl Iterator<Item = (Namespace, u32, End)> + use<> {
    let (host, nth) = member;
    let plan = &surroundings.plan.hosts[host];
    let place = Place { host: plan.name.as_str().into(), interface: plan.interfaces[nth].name.as_str().into() };
    let ends = surroundings.hub.ends(&surroundings.plan, member).into_iter();
    ends.map(move |(namespace, index)| {
        let end = End { member, place: place.clone(), is_far: namespace.is_none() };
        (namespace, index, end)
    })
}

/// Calls `f` on a thread that is in a host, or where the switches are.
fn in_namespace<T: Send>(
    surroundings: &Arc<Surroundings>,
    namespace: Namespace,
    f: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let entered: Result<io::Result<T>, LabError> = match namespace {
        None => surroundings.hub.inside(|| Ok(f())),
        Some(number) => inside(host(surroundings, number).netns().as_fd(), || Ok(f())),
    };
    entered.map_err(io::Error::other)?
}

/// A host of the lab by its number.
pub(super) fn host(surroundings: &Arc<Surroundings>, number: usize) -> Host {
    let labs = surroundings.labs.all();
    let lab = labs.iter().find(|lab| Arc::ptr_eq(lab.surroundings(), surroundings));
    lab.expect("it is of this test").hosts()[number].clone()
}
