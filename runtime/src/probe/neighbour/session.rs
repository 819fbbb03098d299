//! Asking who has an address, from the first request to the end, on the runtime of the host that asks.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use netns_test_topology::{Device, IpNet, MacAddr};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockType, recvfrom, socket};
use tokio::io::unix::AsyncFd;

use super::super::rtts::Rtts;
use super::super::schedule::{Plan, Schedule, until};
use super::super::silence::Room;
use super::super::target::{Family, Target, TargetError};
use super::report::{ArpError, ArpReport};
use super::wire::{self, Asked, Packet};
use crate::probe::judge::Of;
use crate::trail::{self, Fingerprints};
use crate::{Host, Segment, sys};

/// Such a packet fits into an Ethernet frame, and any frame that is larger is none.
const PACKET: usize = 2048;

/// What is asked, and how.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) target: Target,
    pub(super) segment: Option<Segment>,
    pub(super) source: Source,
    pub(super) family: Option<Family>,
    /// None: who has an address is asked alike by all.
    pub(super) fingerprints: Fingerprints,
}

impl Options {
    /// Of whom is asked, and how.
    pub(super) fn question(&self) -> Of<'_> {
        let Self { target, family, fingerprints, .. } = self;
        Of { target, family: *family, source: None, asked: trail::Asked::Neighbour, fingerprints }
    }
}

/// Whom a question is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The host's own address on the link.
    Own,
    /// Nobody yet: duplicate address detection.
    Nobody,
    /// As was asked for.
    Written(IpAddr),
}

/// An interface that packets are sent and received on, with their ethertype.
pub(super) struct Link {
    socket: OwnedFd,
    index: u32,
    ethertype: u16,
    pub(super) name: String,
    pub(super) mac: MacAddr,
    /// Index of the interface within the host.
    nth: usize,
}

impl Link {
    /// The link of a host that an address is on: the one on the segment, or else the first one with a subnet that it is in. This thread is
    /// in the host.
    pub(super) fn towards(host: &Host, about: IpAddr, segment: Option<&Segment>) -> Result<Self, ArpError> {
        let nth = interface(host, about, segment)?;
        let interface = &host.plan().interfaces[nth];
        let name = format!("{}:{}", host.name(), interface.name);
        if interface.device == Device::Tap {
            let (host, interface) = (host.name().to_owned(), interface.name.to_string());
            return Err(TargetError::Tap { to: about, host, interface }.into());
        }
        let index = host.surroundings().hub.index((host.machine().number(), nth));
        let ethertype = wire::ethertype(about).0;
        let open = || {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            // Of no protocol until it is bound: it would hear what comes in by other interfaces.
            let socket = socket(AddressFamily::Packet, SockType::Datagram, flags, None)?;
            sys::ignore_outgoing(socket.as_fd())?;
            sys::attach_filter(socket.as_fd(), &wire::answers(about))?;
            sys::bind_packet_socket(socket.as_fd(), index, ethertype)?;
            let mac = sys::ethernet_address(socket.as_fd())?;
            Ok((socket, mac))
        };
        let (socket, mac) = open().map_err(|error: io::Error| refused(&name, "listen", error))?;
        let Some(mac) = mac.map(MacAddr) else { return Err(ArpError::NoLinkLayer { interface: name }) };
        Ok(Self { socket, index, ethertype, name, mac, nth })
    }

    pub(super) fn send(&self, packet: &Packet) -> Result<(), ArpError> {
        let sent = sys::send_packet(self.socket.as_fd(), (self.index, self.ethertype), packet.to.0, &packet.bytes);
        sent.map_err(|error| refused(&self.name, "send", error))
    }
}

fn refused(interface: &str, verb: &str, source: io::Error) -> ArpError {
    match source.raw_os_error() {
        Some(libc::ENETDOWN) => ArpError::Down { interface: interface.to_owned() },
        _ => ArpError::Local { what: format!("{verb} on {interface}"), source },
    }
}

