//! How a flow comes about: connections that are tried, as planned, until in one of them both ends have heard each other.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::Socket;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Ends;
use super::assertion::LEAST_SCTP_WINDOW;
use super::client::{self, Client};
use super::error::{CutReason, FlowError, local};
use super::frame::fresh;
use super::open::Options;
use super::server::ServerEnd;
use crate::probe::{
    FEWEST, Family, LOOK, MOST_WINDOWS, NoAnswer, PATIENCE, Plan, Room, Schedule, Target, WINDOW, until,
};
use crate::sys;
use crate::trail::{Asked, Asking, Fingerprint, Fingerprints, Question, Trail};
use crate::transport::{self, Bound, Ear, Said, Transport};

/// A UDP conversation that goes on for two seconds is one that Linux calls assured (`nf_conntrack_udp_packet` in
/// `net/netfilter/nf_conntrack_proto_udp.c`); and a little more, as its clock ticks.
const ASSURED: Duration = Duration::from_millis(2050);

/// What all attempts have in common: what is asked for, and a server's end that waits for its client.
struct Site {
    options: Options,
    server: Arc<ServerEnd>,
    /// What the frames of the flow are marked with.
    mark: u64,
    plan: Plan,
    room: Room,
}

/// A connection that is tried.
struct Attempt<'a> {
    site: &'a Site,
    socket: Bound,
    ear: Ear,
    /// Which flow, in the user's words.
    name: String,
    local: SocketAddr,
    begun: Instant,
    end: Instant,
}

/// Opens a flow, on the runtime of the client's host; `servers` is that of the server's.
pub(super) async fn establish(options: Options, servers: Handle, plan: Plan) -> Result<Ends, FlowError> {
    let Options { client, server, transport, .. } = &options;
    let family = options.family.or(options.source.map(Family::of));
    let address = Target::Host(server.clone()).resolve(client, family)?;
    let (mark, at) = (fresh(), SocketAddr::new(address, options.port));
    let deadline = Instant::now() + client.stretched(PATIENCE);
    let server = ServerEnd::start((server, &servers), *transport, at, mark, deadline).await?;
    let room = Room::watch(client).map_err(local("ask whether there is room for what is sent"))?;
    Arc::new(Site { server: server.into(), mark, plan, room, options }).follow().await
}

impl Site {
    /// Where a connection is tried to, from here and since then.
    fn trail(&self, local: SocketAddr, since: Instant) -> Trail {
        let Options { client, transport, source, .. } = &self.options;
        let remote = self.server.address;
        let fingerprints = Fingerprints::default();
        fingerprints.note(Fingerprint::Port(local.port()));
        let asked = Asked::Port(*transport, remote.port());
        let asking = Asking { to: remote.ip(), source: *source, asked, since, fingerprints };
        Trail::of(Question { from: client.clone(), asking })
    }

    async fn follow(self: Arc<Self>) -> Result<Ends, FlowError> {
        let mut attempts = JoinSet::new();
        let outcome = self.try_as_planned(&mut attempts).await;
        // Their sockets are closed, and the server's with the last of them, so that all ports can be bound again.
        attempts.shutdown().await;
        self.take(outcome?).await
    }

    /// The flow is this connection: the server closes all others.
    async fn take(&self, client: Client) -> Result<Ends, FlowError> {
        let Self { options, server, .. } = self;
        let deadline = Instant::now() + options.client.stretched(PATIENCE);
        let answered = client.last_answered.expect("a question was answered");
        let report = server.take(&options.server, &client.name, answered, deadline).await?;
        let peer = report.peer.expect("a question was answered");
        let is_tcp = options.transport == Transport::Tcp;
        let connection = is_tcp.then(|| client.socket.get_ref().try_clone().map(Arc::new)).transpose();
        let connection = connection.map_err(local("keep a socket"))?;
        let (name, local, remote) = (client.name.clone(), client.local, client.remote);
        Ok(Ends { name, local, remote, peer, connection, client: Arc::new(Mutex::new(client)), server: server.clone() })
    }

