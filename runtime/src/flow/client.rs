//! The client's end: it asks, on the runtime of its host, and knows what the silence means.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::error::{CutReason, FlowError, local};
use super::frame::{self, Frame, Kind, fresh};
use super::server::{Report, ServerEnd, flush};
use crate::probe::{FEWEST, LOOK, MOST_WINDOWS, PATIENCE, Room, WINDOW, until};
use crate::trail::{Asked, Asking, Fingerprint, Fingerprints, Question, Trail};
use crate::transport::{self, Bound, Ear, Refusal, Said, Transport};
use crate::{Host, sys};

/// From one datagram to the next where an answer is wanted.
const INTERVAL: Duration = Duration::from_millis(100);

/// When an exchange is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// With the first answer, or so long after its start.
    Until(Duration),
    /// With the first answer, or after a window of silence in which enough was sent to mean something.
    Silence(Duration),
}

/// The client's end of a flow.
pub(super) struct Client {
    pub(super) host: Host,
    pub(super) server_host: Host,
    pub(super) transport: Transport,
    /// Which flow, in the user's words.
    pub(super) name: String,
    /// What its frames are marked with.
    pub(super) mark: u64,
    pub(super) socket: Bound,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// What a stream has said that is no whole frame yet, and what the kernel has not taken yet.
    received: Vec<u8>,
    unsent: Vec<u8>,
    /// How the connection has ended.
    dead: Option<CutReason>,
    /// The last question that was answered.
    pub(super) last_answered: Option<u64>,
    /// The last exchange in which anything was sent, for whoever wants to know where that went.
    last_asked: Option<Asking>,
}

/// One exchange.
struct Exchange<'a> {
    client: &'a mut Client,
    server: &'a ServerEnd,
    plan: Plan,
    ear: Ear,
    room: Room,
    begun: Instant,
    asking: Asking,
    asked: Vec<(u64, Instant)>,
    /// When the question was asked that has been answered.
    found: Option<Instant>,
    last_try: Instant,
    tries: u32,
    /// Data segments of the connection that had been sent before.
    sent_before: u32,
    refusal: Option<Refusal>,
    refused_here: Option<CutReason>,
    /// The earliest that it may be looked again whether silence is certain.
    next_look: Instant,
}

impl Client {
    pub(super) fn new(
        (host, server_host): (Host, Host),
        transport: Transport,
        name: String,
        mark: u64,
        socket: Bound,
        (local, remote): (SocketAddr, SocketAddr),
    ) -> Self {
        let (received, unsent) = (Vec::new(), Vec::new());
        Self {
            host,
            server_host,
            transport,
            name,
            mark,
            socket,
            local,
            remote,
            received,
            unsent,
            dead: None,
            last_answered: None,
            last_asked: None,
        }
    }

    /// What is asked from now on.
    fn asking(&self) -> Asking {
        let (to, port) = (self.remote.ip(), self.remote.port());
        let fingerprints = Fingerprints::default();
        let asked = if self.transport == Transport::Udp {
            Asked::Port(Transport::Udp, port)
        } else {
            fingerprints.note(Fingerprint::Port(self.local.port()));
            Asked::Data(self.transport, port)
        };
        Asking { to, source: Some(self.local.ip()), asked, since: Instant::now(), fingerprints }
    }

    /// Asks a question with a fresh nonce, and answers with how long its answer took.
    pub(super) async fn exchange(&mut self, server: &ServerEnd, plan: Plan) -> Result<Duration, FlowError> {
        let ear = Ear::open(self.remote).map_err(local("open a raw ICMP socket"))?;
        let room = Room::watch(&self.host).map_err(local("ask whether there is room for what is sent"))?;
        // Answers that come late are answers to something else.
        self.take_in(&[])?;
        let asking = self.asking();
        let begun = asking.since;
        let exchange = Exchange {
            sent_before: self.segments_sent()?,
            client: self,
            server,
            plan,
            ear,
            room,
            begun,
            asking,
            asked: Vec::new(),
            found: None,
            last_try: begun,
            tries: 0,
            refusal: None,
            refused_here: None,
            next_look: begun,
        };
        exchange.follow().await
    }

    fn segments_sent(&self) -> Result<u32, FlowError> {
        if self.transport != Transport::Tcp {
            return Ok(0);
        }
        sys::tcp_data_segments_sent(self.socket.get_ref().as_fd()).map_err(local("ask for the state of a connection"))
    }

