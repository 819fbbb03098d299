//! The switch itself: frames come in by ports, cross what is between, and leave by others. One thread, one loop.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use netns_test_topology::Impairment;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::time::clock_gettime;

use super::dice::mix;
use super::frame::{ETHERNET, Frame, Offload, View, is_link_local};
use super::intercept::{Verdict, Verdicts};
use super::learned::Learned;
use super::ledger::Ledger;
use super::pipe::{Counts, Fate, Nanoseconds, Passing, Pipe, nanoseconds};
use super::port::{Port, ROOM, Received, Sent};
use super::schedule::Schedule;
use super::wire_frame::WireFrame;
use super::{Bridge, Control};

/// How many frames of one port are taken before the others have their turn.
const TURN: u64 = 64;

/// How long the next frame is looked for before the thread sleeps: an answer comes within that, as a rule, and to wake a thread takes as long.
/// Whoever else can run is let first.
const SPIN: Nanoseconds = 50_000;

/// How many bytes may be under way. More than a link of 10 Gbit/s holds in 100 ms; what finds no room is dropped and counted.
const MOST_UNDER_WAY: usize = 128 << 20;

/// What of a frame an impairment is about: the ports that it came in by and leaves by. `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) from: Option<Vec<u32>>,
    pub(crate) to: Option<Vec<u32>>,
}

/// Where on its way through the switch an impairment is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// On the sender's cable: once, wherever the frame goes.
    Sender,
    /// Between two hosts.
    Between,
    /// Where all frames pass.
    Segment,
    /// On the receiver's cable.
    Receiver,
}

impl Selector {
    fn stage(&self) -> Stage {
        match (&self.from, &self.to) {
            (Some(_), None) => Stage::Sender,
            (Some(_), Some(_)) => Stage::Between,
            (None, None) => Stage::Segment,
            (None, Some(_)) => Stage::Receiver,
        }
    }

    /// A seed for what this is about.
    fn mix_into(&self, seed: u64) -> u64 {
        [&self.from, &self.to].into_iter().fold(seed, |seed, ports| {
            let ports = ports.iter().flatten().map(|port| u64::from(*port));
            ports.fold(mix(seed, 0), mix)
        })
    }

    fn is_about(&self, from: u32, to: Option<u32>) -> bool {
        let has = |ports: &Option<Vec<u32>>, port| ports.as_ref().is_none_or(|ports| ports.contains(&port));
        has(&self.from, from) && to.map_or(self.to.is_none(), |to| has(&self.to, to))
    }
}

/// Where in the order of impairments a frame is: the stage, and the number of the impairment there. It goes on behind.
type Position = (Stage, u64);

/// An impairment that is in force.
#[derive(Debug)]
struct Rule {
    selector: Selector,
    impairment: Impairment,
    seed: u64,
    /// One for each port that frames leave by, since each has its own queue; one for all where that is not known yet.
    pipes: BTreeMap<Option<u32>, Pipe>,
}

/// A frame that is under way.
#[derive(Debug)]
struct UnderWay {
    frame: Frame,
    from: u32,
    /// Unknown while it is on the sender's cable.
    to: Option<u32>,
    after: Position,
}

/// Where every frame begins.
const START: Position = (Stage::Sender, 0);

/// The port that is none.
const NOWHERE: u32 = 0;

/// The names of the hosts behind ports.
pub(super) type Hosts = BTreeMap<u32, Arc<str>>;

/// What decides about frames.
pub(crate) type Decide = Box<dyn FnMut(&WireFrame) -> Verdict + Send>;

struct Interceptor {
    decide: Decide,
    verdicts: Verdicts,
}

impl Interceptor {
    fn decide(&mut self, from: Option<&Arc<str>>, under_way: &mut UnderWay) -> Verdict {
        let frame = WireFrame::new(from.cloned(), std::mem::take(&mut under_way.frame.bytes));
        let verdict = (self.decide)(&frame);
        under_way.frame.bytes = frame.into_bytes();
        self.verdicts.count(&verdict);
        verdict
    }
}

