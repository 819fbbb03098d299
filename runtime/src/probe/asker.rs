//! Sending ICMP echo requests from a host and hearing what is said about them.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendto, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::Target;
use super::echo::{Echo, Heard};
use super::judge::Of;
use super::ping::PingError;
use super::target::Family;
use crate::trail::{Asked, Fingerprints};
use crate::transport::{is_no_way, is_prohibition};
use crate::{Host, sys};

/// `linux/icmp.h`.
const ICMP_FILTER: i32 = 1;

/// Room for all headers of an answer beside what was sent, and for an error, which quotes less, in bytes.
const BESIDE: usize = 2048;

/// What is asked, and how.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) target: Target,
    pub(super) size: u16,
    pub(super) ttl: Option<u8>,
    pub(super) dont_fragment: bool,
    pub(super) source: Option<IpAddr>,
    pub(super) family: Option<Family>,
    /// Whether the kernel tells when an answer arrived, so that a round trip does not become longer by a host that is busy. It begins to do so
    /// a moment after the first of the machine asks for it, which costs more than the probe.
    pub(super) timed: bool,
    /// Whether only an answer will do: then silence is no result, and what it may have come of is not asked, which costs more than the probe.
    pub(super) wants_answer: bool,
    /// What its requests are told from others by.
    pub(super) fingerprints: Fingerprints,
}

impl Options {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            size: 56,
            ttl: None,
            dont_fragment: false,
            source: None,
            family: None,
            timed: false,
            wants_answer: false,
            fingerprints: Fingerprints::default(),
        }
    }

    /// Of whom is asked, and how.
    pub(super) fn question(&self) -> Of<'_> {
        let Self { target, family, source, fingerprints, .. } = self;
        Of { target, family: *family, source: *source, asked: Asked::Echo, fingerprints }
    }

    /// For whoever wants to know of the round trips.
    pub(super) fn timed(target: Target) -> Self {
        Self { timed: true, ..Self::new(target) }
    }
}

/// When something that was sent was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// When the kernel had the answer, if it tells.
    arrived: Instant,
    read: Instant,
}

impl Arrival {
    /// The time from when it was asked, `sent`. The kernel's clock is not one that cannot be set: an answer that seems to come before its
    /// question came when it was read.
    pub(super) fn since(self, sent: Instant) -> Duration {
        self.at(sent) - sent
    }

    /// When the answer to what was sent then arrived.
    pub(super) fn at(self, sent: Instant) -> Instant {
        if self.arrived < sent { self.read } else { self.arrived }
    }
}

/// Asks one destination. On the runtime of the host that asks.
pub(super) struct Asker {
    echo: Echo,
    socket: UdpSocket,
    destination: IpAddr,
    options: Options,
    /// Whether the socket hears only what is said about these requests.
    is_filtered: bool,
    buffer: Vec<u8>,
    /// For what the kernel says beside a message.
    control: Vec<u8>,
}

impl Asker {
    pub(super) fn new(host: &Host, options: Options) -> Result<Self, PingError> {
        let destination = options.target.resolve(host, options.family.or(options.source.map(Family::of)))?;
        let echo = Echo::new(destination, options.size);
        options.fingerprints.note(echo.fingerprint());
        let socket = open_socket(&options, destination)?;
        let room = usize::from(options.size) + BESIDE;
        let control = nix::cmsg_space!(TimeSpec);
        Ok(Self { echo, socket, destination, options, is_filtered: false, buffer: vec![0; room], control })
    }

    pub(super) fn destination(&self) -> IpAddr {
        self.destination
    }

