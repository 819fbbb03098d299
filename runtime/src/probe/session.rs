//! One ping from its first request to its end, on the runtime of the host that asks.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrStorage, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::echo::{Echo, Heard};
use super::ping::{PingError, PingReport};
use super::{Family, Target, check_clock, destination};
use crate::{Host, sys};

/// `linux/icmp.h`.
const ICMP_FILTER: i32 = 1;

/// A packet is at most this long, in bytes.
const PACKET: usize = 65_535;

/// The longest interval: one that can be added to any instant.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is asked, and how.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) target: Target,
    pub(super) size: u16,
    pub(super) ttl: Option<u8>,
    pub(super) dont_fragment: bool,
    pub(super) source: Option<IpAddr>,
    pub(super) family: Option<Family>,
}

/// How many requests are sent, and when it is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// So many requests; over when each has its answer or after the last words.
    Fixed { count: u16, interval: Duration, last_words: Duration },
    /// As many as it takes until so many have been answered; nothing but the deadline or a broken probe ends it.
    Until { answers: u16, interval: Duration, deadline: Duration },
    /// So many requests spread over the window; over at the first answer or refusal, or with the window.
    Silence { count: u16, window: Duration },
}

impl Options {
    pub(super) fn new(target: Target) -> Self {
        Self { target, size: 56, ttl: None, dont_fragment: false, source: None, family: None }
    }
}

/// Sends requests and listens, as planned.
pub(super) async fn run(host: Host, options: Options, plan: Plan) -> Result<PingReport, PingError> {
    let destination = destination(&host, &options.target, options.family)?;
    let socket = open_socket(&options, destination)?;
    let begun = Instant::now();
    let session = Session {
        echo: Echo::new(destination, options.size),
        socket,
        destination,
        options,
        begun,
        sent: Vec::new(),
        tries: 0,
        last_try: begun,
        rtts: Vec::new(),
        duplicates: 0,
        last_error: None,
    };
    session.follow(plan).await
}

/// A raw ICMP socket. tokio has no type of its own for one; its UDP socket does just what is needed, `sendto` and `recvfrom`.
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
        socket.bind(&SocketAddr::new(source, 0).into()).map_err(local(format!("send from {source}")))?;
    }
    UdpSocket::from_std(std::net::UdpSocket::from(socket)).map_err(local("watch a raw ICMP socket"))
}

/// Every raw socket of a host hears every message; other pings' requests are not worth the room they take.
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

fn local(what: impl Into<String>) -> impl FnOnce(io::Error) -> PingError {
    move |source| PingError::Local { what: what.into(), source }
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent then, unanswered.
    Pending(Instant),
    Answered,
    /// Sent then, and an ICMP error came back.
    Failed(Instant),
}

struct Session {
    echo: Echo,
    socket: UdpSocket,
    destination: IpAddr,
    options: Options,
    begun: Instant,
    sent: Vec<Fate>,
    /// Requests that were sent, or refused by the host's own kernel, and when the last one was.
    tries: u32,
    last_try: Instant,
    rtts: Vec<Duration>,
    duplicates: u32,
    last_error: Option<PingError>,
}

impl Session {
    async fn follow(mut self, plan: Plan) -> Result<PingReport, PingError> {
        let mut buffer = vec![0; PACKET];
        loop {
            // The clock first, then what has arrived by then, by a system call: tokio may not have been told of it yet.
            let now = Instant::now();
            self.drain(&mut buffer)?;
            // However short the time is, one request is tried.
            if self.is_decided(plan) || (self.tries > 0 && self.end(plan).is_some_and(|end| now >= end)) {
                return self.conclude();
            }
            if self.next_send(plan).is_some_and(|next| now >= next) {
                if let Err(error) = self.send().await {
                    let goes_on = matches!(plan, Plan::Until { .. }) && !error.is_broken();
                    self.last_error = Some(error);
                    if !goes_on {
                        return self.conclude();
                    }
                }
                continue;
            }
            let wake = [self.next_send(plan), self.end(plan)].into_iter().flatten().min().unwrap_or(now);
            tokio::select! {
                readable = self.socket.readable() => readable.map_err(local("wait for answers"))?,
                // Until the next request is due or the time is over, whichever comes first.
                () = tokio::time::sleep_until(wake.into()) => check_clock(wake).map_err(local("wait for answers"))?,
            }
        }
    }

    /// When the next request is due, if there is to be one.
    fn next_send(&self, plan: Plan) -> Option<Instant> {
        let (count, interval) = match plan {
            Plan::Fixed { count, interval, .. } => (u32::from(count), interval.min(LONGEST)),
            // A sequence number has 16 bits.
            Plan::Until { interval, .. } => (u32::from(u16::MAX), interval.min(LONGEST)),
            Plan::Silence { count, window } => (u32::from(count), window / (u32::from(count) + 1)),
        };
        (self.tries < count).then(|| if self.tries == 0 { self.begun } else { self.last_try + interval })
    }