/// The switch.
pub(super) struct Board {
    ports: BTreeMap<u32, Port>,
    /// The names of the hosts behind ports.
    hosts: Hosts,
    learned: Learned,
    rules: BTreeMap<Position, Rule>,
    /// Those who decide about each frame before anything else is done to it, by number.
    interceptors: BTreeMap<u64, Interceptor>,
    schedule: Schedule<UnderWay>,
    bytes_under_way: usize,
    ledger: Arc<Ledger>,
    epoll: Epoll,
    timer: TimerFd,
    /// What the timer is set to.
    set_to: Option<Nanoseconds>,
    room: Vec<u8>,
    is_over: bool,
}

/// Events that are not those of a port, whose are their indices.
const CONTROL: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

impl Board {
    /// A switch in the place of a bridge, whose ports do not listen yet.
    pub(super) fn new(bridge: Bridge, control: &Control, ledger: Arc<Ledger>) -> io::Result<Self> {
        let Bridge { ports, hosts, ageing } = bridge;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        let readable = |data| EpollEvent::new(EpollFlags::EPOLLIN, data);
        epoll.add(&timer, readable(TIMER))?;
        epoll.add(control, readable(CONTROL))?;
        let mut board = Self {
            ports: BTreeMap::new(),
            hosts,
            learned: Learned::new(nanoseconds(ageing)),
            rules: BTreeMap::new(),
            interceptors: BTreeMap::new(),
            schedule: Schedule::new(),
            bytes_under_way: 0,
            ledger,
            epoll,
            timer,
            set_to: None,
            room: vec![0; ROOM],
            is_over: false,
        };
        ports.into_iter().try_for_each(|port| board.add_port(Port::open(port)?))?;
        Ok(board)
    }

    /// Adds a port, which does not listen yet.
    pub(super) fn add_port(&mut self, port: Port) -> io::Result<()> {
        self.epoll.add(&port, EpollEvent::new(EpollFlags::EPOLLIN, u64::from(port.index)))?;
        self.ledger.add_port(port.index, port.socket());
        self.ports.insert(port.index, port);
        Ok(())
    }

    /// Hears everything from now on.
    pub(super) fn listen(&self) -> io::Result<()> {
        self.ports.values().try_for_each(Port::listen)
    }

    /// Knows who is behind ports from now on.
    pub(super) fn name_hosts(&mut self, hosts: Hosts) {
        self.hosts.extend(hosts);
    }

    /// Takes a port away.
    pub(super) fn remove_port(&mut self, index: u32) -> io::Result<()> {
        if let Some(port) = self.ports.remove(&index) {
            self.epoll.delete(&port)?;
        }
        self.forget(index);
        self.ledger.remove_port(index)
    }

    /// Puts an impairment in force. Numbers tell impairments apart, and are the order in which those of one stage are crossed. Each has chances of its
    /// own, though they have the same seed: by what it is about, and by how many there are of the same.
    pub(super) fn impair(&mut self, number: u64, selector: Selector, impairment: Impairment, seed: u64) {
        if impairment.is_none() {
            return;
        }
        let before = self.rules.values().filter(|rule| rule.selector == selector).count() as u64;
        let seed = selector.mix_into(mix(seed, before));
        let rule = Rule { impairment, seed, pipes: BTreeMap::new(), selector };
        self.rules.insert((rule.selector.stage(), number), rule);
    }

    /// Has each frame be decided about, by number.
    pub(super) fn intercept(&mut self, number: u64, decide: Decide) {
        self.interceptors.insert(number, Interceptor { decide, verdicts: Verdicts::default() });
    }

    /// What those who decide about frames have decided.
    pub(super) fn verdicts(&self, number: u64) -> Verdicts {
        self.interceptors.get(&number).map_or_else(Verdicts::default, |interceptor| interceptor.verdicts)
    }

    /// Has a frame come in by all ports but none, as if from elsewhere.
    pub(super) fn inject(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let frame = Frame { offload: Offload::default(), bytes };
        self.advance(now()?, UnderWay { frame, from: NOWHERE, to: None, after: START })
    }

