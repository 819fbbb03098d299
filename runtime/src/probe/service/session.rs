//! Asking for a service: connections that are tried, or datagrams that are sent, on the runtime of the host that asks.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::error::{ServiceError, ServiceReport, local};
use crate::probe::judge::Of;
use crate::probe::schedule::{Plan, Schedule, until};
use crate::probe::{FEWEST, Family, LOOK, MOST_WINDOWS, Room, Target, UnreachableCode, WINDOW, seed};
use crate::trail::{Asked, Fingerprint, Fingerprints};
use crate::transport::{self, Bound, Ear, Refusal, Said, Transport, is_no_way, is_prohibition};
use crate::{Host, sys};

/// What is asked for, and how.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) transport: Transport,
    pub(super) target: Target,
    pub(super) port: u16,
    pub(super) source: Option<IpAddr>,
    pub(super) source_port: u16,
    pub(super) family: Option<Family>,
    /// What its packets are told from others by.
    pub(super) fingerprints: Fingerprints,
}

impl Options {
    /// Of whom is asked, and how.
    pub(super) fn question(&self) -> Of<'_> {
        let Self { target, family, source, fingerprints, .. } = self;
        Of { target, family: *family, source: *source, asked: Asked::Port(self.transport, self.port), fingerprints }
    }
}

/// A connection that is tried, or a datagram that was sent. It is given up with the session only: an answer may be late.
struct Attempt {
    socket: Bound,
    begun: Instant,
    local: SocketAddr,
}

struct Session {
    options: Options,
    room: Room,
    schedule: Schedule,
    /// The usual one of silence, as it is on this machine.
    window: Duration,
    to: SocketAddr,
    ear: Ear,
    attempts: Vec<Attempt>,
    last_error: Option<ServiceError>,
}

/// Asks, and listens, as planned.
pub(super) async fn run(host: Host, options: Options, plan: Plan) -> Result<ServiceReport, ServiceError> {
    if options.port == 0 {
        let none = io::Error::new(io::ErrorKind::InvalidInput, "there is no port 0");
        return Err(local(format!("ask for a {} service", options.transport))(none));
    }
    let family = options.family.or(options.source.map(Family::of));
    let to = SocketAddr::new(options.target.resolve(&host, family)?, options.port);
    let ear = Ear::open(to).map_err(local("open a raw ICMP socket"))?;
    let schedule = Schedule::new(plan);
    let window = host.stretched(WINDOW);
    let room = Room::watch(&host).map_err(local("ask whether there is room for what is sent"))?;
    Session { options, room, schedule, window, to, ear, attempts: Vec::new(), last_error: None }.follow().await
}

impl Session {
    async fn follow(mut self) -> Result<ServiceReport, ServiceError> {
        loop {
            // The clock first, then what has arrived by then, by a system call: tokio may not have been told of it yet.
            let now = Instant::now();
            if let Some(report) = self.take_in()? {
                return Ok(report);
            }
            if self.last_error.is_some() && !matches!(self.schedule.plan(), Plan::Until { .. }) {
                return Err(self.conclude());
            }
            let wake = if self.schedule.is_over(now) {
                match self.next_look(now)? {
                    Some(next) => next,
                    None => return Err(self.conclude()),
                }
            } else if self.schedule.is_due(now) {
                self.try_once()?;
                continue;
            } else {
                self.schedule.wake(now)
            };
            let woken = tokio::select! {
                stirs = poll_fn(|context| self.poll_stirs(context)) => stirs,
                woken = until(wake) => woken,
            };
            woken.map_err(local("wait for answers"))?;
        }
    }

    /// When to look again though the time is over, if silence does not mean anything yet: there was one attempt for all, which the kernel
    /// has to repeat.
    fn next_look(&self, now: Instant) -> Result<Option<Instant>, ServiceError> {
        let (Plan::Silence { window, .. }, [only]) = (self.schedule.plan(), &self.attempts[..]) else {
            return Ok(None);
        };
        if self.options.transport != Transport::Tcp || self.options.source_port == 0 {
            return Ok(None);
        }
        let most = only.begun + window.max(self.window) * MOST_WINDOWS;
        let sent = transport::connection_requests(only.socket.get_ref());
        let is_enough = sent.map_err(local("ask for the state of a connection"))? >= FEWEST.into() || now >= most;
        Ok((!is_enough).then(|| now + LOOK))
    }