    async fn try_as_planned(
        self: &Arc<Self>,
        attempts: &mut JoinSet<Result<Client, FlowError>>,
    ) -> Result<Client, FlowError> {
        let mut schedule = Schedule::new(self.plan);
        let mut last_word = None;
        loop {
            let now = Instant::now();
            let next = schedule.next_send().map(|next| match self.plan {
                // Those that are under way are repeated by the kernel: others come at longer and longer intervals.
                Plan::Until { interval, .. } if !attempts.is_empty() => {
                    next + interval * ((1 << attempts.len().saturating_sub(1).min(16)) - 1)
                }
                _ => next,
            });
            let next = next.filter(|next| schedule.tries() == 0 || schedule.end_of(*next) > *next);
            let is_crowded = self.options.takes_turns() && !attempts.is_empty();
            match next {
                Some(next) if now >= next && !is_crowded => {
                    schedule.note_try(now);
                    let (site, end) = (self.clone(), schedule.end_of(now));
                    attempts.spawn(async move { Attempt::new(&site, end)?.follow().await });
                    continue;
                }
                None if attempts.is_empty() => return Err(last_word.expect("one is tried, however short the time is")),
                _ => {}
            }
            let outcome = tokio::select! {
                Some(outcome) = attempts.join_next(), if !attempts.is_empty() => outcome,
                woken = until(next.unwrap_or(now)), if next.is_some() && !is_crowded => {
                    woken.map_err(local("wait for a connection"))?;
                    continue;
                }
            };
            match (outcome.unwrap_or_else(|error| resume_unwind(error.into_panic())), self.plan) {
                // Of silences the longest says most.
                (Err(error), Plan::Until { .. } | Plan::Silence { .. }) if error.silence().is_some() => {
                    let before: Option<FlowError> = last_word.take();
                    let is_longer = before.as_ref().is_none_or(|before| before.silence() <= error.silence());
                    last_word = if is_longer { Some(error) } else { before };
                }
                (Err(error), Plan::Until { .. }) if !error.is_broken() => last_word = Some(error),
                (outcome, _) => return outcome,
            }
        }
    }
}

impl<'a> Attempt<'a> {
    fn new(site: &'a Site, end: Instant) -> Result<Self, FlowError> {
        let remote = site.server.address;
        let ear = Ear::open(remote).map_err(local("open a raw ICMP socket"))?;
        let begun = Instant::now();
        let refused = |error| {
            let unnamed = SocketAddr::new(any(remote), site.options.source_port);
            refused(error, site.options.name(unnamed, remote), site.trail(unnamed, begun))
        };
        let Options { transport, source, .. } = site.options;
        let socket = client_socket(&site.options, remote)?;
        transport::start_connecting(&socket, transport, remote, source).map_err(refused)?;
        let address = socket.local_addr().map_err(local("ask for the address of a socket"))?.as_socket();
        let local_address = address.ok_or(io::ErrorKind::AddrNotAvailable.into());
        let local_address = local_address.map_err(local("ask for the address of a socket"))?;
        let socket = sys::watch(socket).map_err(local("watch a socket"))?;
        let name = site.options.name(local_address, remote);
        Ok(Self { site, socket, ear, name, local: local_address, begun, end })
    }

    async fn follow(mut self) -> Result<Client, FlowError> {
        let Site { options, server, plan, .. } = self.site;
        match self.wait_until_connected().await? {
            Some(Ok(())) => {}
            failed => return Err(self.why_not(failed.and_then(Result::err)).await?),
        }
        let Self { site, socket, name, local: source, end, ear, .. } = self;
        // Each exchange has one of its own.
        drop(ear);
        let hosts = (options.client.clone(), options.server.clone());
        let mut client = Client::new(hosts, options.transport, name, site.mark, socket, (source, server.address));
        let silence = matches!(plan, Plan::Silence { .. });
        // Whoever waits for silence has heard enough with the first answer.
        let rounds = if options.transport == Transport::Udp && !silence { 2 } else { 1 };
        let mut heard = None;
        for _ in 0..rounds {
            let left = end.saturating_duration_since(Instant::now());
            let plan = match (silence, options.transport) {
                (false, _) => client::Plan::Until(left),
                // As long as it takes SCTP to repeat what it has said, however late it was connected.
                (true, Transport::Sctp) => client::Plan::Silence(left.max(options.client.stretched(LEAST_SCTP_WINDOW))),
                (true, _) => client::Plan::Silence(left),
            };
            client.exchange(server, plan).await?;
            heard = heard.or_else(|| Some(Instant::now()));
        }
        if let (true, Some(heard)) = (options.assured, heard) {
            until(heard + ASSURED).await.map_err(local("wait until a conversation is assured"))?;
            client.exchange(server, client::Plan::Until(options.client.stretched(PATIENCE))).await?;
        }
        Ok(client)
    }