    /// Takes an impairment away, or what decides about frames, which is handed over. Frames that are under way arrive when they would have.
    pub(super) fn clear(&mut self, number: u64) -> Option<Decide> {
        self.rules.retain(|(_, other), _| *other != number);
        self.interceptors.remove(&number).map(|interceptor| interceptor.decide)
    }

    /// What an impairment has done.
    pub(super) fn counts(&self, number: u64) -> Counts {
        let mut counts = Counts::default();
        let rules = self.rules.iter().filter(|((_, other), _)| *other == number);
        rules.flat_map(|(_, rule)| rule.pipes.values()).for_each(|pipe| counts.add(pipe.counts()));
        counts
    }

    /// Who is to be suspected of a panic: what the test has decide, if there is any of it.
    pub(super) fn suspect(&self) -> &'static str {
        if self.interceptors.is_empty() { "it" } else { "what decides about a frame" }
    }

    /// Ends the loop.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// Forwards until it is told to end.
    pub(super) fn run(&mut self, control: &Control) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        let mut last = now()?;
        while !self.is_over {
            let timeout = if now()? < last + SPIN { EpollTimeout::ZERO } else { EpollTimeout::NONE };
            let count = match self.epoll.wait(&mut events, timeout) {
                Ok(0) => {
                    std::thread::yield_now();
                    continue;
                }
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..count] {
                match event.data() {
                    CONTROL => {
                        // What was sent before is dealt with as it was before.
                        self.serve_backlogs()?;
                        self.deliver()?;
                        control.carry_out(self)?;
                    }
                    TIMER => _ = self.timer.wait(),
                    port => {
                        let port = u32::try_from(port).expect("an index of a port");
                        if event.events().contains(EpollFlags::EPOLLOUT) {
                            self.go_on_sending(port)?;
                        }
                        self.serve(port, TURN)?;
                    }
                }
            }
            self.deliver()?;
            last = now()?;
        }
        Ok(())
    }

    /// Takes all frames that wait now, and none that come meanwhile: where a host sends faster than they are forwarded, there is no end of them.
    fn serve_backlogs(&mut self) -> io::Result<()> {
        let backlogs = self.ports.values_mut().map(|port| Ok((port.index, port.backlog()?)));
        let backlogs: Vec<_> = backlogs.collect::<io::Result<_>>()?;
        // Before them it may be told that the port was down.
        backlogs.into_iter().try_for_each(|(port, frames)| self.serve(port, frames + 1))
    }

    /// Takes so many frames at most of what has come in by a port.
    fn serve(&mut self, index: u32, at_most: u64) -> io::Result<()> {
        let mut room = std::mem::take(&mut self.room);
        for _ in 0..at_most {
            let Some(port) = self.ports.get_mut(&index) else { break };
            match port.receive(&mut room) {
                Ok(Received::Frame { offload, length, tag }) => self.arrive(index, offload, &room[..length], tag)?,
                Ok(Received::Nothing) => break,
                // A switch forgets who was behind a cable that is pulled.
                Ok(Received::Down) => self.forget(index),
                // A frame that the kernel cannot describe, or that is larger than any: it is gone.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EMSGSIZE)) => {
                    self.ledger.unreadable.add(1);
                }
                Err(error) => return Err(error),
            }
        }
        self.room = room;
        Ok(())
    }

    fn forget(&mut self, port: u32) {
        self.learned.forget(port);
    }

    /// A frame has come in by a port.
    fn arrive(&mut self, from: u32, offload: Offload, bytes: &[u8], tag: Option<[u8; 4]>) -> io::Result<()> {
        self.ledger.frames.add(1);
        let Some(view) = View::of(bytes) else { return Ok(()) };
        let (source, destination) = (view.source(), view.destination());
        if is_link_local(destination) {
            return Ok(());
        }
        let now = now()?;
        self.learned.learn(source, from, now);
        let known = self.learned.port(destination, now);
        // What nothing is done to is sent from where it was received.
        if tag.is_none() && self.interceptors.is_empty() && !self.is_impaired(from, known) {
            return match known {
                Some(to) if to == from => Ok(()),
                Some(to) => self.leave(to, offload, bytes),
                None => self.each_other(from, |board, to| board.leave(to, offload, bytes)),
            };
        }
        let frame = Frame::received(offload, bytes, tag);
        let under_way = UnderWay { frame, from, to: None, after: START };
        if self.interceptors.is_empty() { self.advance(now, under_way) } else { self.decide(under_way) }
    }

    /// Asks those who decide about a frame: the first who does not let it pass has decided.
    fn decide(&mut self, mut under_way: UnderWay) -> io::Result<()> {
        under_way.frame.complete_checksum();
        self.ledger.asks(now()?);
        let from = self.hosts.get(&under_way.from);
        let mut verdicts = self.interceptors.values_mut().map(|interceptor| interceptor.decide(from, &mut under_way));
        let verdict = verdicts.find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass);
        let now = now()?;
        self.ledger.is_answered(now);
        match verdict {
            Verdict::Pass => self.advance(now, under_way),
            Verdict::Drop => Ok(()),
            Verdict::Delay(delay) => self.arrive_at(now.saturating_add(nanoseconds(delay)), now, under_way),
            Verdict::Duplicate => {
                let copy = UnderWay { frame: under_way.frame.clone(), ..under_way };
                self.advance(now, under_way)?;
                self.advance(now, copy)
            }
            Verdict::Replace(bytes) if bytes.len() < ETHERNET => {
                self.ledger.refused.add(1);
                Ok(())
            }
            Verdict::Replace(bytes) => {
                let frame = Frame { offload: Offload::default(), bytes };
                self.advance(now, UnderWay { frame, ..under_way })
            }
        }
    }

    /// Whether anything may be done to a frame that came in by a port, and leaves by another or by all.
    fn is_impaired(&self, from: u32, to: Option<u32>) -> bool {
        let may_be = |selector: &Selector| to.is_none() || selector.is_about(from, None) || selector.is_about(from, to);
        self.rules.values().any(|rule| may_be(&rule.selector))
    }

    /// Calls `f` for each port but the one that a frame has come in by.
    fn each_other(&mut self, from: u32, mut f: impl FnMut(&mut Self, u32) -> io::Result<()>) -> io::Result<()> {
        let others: Vec<u32> = self.ports.keys().copied().filter(|to| *to != from).collect();
        others.into_iter().try_for_each(|to| f(self, to))
    }

    /// Takes a frame on from where it is: over the next impairment that is about it, if there is one.
    fn advance(&mut self, now: Nanoseconds, mut under_way: UnderWay) -> io::Result<()> {
        let UnderWay { from, to, after, .. } = under_way;
        // Where it goes is asked behind the sender's cable.
        let end = if to.is_none() { Bound::Excluded((Stage::Between, 0)) } else { Bound::Unbounded };
        let mut next = self.rules.range_mut((Bound::Excluded(after), end));
        let Some((&position, rule)) = next.find(|(_, rule)| rule.selector.is_about(from, to)) else {
            return self.go_on(now, under_way);
        };
        under_way.after = position;
        let Some(Fate::Arrives { at, again, flipped }) = rule.take(now, &under_way) else { return Ok(()) };
        let copy = again.map(|at| (at, UnderWay { frame: under_way.frame.clone(), ..under_way }));
        if let Some(random) = flipped {
            under_way.frame.flip_a_bit(random);
        }
        self.arrive_at(at, now, under_way)?;
        copy.map_or(Ok(()), |(at, copy)| self.arrive_at(at, now, copy))
    }

    /// A frame will have crossed an impairment then.
    fn arrive_at(&mut self, at: Nanoseconds, now: Nanoseconds, under_way: UnderWay) -> io::Result<()> {
        if at <= now {
            return self.advance(now, under_way);
        }
        let length = under_way.frame.bytes.len();
        if self.bytes_under_way + length > MOST_UNDER_WAY {
            self.ledger.overflowed.add(1);
            return Ok(());
        }
        self.bytes_under_way += length;
        self.schedule.add(at, under_way);
        Ok(())
    }

    /// A frame has crossed all that is on its way as far as it is known.
    fn go_on(&mut self, now: Nanoseconds, under_way: UnderWay) -> io::Result<()> {
        let UnderWay { frame, from, to, .. } = under_way;
        if let Some(to) = to {
            return self.leave(to, frame.offload, &frame.bytes);
        }
        let known = View::of(&frame.bytes).and_then(|view| self.learned.port(view.destination(), now));
        let after = (Stage::Between, 0);
        match known {
            Some(to) if to == from => Ok(()),
            Some(to) => self.advance(now, UnderWay { frame, from, to: Some(to), after }),
            None => self.each_other(from, |board, to| {
                board.advance(now, UnderWay { frame: frame.clone(), from, to: Some(to), after })
            }),
        }
    }

    /// Takes everything on that is due.
    fn deliver(&mut self) -> io::Result<()> {
        if self.schedule.first().is_none() {
            return Ok(());
        }
        let now = now()?;
        while let Some(under_way) = self.schedule.take(now) {
            self.bytes_under_way -= under_way.frame.bytes.len();
            self.advance(now, under_way)?;
        }
        let first = self.schedule.first();
        if let Some(at) = first.filter(|_| first != self.set_to) {
            let at = TimeSpec::from_duration(std::time::Duration::from_nanos(at));
            self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        }
        self.set_to = first;
        Ok(())
    }

    /// Sends a frame out by a port.
    fn leave(&mut self, to: u32, offload: Offload, bytes: &[u8]) -> io::Result<()> {
        let Some(port) = self.ports.get_mut(&to) else { return Ok(()) };
        match port.send(offload, bytes)? {
            Sent::Done => {}
            Sent::Waits => self.watch(to, true)?,
            Sent::Overflow => self.ledger.overflowed.add(1),
            Sent::Refused => self.ledger.refused.add(1),
        }
        Ok(())
    }

    /// The host behind a port takes frames again.
    fn go_on_sending(&mut self, index: u32) -> io::Result<()> {
        let Some(port) = self.ports.get_mut(&index) else { return Ok(()) };
        let (refused, is_done) = port.send_waiting()?;
        self.ledger.refused.add(refused);
        if is_done { self.watch(index, false) } else { Ok(()) }
    }

    /// Has the loop told of what comes in by a port, and also of room to send.
    fn watch(&self, index: u32, also_of_room: bool) -> io::Result<()> {
        let room = if also_of_room { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
        let mut event = EpollEvent::new(EpollFlags::EPOLLIN | room, u64::from(index));
        self.epoll.modify(&self.ports[&index], &mut event)?;
        Ok(())
    }
}