    fn poll_stirs(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stirs = self.ear.poll_stirs(context);
        for attempt in &self.attempts {
            let stirred = if self.options.transport == Transport::Udp {
                transport::poll_readable(&attempt.socket, context)
            } else {
                transport::poll_connected(&attempt.socket, context)
            };
            if stirred.is_ready() {
                stirs = stirred;
            }
        }
        stirs
    }

    fn try_once(&mut self) -> Result<(), ServiceError> {
        let begun = Instant::now();
        self.schedule.note_try(begun);
        if self.options.source_port != 0 {
            // Only one socket has the port. A connection that is being tried is tried again by the kernel, a datagram is not.
            if self.options.transport != Transport::Udp && !self.attempts.is_empty() {
                return Ok(());
            }
            self.attempts.clear();
        }
        match self.attempt(begun)? {
            Ok(attempt) => self.attempts.push(attempt),
            Err(error) => self.note(error, None)?,
        }
        Ok(())
    }

    /// The inner error is what the kernel says of the destination.
    fn attempt(&self, begun: Instant) -> Result<io::Result<Attempt>, ServiceError> {
        let Options { transport, source, source_port, .. } = self.options;
        let socket = transport::open(transport, self.to).map_err(|error| match error {
            Ok(remedy) => ServiceError::Unsupported { remedy },
            Err(error) => local(format!("open a {transport} socket"))(error),
        })?;
        if source.is_some() || source_port != 0 {
            let any: IpAddr = if self.to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
            let from = SocketAddr::new(source.unwrap_or(any), source_port);
            let bind = || {
                if transport != Transport::Udp && source_port != 0 {
                    // A connection that was closed in an orderly way would keep its ports for a minute (RFC 9293 section 3.6.1).
                    socket.set_reuse_address(true)?;
                    socket.set_linger(Some(Duration::ZERO))?;
                }
                socket.bind(&from.into())
            };
            bind().map_err(local(format!("send from {from}")))?;
        }
        if transport == Transport::Sctp {
            transport::retransmit_soon(&socket).map_err(local("prepare a socket"))?;
        }
        let mut connected = transport::start_connecting(&socket, transport, self.to, source);
        if transport == Transport::Udp && connected.is_ok() {
            let said = seed().to_be_bytes();
            self.options.fingerprints.note(Fingerprint::Datagram(said.to_vec()));
            connected = transport::send(&socket, &said).map(drop);
        }
        if let Err(error) = connected {
            return Ok(Err(error));
        }
        let address = socket.local_addr().map_err(local("ask for the address of a socket"))?.as_socket();
        let own = address.ok_or_else(|| local("ask for the address of a socket")(io::ErrorKind::Other.into()))?;
        if transport != Transport::Udp {
            self.options.fingerprints.note(Fingerprint::Port(own.port()));
        }
        let socket = sys::watch(socket).map_err(local("watch a socket"))?;
        Ok(Ok(Attempt { socket, begun, local: own }))
    }