fn interface(host: &Host, about: IpAddr, segment: Option<&Segment>) -> Result<usize, ArpError> {
    let not_there = |hint: String| ArpError::NotOnLink { about, host: host.name().to_owned(), hint };
    if let Some(segment) = segment {
        let there = segment.interfaces_of(host).first().copied();
        return there.ok_or_else(|| not_there(format!("it is not on segment `{}`", segment.name())));
    }
    let addresses = host.surroundings().addresses_of(host.machine().number());
    let near = addresses.iter().position(|subnets| subnets.iter().any(|subnet| subnet.contains(&about)));
    near.ok_or_else(|| {
        not_there("only neighbours are asked; `on(&segment)` says where, if that is what is meant".into())
    })
}

/// Sends requests and listens, as planned.
pub(super) async fn run(host: Host, options: Options, plan: Plan) -> Result<ArpReport, ArpError> {
    let of_source = match options.source {
        Source::Written(source) => Some(Family::of(source)),
        Source::Own | Source::Nobody => None,
    };
    let about = options.target.resolve(&host, options.family.or(of_source))?;
    if of_source.is_some_and(|family| family != Family::of(about)) {
        let source = io::Error::from(io::ErrorKind::InvalidInput);
        return Err(ArpError::Local { what: format!("ask about {about} from an address of the other family"), source });
    }
    let link = Link::towards(&host, about, options.segment.as_ref())?;
    let source = match options.source {
        Source::Own => own_address(&host, link.nth, about),
        Source::Nobody => None,
        Source::Written(source) => Some(source),
    };
    if !hears_answers_to(&host, link.nth, (about, source)) {
        let source = io::Error::other(
            "interfaces of an ipvlan share a MAC address, and hear what is said to an address of their own only",
        );
        return Err(ArpError::Local { what: format!("hear answers on {}", link.name), source });
    }
    let asked = Asked { about, source, mac: link.mac };
    let question = asked.question();
    let socket = link.socket.try_clone().and_then(sys::watch);
    let socket = socket.map_err(|source| ArpError::Local { what: format!("watch {}", link.name), source })?;
    let room = Room::watch(&host);
    let room =
        room.map_err(|source| ArpError::Local { what: "ask whether there is room for what is sent".into(), source })?;
    let schedule = Schedule::new(plan);
    Session {
        asked,
        link,
        room,
        question,
        socket,
        schedule,
        sent: 0,
        pending: VecDeque::new(),
        rtts: Vec::new(),
        macs: Vec::new(),
    }
    .follow()
    .await
}

/// Whether answers to such a question come to the interface that asks it. An ipvlan's kernel tells by the address that a packet is for, also
/// that of ARP, whose it is, and drops what is nobody's (`ipvlan_addr_lookup`); what is for all nodes, as an advertisement to nobody is, everybody
/// hears.
fn hears_answers_to(host: &Host, nth: usize, (about, source): (IpAddr, Option<IpAddr>)) -> bool {
    let of_link = host.surroundings().addresses_of(host.machine().number()).swap_remove(nth);
    let is_own = |source: &IpAddr| of_link.iter().any(|subnet| subnet.addr() == *source);
    host.plan().interfaces[nth].device != Device::Ipvlan || source.as_ref().map_or(about.is_ipv6(), is_own)
}

/// The host's address on a link from which it asks about another.
fn own_address(host: &Host, nth: usize, about: IpAddr) -> Option<IpAddr> {
    let of_link = host.surroundings().addresses_of(host.machine().number()).swap_remove(nth);
    let of_family = || of_link.iter().filter(|subnet| subnet.addr().is_ipv4() == about.is_ipv4());
    let nearest = of_family().find(|subnet| subnet.contains(&about)).or_else(|| of_family().next());
    nearest.map(IpNet::addr)
}