    /// Nothing if the time is over before.
    async fn wait_until_connected(&mut self) -> Result<Option<io::Result<()>>, FlowError> {
        let mut wake = self.end;
        loop {
            let now = Instant::now();
            match transport::connected(self.socket.get_ref()) {
                Ok(true) => return Ok(Some(Ok(()))),
                Ok(false) if now < wake => {}
                Ok(false) => match self.next_look(now)? {
                    Some(next) => wake = next,
                    None => return Ok(None),
                },
                Err(error) => return Ok(Some(Err(error))),
            }
            tokio::select! {
                ready = poll_fn(|context| transport::poll_connected(&self.socket, context)) => {
                    ready.map_err(local("wait for a connection"))?;
                }
                stirs = self.ear.stirs() => stirs.map_err(local("wait for a connection"))?,
                woken = until(wake) => woken.map_err(local("wait for a connection"))?,
            }
        }
    }

    /// When to look again, if silence does not mean anything yet: where this is the only attempt, the kernel has to repeat it.
    fn next_look(&self, now: Instant) -> Result<Option<Instant>, FlowError> {
        let Options { client, transport, .. } = &self.site.options;
        let Plan::Silence { window, .. } = self.site.plan else { return Ok(None) };
        if *transport != Transport::Tcp || !self.site.options.takes_turns() {
            return Ok(None);
        }
        let most = self.begun + window.max(client.stretched(WINDOW)) * MOST_WINDOWS;
        let sent = transport::connection_requests(self.socket.get_ref());
        let is_enough = sent.map_err(local("ask for the state of a connection"))? >= FEWEST.into() || now >= most;
        Ok((!is_enough).then(|| now + LOOK))
    }

    /// Why there is no connection; `error` is what the kernel says, if it is not silent.
    async fn why_not(mut self, error: Option<io::Error>) -> Result<FlowError, FlowError> {
        let Site { options, server, .. } = self.site;
        // Should the server's end have stopped working, this is not the network's doing.
        let deadline = Instant::now() + options.client.stretched(PATIENCE);
        server.report(&options.server, &self.name, Vec::new(), deadline).await?;
        let (trail, flow) = (self.site.trail(self.local, self.begun), self.name);
        let mut word = None;
        while let Some(refusal) = self.ear.hear().map_err(local("hear ICMP"))? {
            if word.is_none() && refusal.is_about(options.transport, self.local, server.address) {
                let (flow, trail, from) = (flow.clone(), trail.clone(), refusal.from);
                word = Some(match refusal.said {
                    Said::Unreachable(code) => FlowError::Cut { flow, reason: CutReason::said(from, code), trail },
                    said => FlowError::Astray { flow, from, what: said.name(), trail },
                });
            }
        }
        let word = word.or_else(|| match error {
            Some(error) if error.raw_os_error() != Some(libc::ETIMEDOUT) => {
                Some(refused(error, flow.clone(), trail.clone()))
            }
            _ => None,
        });
        let word = match word {
            Some(word) if !word.cut_reason().is_some_and(CutReason::is_about_a_neighbour) => return Ok(word),
            other => other,
        };
        self.ear.has_heard_all().map_err(local("hear ICMP"))?;
        self.site.room.was_there().map_err(local(format!("open the {flow}")))?;
        let reason = CutReason::Silence { waited: self.begun.elapsed(), arrived: false };
        Ok(word.unwrap_or(FlowError::Cut { flow, reason, trail }))
    }
}

/// What it means that the client's own kernel refuses to connect.
fn refused(error: io::Error, flow: String, trail: Trail) -> FlowError {
    match CutReason::of(&error) {
        Some(reason) => FlowError::Cut { flow, reason, trail },
        None => local(format!("open the {flow}"))(error),
    }
}

/// A socket in the client's host that is about to be connected.
fn client_socket(options: &Options, remote: SocketAddr) -> Result<Socket, FlowError> {
    let socket = super::open_socket(options.transport, remote)?;
    transport::make_patient(&socket, options.transport).map_err(local("prepare a socket"))?;
    if let Some(mss) = options.mss {
        socket.set_tcp_mss(mss.into()).map_err(local(format!("set a maximum segment size of {mss}")))?;
    }
    let mut source = options.source;
    if options.transport == Transport::Sctp && source.is_none() {
        // Otherwise it tells the server all the addresses that the host has, and takes any of them (RFC 9260 section 5.1.2).
        source = transport::route_to(remote, None).ok().map(|source| source.ip());
    }
    if source.is_some() || options.source_port != 0 {
        let from = SocketAddr::new(source.unwrap_or(any(remote)), options.source_port);
        let bind = || {
            // Conversations with several ports of the server may share one of the client's; each socket is connected to its own.
            socket.set_reuse_address(true)?;
            socket.bind(&from.into())
        };
        bind().map_err(local(format!("send from {from}")))?;
    }
    Ok(socket)
}

/// The address that leaves the choice to the kernel.
fn any(like: SocketAddr) -> IpAddr {
    if like.is_ipv4() { [0; 4].into() } else { [0; 16].into() }
}