    /// Reads all that has arrived. Answers with when one of the questions that it is the answer to was asked, if there is one.
    fn take_in(&mut self, asked: &[(u64, Instant)]) -> Result<Option<Instant>, FlowError> {
        let mut buffer = [0; 4096];
        let mut found = None;
        while self.dead.is_none() {
            let frames = match transport::read(self.socket.get_ref(), &mut buffer) {
                Ok(None) => break,
                Ok(Some(length)) if self.transport == Transport::Udp => {
                    Frame::from_bytes(&buffer[..length]).into_iter().collect()
                }
                Ok(Some(0)) => {
                    let closed = io::Error::other("the connection was closed from the other end");
                    return Err(local(format!("hear answers in the {}", self.name))(closed));
                }
                Ok(Some(length)) => {
                    self.received.extend(&buffer[..length]);
                    frame::take_whole(&mut self.received).ok_or_else(|| {
                        let garbled = io::Error::other("what arrives is not what was sent");
                        local(format!("hear answers in the {}", self.name))(garbled)
                    })?
                }
                // What ICMP said about a datagram: the raw socket has more of it.
                Err(_) if self.transport == Transport::Udp => Vec::new(),
                Err(error) => {
                    self.dies_of(error)?;
                    break;
                }
            };
            let answers = frames.into_iter().filter(|frame| frame.kind == Kind::Answer && frame.flow == self.mark);
            for answer in answers {
                let question = asked.iter().find(|(nonce, _)| *nonce == answer.nonce);
                if let Some((nonce, at)) = question {
                    found = found.or(Some(*at));
                    self.last_answered = Some(*nonce);
                }
            }
        }
        Ok(found)
    }

    /// Notes that the connection has ended, by the network's doing; or answers with the error.
    fn dies_of(&mut self, error: io::Error) -> Result<(), FlowError> {
        let timed_out = error.raw_os_error() == Some(libc::ETIMEDOUT);
        let silence = CutReason::Silence { waited: Duration::ZERO, arrived: false };
        let reason = if timed_out { Some(silence) } else { CutReason::of(&error) };
        self.dead = Some(reason.ok_or_else(|| local(format!("hear answers in the {}", self.name))(error))?);
        Ok(())
    }
}