impl Rule {
    /// What becomes of a frame; nothing if it is none.
    fn take(&mut self, now: Nanoseconds, under_way: &UnderWay) -> Option<Fate> {
        let view = View::of(&under_way.frame.bytes)?;
        let passing = Passing {
            length: under_way.frame.bytes.len(),
            packet_length: view.packet_length(),
            is_of_neighbours: view.is_of_neighbours(),
        };
        let (impairment, to) = (self.impairment, under_way.to);
        let seed = mix(self.seed, u64::from(to.unwrap_or_default()));
        Some(self.pipes.entry(to).or_insert_with(|| Pipe::new(impairment, seed)).take(now, passing))
    }
}

pub(super) fn now() -> io::Result<Nanoseconds> {
    let now = clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?;
    Ok(u64::try_from(std::time::Duration::from(now).as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_other_frames_has_other_chances() {
        let ports = |ports: &[u32]| Some(ports.to_vec());
        let selectors = [
            (None, None),
            (ports(&[1]), None),
            (ports(&[2]), None),
            (None, ports(&[1])),
            (ports(&[1]), ports(&[2])),
            (ports(&[2]), ports(&[1])),
            (ports(&[1, 2]), None),
        ];
        let seeds = selectors.map(|(from, to)| Selector { from, to }.mix_into(0));
        assert_eq!(seeds.iter().collect::<std::collections::BTreeSet<_>>().len(), seeds.len(), "{seeds:?}");
    }
}