    /// Takes in everything that has arrived.
    fn take_in(&mut self) -> Result<Option<ServiceReport>, ServiceError> {
        let mut attempts = std::mem::take(&mut self.attempts);
        let mut failed = Vec::new();
        let mut answered = None;
        attempts.retain(|attempt| {
            let state = if self.options.transport == Transport::Udp {
                transport::read(attempt.socket.get_ref(), &mut [0; 1]).map(|length| length.is_some())
            } else {
                transport::connected(attempt.socket.get_ref())
            };
            match state {
                Ok(false) => true,
                Ok(true) => {
                    let took = attempt.begun.elapsed();
                    answered = Some(ServiceReport { local: attempt.local, remote: self.to, took });
                    false
                }
                // It was connected, and then thrown out: somebody listens (RFC 9293 section 3.10.7).
                Err(error) if self.options.transport == Transport::Tcp && was_connected(&error) => {
                    let took = attempt.begun.elapsed();
                    answered = Some(ServiceReport { local: attempt.local, remote: self.to, took });
                    false
                }
                Err(error) => {
                    failed.push((error, attempt.local));
                    // Another answer may come to a datagram.
                    self.options.transport == Transport::Udp
                }
            }
        });
        // ICMP is heard by raw sockets first, so whatever has failed a connection is here.
        while let Some(refusal) = self.ear.hear().map_err(local("hear ICMP"))? {
            let about = |source| refusal.is_about(self.options.transport, source, self.to);
            let failed_by_it = failed.iter().position(|(_, source)| about(*source));
            if failed_by_it.is_some() || attempts.iter().any(|attempt| about(attempt.local)) {
                failed.retain(|(_, source)| !about(*source));
                attempts.retain(|attempt| self.options.transport == Transport::Udp || !about(attempt.local));
                self.last_error = Some(self.meaning_of(refusal));
            }
        }
        self.attempts = attempts;
        for (error, source) in failed {
            self.note(error, Some(source))?;
        }
        Ok(answered)
    }

    fn meaning_of(&self, Refusal { from, said, .. }: Refusal) -> ServiceError {
        let (to, protocol) = (self.to, self.options.transport.name());
        match said {
            Said::Unreachable(UnreachableCode::V4(3) | UnreachableCode::V6(4))
                if self.options.transport == Transport::Udp =>
            {
                ServiceError::Refused { protocol, to, from: Some(from) }
            }
            Said::Unreachable(code) if code.is_prohibited() => ServiceError::Prohibited { protocol, to, from, code },
            Said::Unreachable(code) => ServiceError::Unreachable { protocol, to, from, code },
            said => ServiceError::Astray { to, from, what: said.name() },
        }
    }

    /// Notes what the kernel says; what it says of the host itself is the error of the probe.
    fn note(&mut self, source: io::Error, from: Option<SocketAddr>) -> Result<(), ServiceError> {
        let (to, protocol) = (self.to, self.options.transport.name());
        self.last_error = Some(match source.raw_os_error() {
            // The kernel has given up: that is silence.
            Some(libc::ETIMEDOUT) => return Ok(()),
            Some(libc::ECONNREFUSED | libc::ECONNRESET) => ServiceError::Refused { protocol, to, from: None },
            _ if is_prohibition(&source) => ServiceError::ProhibitedHere { to, source },
            _ if is_no_way(&source) => ServiceError::NoRoute { to, source },
            _ => {
                let from = from.map_or_else(String::new, |from| format!(" from {from}"));
                return Err(local(format!("ask {to} over {protocol}{from}"))(self.room.explain(source)));
            }
        });
        Ok(())
    }

    /// The last thing that was said, or silence.
    fn conclude(self) -> ServiceError {
        let (protocol, to) = (self.options.transport.name(), self.to);
        let last_word = match self.last_error {
            Some(error) if !is_about_a_neighbour(&error) => return error,
            other => other,
        };
        if let Err(error) = self.ear.has_heard_all() {
            return local("hear ICMP")(error);
        }
        if let Err(error) = self.room.was_there() {
            return local(format!("ask {to} over {protocol}"))(error);
        }
        last_word.unwrap_or_else(|| ServiceError::Timeout {
            protocol,
            to,
            attempts: self.schedule.tries(),
            waited: self.schedule.elapsed(),
        })
    }
}

/// Whether somebody has looked in vain for a neighbour, who may have had no room for whoever asked.
fn is_about_a_neighbour(error: &ServiceError) -> bool {
    match error {
        ServiceError::Unreachable { code, .. } => code.is_about_a_neighbour(),
        ServiceError::NoRoute { source, .. } => source.raw_os_error() == Some(libc::EHOSTUNREACH),
        _ => false,
    }
}

/// Whether a connection has failed in a way that only one that was there can (`tcp_reset` in `net/ipv4/tcp_input.c`).
fn was_connected(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECONNRESET | libc::EPIPE))
}