impl Exchange<'_> {
    async fn follow(mut self) -> Result<Duration, FlowError> {
        loop {
            // The clock first, then what has arrived by then, by a system call: tokio may not have been told of it yet.
            let now = Instant::now();
            self.found = self.found.or(self.client.take_in(&self.asked)?);
            if let Some(asked) = self.found {
                return Ok(asked.elapsed());
            }
            self.hear()?;
            if let Some(reason) = self.client.dead.clone() {
                // The server's end may have died of something else.
                self.report().await?;
                let waited = self.begun.elapsed();
                return Err(self.cut(match reason {
                    CutReason::Silence { arrived, .. } => CutReason::Silence { waited, arrived },
                    other => other,
                }));
            }
            if self.next_send().is_none_or(|next| next > now) && now >= self.end() {
                if let Some(error) = self.conclude().await? {
                    return Err(error);
                }
                continue;
            }
            if self.next_send().is_some_and(|next| now >= next) {
                self.send()?;
                continue;
            }
            let wake = self.next_send().map_or(self.end(), |next| next.min(self.end()));
            tokio::select! {
                readable = transport::readable(&self.client.socket) => readable.map_err(local("wait for answers"))?,
                stirs = self.ear.stirs() => stirs.map_err(local("wait for answers"))?,
                woken = until(wake) => woken.map_err(local("wait for answers"))?,
            }
        }
    }

    /// When the next question is due, if there is to be one: a stream repeats it by itself.
    fn next_send(&self) -> Option<Instant> {
        let datagrams = self.client.transport == Transport::Udp;
        match self.plan {
            _ if self.tries == 0 => Some(self.begun),
            Plan::Until(limit) if datagrams => Some(self.last_try + INTERVAL).filter(|next| *next < self.begun + limit),
            Plan::Silence(window) if datagrams && self.tries < u32::from(FEWEST) => {
                Some(self.last_try + window / (u32::from(FEWEST) + 1))
            }
            _ => None,
        }
    }

    /// When it is over, or is to be looked whether it is.
    fn end(&self) -> Instant {
        match self.plan {
            Plan::Until(limit) => self.begun + limit,
            // The last question is given its share even if it was sent late.
            Plan::Silence(window) => {
                (self.begun + window).max(self.last_try + window / (u32::from(FEWEST) + 1)).max(self.next_look)
            }
        }
    }

    fn send(&mut self) -> Result<(), FlowError> {
        let client = &mut *self.client;
        let nonce = fresh();
        let question = Frame { kind: Kind::Question, flow: client.mark, nonce }.to_bytes();
        self.last_try = Instant::now();
        self.tries += 1;
        self.asked.push((nonce, self.last_try));
        client.last_asked = Some(self.asking.clone());
        if client.transport != Transport::Udp {
            client.unsent.extend(question);
            return match flush(client.socket.get_ref(), &mut client.unsent, client.transport) {
                Ok(()) if client.unsent.is_empty() => Ok(()),
                Ok(()) => {
                    let full = io::Error::other("too many questions have not been answered");
                    Err(local(format!("ask in the {}", client.name))(full))
                }
                Err(error) => client.dies_of(error),
            };
        }
        self.asking.fingerprints.note(Fingerprint::Datagram(question.to_vec()));
        // The first attempt may be told of what became of an earlier datagram.
        let mut sent = transport::send(client.socket.get_ref(), &question);
        if sent.is_err() {
            sent = transport::send(client.socket.get_ref(), &question);
        }
        match sent.map_err(|error| (CutReason::of(&error), error)) {
            Ok(_) | Err((Some(CutReason::Reset), _)) => {}
            Err((Some(reason), _)) => self.refused_here = Some(reason),
            Err((None, error)) => return Err(local(format!("ask in the {}", client.name))(self.room.explain(error))),
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<(), FlowError> {
        while let Some(refusal) = self.ear.hear().map_err(local("hear ICMP"))? {
            if refusal.is_about(self.client.transport, self.client.local, self.client.remote) {
                self.refusal = Some(refusal);
            }
        }
        Ok(())
    }

    async fn report(&self) -> Result<Report, FlowError> {
        let deadline = Instant::now() + self.client.host.stretched(PATIENCE);
        let asked = self.asked.iter().map(|(nonce, _)| *nonce).collect();
        self.server.report(&self.client.server_host, &self.client.name, asked, deadline).await
    }

    /// What it means that the time is over without an answer; nothing if more time is needed to know.
    async fn conclude(&mut self) -> Result<Option<FlowError>, FlowError> {
        let report = self.report().await?;
        let answered = report.answered(&self.asked.iter().map(|(nonce, _)| *nonce).collect::<Vec<_>>());
        let waited = self.begun.elapsed();
        if let Plan::Silence(window) = self.plan {
            let sent = match answered {
                Some(answers) => answers,
                None => self.client.segments_sent()?.wrapping_sub(self.sent_before),
            };
            let is_open = report.ended.is_none();
            let streams = self.client.transport == Transport::Tcp && is_open;
            if self.client.transport != Transport::Udp && is_open && answered.is_none() {
                // A connection itself does not say so, and TCP counts what could not leave.
                self.refused_here =
                    transport::route_to(self.client.remote, None).err().and_then(|error| CutReason::of(&error));
            }
            if streams && sent < u32::from(FEWEST) {
                if self.refused_here.is_none() && waited < window.max(self.client.host.stretched(WINDOW)) * MOST_WINDOWS
                {
                    self.next_look = Instant::now() + LOOK;
                    return Ok(None);
                }
                if self.refused_here.is_none() && sent == 0 {
                    let error = io::Error::other(format!("the kernel sent nothing for {waited:.1?}"));
                    return Err(local(format!("ask in the {}", self.client.name))(error));
                }
            }
        }
        // What has come while the server's end was asked.
        self.found = self.client.take_in(&self.asked)?;
        if self.found.is_some() || self.client.dead.is_some() {
            return Ok(None);
        }
        self.ear.has_heard_all().map_err(local("hear ICMP"))?;
        let silence = CutReason::Silence { waited, arrived: answered.is_some() };
        let reason = match self.refusal {
            Some(Refusal { from, said: Said::Unreachable(code), .. }) => CutReason::said(from, code),
            Some(Refusal { from, said, .. }) => {
                return Err(FlowError::Astray {
                    flow: self.client.name.clone(),
                    from,
                    what: said.name(),
                    trail: self.trail(),
                });
            }
            None => self.refused_here.take().unwrap_or(silence),
        };
        if matches!(reason, CutReason::Silence { .. }) || reason.is_about_a_neighbour() {
            self.room.was_there().map_err(local(format!("ask in the {}", self.client.name)))?;
        }
        Ok(Some(self.cut(reason)))
    }

    fn cut(&self, reason: CutReason) -> FlowError {
        FlowError::Cut { flow: self.client.name.clone(), reason, trail: self.trail() }
    }

    /// Where the questions of this exchange went; of the one before, in a connection that was dead by then.
    fn trail(&self) -> Trail {
        let asking = self.client.last_asked.as_ref().unwrap_or(&self.asking);
        Trail::of(Question { from: self.client.host.clone(), asking: asking.clone() })
    }
}