struct Session {
    asked: Asked,
    link: Link,
    room: Room,
    question: Packet,
    socket: AsyncFd<OwnedFd>,
    schedule: Schedule,
    sent: u32,
    /// When the requests were sent that have no answer yet. An answer does not tell which request it is to: it is taken for one to the first.
    pending: VecDeque<Instant>,
    rtts: Vec<Duration>,
    /// Whoever has answered, in the order of their first answers.
    macs: Vec<MacAddr>,
}

impl Session {
    async fn follow(mut self) -> Result<ArpReport, ArpError> {
        loop {
            // The clock first, then what has arrived by then: tokio may not have been told of it yet.
            let now = Instant::now();
            self.drain()?;
            if self.is_decided() || self.schedule.is_over(now) {
                return self.conclude();
            }
            if self.schedule.is_due(now) {
                let sent = Instant::now();
                self.schedule.note_try(sent);
                self.link.send(&self.question)?;
                self.sent += 1;
                self.pending.push_back(sent);
                continue;
            }
            let wake = self.schedule.wake(now);
            let woken = tokio::select! {
                readable = self.socket.readable() => readable.map(|mut ready| ready.clear_ready()),
                woken = until(wake) => woken,
            };
            woken.map_err(|source| self.local("wait for answers", source))?;
        }
    }

    /// Whether it is over because of what has come.
    fn is_decided(&self) -> bool {
        let answers = self.rtts.len();
        match self.schedule.plan() {
            Plan::Fixed { .. } => self.schedule.next_send().is_none() && self.pending.is_empty(),
            Plan::Until { answers: wanted, .. } => answers >= usize::from(wanted),
            Plan::Silence { .. } => answers > 0,
        }
    }

    /// Takes in everything that has arrived.
    fn drain(&mut self) -> Result<(), ArpError> {
        let mut buffer = [0; PACKET];
        loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok((length, from)) => self.hear(&buffer[..length.min(PACKET)], from),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(refused(&self.link.name, "receive", error.into())),
            }
        }
    }

    fn hear(&mut self, packet: &[u8], from: Option<LinkAddr>) {
        let Some(from) = from.filter(|from| from.pkttype() != libc::PACKET_OTHERHOST) else { return };
        let sender = MacAddr(from.addr().unwrap_or_default());
        let Some(mac) = self.asked.claimant(packet, sender) else { return };
        if self.sent == 0 {
            // Before anything was asked.
            return;
        }
        if !self.macs.contains(&mac) {
            self.macs.push(mac);
        }
        self.rtts.extend(self.pending.pop_front().map(|sent| sent.elapsed()));
    }

    /// Answered if any request was, by one machine; otherwise by several, or by nobody.
    fn conclude(self) -> Result<ArpReport, ArpError> {
        let Self { asked, link, room, sent, rtts, macs, schedule, .. } = self;
        let about = asked.about;
        match macs[..] {
            [mac] => return Ok(ArpReport { sent, rtts: Rtts(rtts), mac }),
            [_, _, ..] => return Err(ArpError::Conflict { about, macs }),
            [] => {}
        }
        let local = |what: &str, source| ArpError::Local { what: format!("{what} on {}", link.name), source };
        let drops = sys::socket_drops(link.socket.as_fd());
        let drops = drops.map_err(|source| local("ask whether answers were lost", source))?;
        if drops > 0 {
            let lost = io::Error::other(format!("the socket was too full for {drops} packets that arrived"));
            return Err(local("hear all answers", lost));
        }
        // Whoever has no room for the one that asks does not answer.
        room.was_there().map_err(|source| local(&format!("ask for {about}"), source))?;
        Err(ArpError::Timeout { about, interface: link.name, sent, waited: schedule.elapsed() })
    }

    fn local(&self, what: &str, source: io::Error) -> ArpError {
        ArpError::Local { what: format!("{what} on {}", self.link.name), source }
    }
}