    /// When it is over whatever has come, if that is known already.
    fn end(&self, plan: Plan) -> Option<Instant> {
        match plan {
            Plan::Fixed { last_words, .. } => self.next_send(plan).is_none().then(|| self.last_try + last_words),
            Plan::Until { deadline, .. } => Some(self.begun + deadline),
            // The last request is given its share even if it was sent late.
            Plan::Silence { count, window } => self
                .next_send(plan)
                .is_none()
                .then(|| (self.begun + window).max(self.last_try + window / (u32::from(count) + 1))),
        }
    }

    /// Whether it is over because of what has come.
    fn is_decided(&self, plan: Plan) -> bool {
        match plan {
            Plan::Fixed { count, .. } => {
                self.sent.len() == usize::from(count) && !self.sent.iter().any(|fate| matches!(fate, Fate::Pending(_)))
            }
            Plan::Until { answers, .. } => self.rtts.len() >= usize::from(answers),
            Plan::Silence { .. } => !self.rtts.is_empty() || self.last_error.is_some(),
        }
    }

    async fn send(&mut self) -> Result<(), PingError> {
        let sequence = u16::try_from(self.sent.len()).expect("there are no more than sequence numbers");
        let request = self.echo.request(sequence);
        let sent = Instant::now();
        self.last_try = sent;
        self.tries += 1;
        let to = SocketAddr::new(self.destination, 0);
        match self.socket.send_to(&request, to).await {
            Ok(_) => {
                self.sent.push(Fate::Pending(sent));
                Ok(())
            }
            Err(error) => Err(self.refused(error)),
        }
    }

    /// What it means that the kernel did not take a request.
    fn refused(&self, source: io::Error) -> PingError {
        let to = self.destination;
        match source.raw_os_error() {
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => PingError::NoRoute { to, source },
            Some(libc::EPERM | libc::EACCES) => PingError::ProhibitedHere { to, source },
            Some(libc::EMSGSIZE) if self.options.dont_fragment => {
                PingError::TooBig { to, from: None, mtu: link_mtu(to).ok() }
            }
            _ => local(format!("send {} bytes to {to}", self.options.size))(source),
        }
    }

    /// Takes in everything that has arrived.
    fn drain(&mut self, buffer: &mut [u8]) -> Result<(), PingError> {
        loop {
            match recvfrom::<SockaddrStorage>(self.socket.as_raw_fd(), buffer) {
                Ok((length, from)) => {
                    let from = from.as_ref().and_then(ip_of);
                    if let Some(from) = from {
                        self.hear(&buffer[..length], from);
                    }
                }
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(local("receive answers")(error.into())),
            }
        }
    }

    fn hear(&mut self, message: &[u8], from: IpAddr) {
        let Some((sequence, heard)) = self.echo.hear(message, from) else { return };
        let Some(fate) = self.sent.get_mut(usize::from(sequence)) else { return };
        let to = self.destination;
        let error = match heard {
            Heard::Reply => {
                match *fate {
                    // Somebody may refuse what somebody else answers.
                    Fate::Pending(sent) | Fate::Failed(sent) => self.rtts.push(sent.elapsed()),
                    Fate::Answered => self.duplicates += 1,
                }
                *fate = Fate::Answered;
                return;
            }
            Heard::Unreachable(code) if code.is_prohibited() => PingError::Prohibited { to, from, code },
            Heard::Unreachable(code) => PingError::Unreachable { to, from, code },
            Heard::TooBig(mtu) => PingError::TooBig { to, from: Some(from), mtu },
            Heard::TimeExceeded => PingError::TimeExceeded { to, from },
            Heard::ParameterProblem => PingError::ParameterProblem { to, from },
        };
        if let Fate::Pending(sent) = *fate {
            *fate = Fate::Failed(sent);
        }
        self.last_error = Some(error);
    }

    /// Answered if any request was; otherwise the last thing that was said, or silence.
    fn conclude(self) -> Result<PingReport, PingError> {
        let sent = u32::try_from(self.sent.len()).expect("there are no more than sequence numbers");
        if !self.rtts.is_empty() {
            return Ok(PingReport { sent, duplicates: self.duplicates, rtts: self.rtts });
        }
        if let Some(error) = self.last_error {
            return Err(error);
        }
        let drops = sys::socket_drops(self.socket.as_fd()).map_err(local("ask whether answers were lost"))?;
        if drops > 0 {
            let lost = io::Error::other(format!("the socket was too full for {drops} messages that arrived"));
            return Err(local("hear all answers")(lost));
        }
        Err(PingError::Timeout { to: self.destination, sent, waited: self.begun.elapsed() })
    }
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