    /// Sends the request with a sequence number, and answers with when it did: at once by a system call, as tokio may not know yet that there is
    /// room, which would be part of the round trip.
    pub(super) async fn send(&self, sequence: u16) -> Result<Instant, PingError> {
        let request = self.echo.request(sequence);
        let to = SockaddrStorage::from(SocketAddr::new(self.destination, 0));
        let send = || loop {
            let sent = Instant::now();
            match sendto(self.socket.as_raw_fd(), &request, &to, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                other => return other.map(|_| sent).map_err(io::Error::from),
            }
        };
        let done = match send() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket.async_io(Interest::WRITABLE, send).await
            }
            other => other,
        };
        done.map_err(|error| self.refused(error))
    }

    /// What it means that the kernel did not take a request.
    fn refused(&self, source: io::Error) -> PingError {
        let to = self.destination;
        match source.raw_os_error() {
            _ if is_no_way(&source) => PingError::NoRoute { to, source },
            _ if is_prohibition(&source) => PingError::ProhibitedHere { to, source },
            Some(libc::EMSGSIZE) if self.options.dont_fragment => {
                PingError::TooBig { to, from: None, mtu: link_mtu(to).ok() }
            }
            _ => local(format!("send {} bytes to {to}", self.options.size))(source),
        }
    }

    /// Waits until something may have arrived.
    ///
    /// Every raw socket of a host hears all answers to it, and a thousand pings at once would hear a million: who waits has a filter. Most do not,
    /// since a neighbour's answer is there when the request is sent, and a filter takes as long as the whole question.
    pub(super) async fn readable(&mut self) -> io::Result<()> {
        if !self.is_filtered {
            sys::attach_filter(self.socket.as_fd(), &self.echo.filter())?;
            self.is_filtered = true;
        }
        self.socket.readable().await
    }

    /// Hands over what was said about requests, by their sequence numbers, and has arrived: that it was answered, and when, or why not.
    pub(super) fn drain(&mut self, mut each: impl FnMut(u16, Result<Arrival, PingError>)) -> Result<(), PingError> {
        while let Some((length, from, arrival)) = self.receive().map_err(local("receive answers"))? {
            if let Some((sequence, heard)) = self.echo.hear(&self.buffer[..length], from) {
                each(sequence, self.outcome(heard, from).map_or(Ok(arrival), Err));
            }
        }
        Ok(())
    }

    /// One message that has arrived, with its length and sender.
    fn receive(&mut self) -> io::Result<Option<(usize, IpAddr, Arrival)>> {
        let Self { socket, buffer, control, .. } = self;
        let mut receive = || loop {
            let mut pieces = [IoSliceMut::new(buffer)];
            let received =
                recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut pieces, Some(control), MsgFlags::empty());
            match received {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(io::Error::from(error)),
                Ok(message) => {
                    let told = message.cmsgs()?.find_map(|told| match told {
                        ControlMessageOwned::ScmTimestampns(time) => Some(time),
                        _ => None,
                    });
                    let age = told.and_then(|time| (SystemTime::UNIX_EPOCH + Duration::from(time)).elapsed().ok());
                    // Its own clock last: whatever comes between the two readings makes a round trip longer, not shorter.
                    let read = Instant::now();
                    let arrived = age.and_then(|age| read.checked_sub(age)).unwrap_or(read);
                    if let Some(from) = message.address.as_ref().and_then(ip_of) {
                        return Ok((message.bytes, from, Arrival { arrived, read }));
                    }
                }
            }
        };
        // By a system call first: tokio may not have been told yet. Then through tokio, which is to know that there is nothing left.
        let received = match receive() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.try_io(Interest::READABLE, receive),
            other => other,
        };
        match received {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Why it is no answer, if it is none.
    fn outcome(&self, heard: Heard, from: IpAddr) -> Option<PingError> {
        let to = self.destination;
        Some(match heard {
            Heard::Reply => return None,
            Heard::Unreachable(code) if code.is_prohibited() => PingError::Prohibited { to, from, code },
            Heard::Unreachable(code) => PingError::Unreachable { to, from, code },
            Heard::TooBig(mtu) => PingError::TooBig { to, from: Some(from), mtu },
            Heard::TimeExceeded => PingError::TimeExceeded { to, from },
            Heard::ParameterProblem => PingError::ParameterProblem { to, from },
        })
    }

    /// An error if answers may have been lost because this host was too slow to read them: silence means nothing then.
    pub(super) fn check_nothing_was_lost(&self) -> Result<(), PingError> {
        let drops = sys::socket_drops(self.socket.as_fd()).map_err(local("ask whether answers were lost"))?;
        if drops == 0 {
            return Ok(());
        }
        let lost = io::Error::other(format!("the socket was too full for {drops} messages that arrived"));
        Err(local("hear all answers")(lost))
    }
}

/// A raw ICMP socket. tokio has no type of its own for one; its UDP socket is one that can be watched.
fn open_socket(options: &Options, destination: IpAddr) -> Result<UdpSocket, PingError> {
    let (domain, protocol) = match destination {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let open = || {
        let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))?;
        socket.set_broadcast(true)?;
        hear_answers_only(&socket, destination)?;
        set_dont_fragment(&socket, destination, options.dont_fragment)?;
        if options.timed {
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        }
        Ok(socket)
    };
    let socket = open().map_err(local("open a raw ICMP socket"))?;
    if let Some(hops) = options.ttl {
        let set = match destination {
            IpAddr::V4(_) => socket.set_ttl_v4(hops.into()),
            IpAddr::V6(_) => socket.set_unicast_hops_v6(hops.into()),
        };
        set.map_err(local(format!("set a time to live of {hops}")))?;
    }
    if let Some(source) = options.source {
        // The kernel would take it for any address (`raw_bind`).
        if Family::of(source) != Family::of(destination) {
            return Err(local(format!("send from {source} to {destination}"))(io::ErrorKind::InvalidInput.into()));
        }
        socket.bind(&SocketAddr::new(source, 0).into()).map_err(local(format!("send from {source}")))?;
    }
    UdpSocket::from_std(std::net::UdpSocket::from(socket)).map_err(local("watch a raw ICMP socket"))
}

/// Every raw socket of a host hears every message; requests are not worth the room they take.
fn hear_answers_only(socket: &Socket, destination: IpAddr) -> io::Result<()> {
    match destination {
        // Bit by type, blocked where it is set (raw(7)): requests.
        IpAddr::V4(_) => sys::setsockopt_int(socket.as_fd(), libc::SOL_RAW, ICMP_FILTER, 1 << 8),
        IpAddr::V6(_) => sys::block_icmpv6_requests(socket.as_fd()),
    }
}

fn set_dont_fragment(socket: &Socket, destination: IpAddr, forbidden: bool) -> io::Result<()> {
    let fd = socket.as_fd();
    match destination {
        IpAddr::V4(_) => {
            let discover = if forbidden { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_DONT };
            sys::setsockopt_int(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, discover)
        }
        IpAddr::V6(_) => {
            let discover = if forbidden { libc::IPV6_PMTUDISC_DO } else { libc::IPV6_PMTUDISC_DONT };
            sys::setsockopt_int(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, discover)?;
            sys::setsockopt_int(fd, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, forbidden.into())
        }
    }
}

pub(super) fn local(what: impl Into<String>) -> impl FnOnce(io::Error) -> PingError {
    move |source| PingError::Local { what: what.into(), source }
}

fn ip_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
}

/// What the link on the way to a destination takes, in bytes. Asked on a thread of the host.
fn link_mtu(to: IpAddr) -> io::Result<u32> {
    let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect((to, 9))?;
    let (level, option) =
        if to.is_ipv4() { (libc::IPPROTO_IP, libc::IP_MTU) } else { (libc::IPPROTO_IPV6, libc::IPV6_MTU) };
    let mtu = sys::getsockopt_int(socket.as_fd(), level, option)?;
    u32::try_from(mtu).map_err(io::Error::other)
}
