//! How a flow is opened: a server in one host, a connection from another, and proof that both hear each other.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::Socket;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::client::{Client, Plan, route_to, wait_until_connected};
use super::error::{CutReason, FlowError, local};
use super::frame::fresh;
use super::server::ServerEnd;
use super::{Ends, Flow};
use crate::probe::{Family, PATIENCE, Target, on_host, refuse_to_block, runtime, wait_on_host};
use crate::transport::{self, Ear, Said, Tcp, Transport};
use crate::{Host, sys};

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) client: Host,
    pub(super) server: Host,
    pub(super) transport: Transport,
    port: u16,
    source: Option<IpAddr>,
    source_port: u16,
    family: Option<Family>,
    mss: Option<u16>,
    timeout: Duration,
}

/// A flow that is to be opened: `.await` it, or `.wait()` for it. `P` is its protocol.
///
/// A server of the library's own is started in the other host, on the address at which a probe would look for it and on a port of the kernel's choice.
/// The flow is open when a question with a fresh nonce has been answered: over UDP twice, so that a tracker of connections has seen three datagrams
/// and more, and takes it for established. (Linux calls it *assured* when it goes on for more than two seconds.) It takes at most 5 s, stretched by
/// the setting `time-scale`.
#[derive(Clone)]
#[must_use = "a flow is not opened until this is awaited or waited for"]
pub struct Open<P> {
    options: Options,
    protocol: PhantomData<P>,
}

impl<P> Open<P> {
    pub(super) fn new(client: &Host, server: &Host, transport: Transport) -> Self {
        let options = Options {
            client: client.clone(),
            server: server.clone(),
            transport,
            port: 0,
            source: None,
            source_port: 0,
            family: None,
            mss: None,
            timeout: PATIENCE,
        };
        Self { options, protocol: PhantomData }
    }

    /// The server's port. 0, as it is if nothing is said, leaves it to the kernel.
    pub fn port(mut self, port: u16) -> Self {
        self.options.port = port;
        self
    }

    /// The client's address; without it the kernel chooses.
    pub fn source(mut self, address: impl Into<IpAddr>) -> Self {
        self.options.source = Some(address.into());
        self
    }

    /// The client's port. 0, as it is if nothing is said, leaves it to the kernel.
    pub fn source_port(mut self, port: u16) -> Self {
        self.options.source_port = port;
        self
    }

    /// Talks to the server's IPv4 address.
    pub fn ipv4(mut self) -> Self {
        self.options.family = Some(Family::V4);
        self
    }

    /// Talks to the server's IPv6 address.
    pub fn ipv6(mut self) -> Self {
        self.options.family = Some(Family::V6);
        self
    }

    /// How long it may take; stretched by the setting `time-scale`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Blocks this thread until the flow is open. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the runtime of either host, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<Flow, FlowError> {
        let ends = self.options.wait()?;
        Ok(Flow { options: self.options, ends: Some(ends) })
    }
}

impl Open<Tcp> {
    /// The largest segment that the client sends or takes, in bytes without headers (RFC 9293 section 3.7.1). TCP's options count:
    /// with time stamps 12 bytes less are sent at once.
    pub fn mss(mut self, bytes: u16) -> Self {
        self.options.mss = Some(bytes);
        self
    }
}

impl<P> IntoFuture for Open<P> {
    type Output = Result<Flow, FlowError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let options = self.options;
        Box::pin(async move {
            let ends = options.open().await?;
            Ok(Flow { options, ends: Some(ends) })
        })
    }
}

impl<P> fmt::Debug for Open<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Open").field(&self.options).finish()
    }
}

impl Options {
    /// Opens it on the runtimes of both hosts.
    pub(super) async fn open(&self) -> Result<Ends, FlowError> {
        let servers = runtime(&self.server)?.clone();
        on_host(&self.client, self.describe(), open(self.clone(), servers)).await
    }

    #[track_caller]
    pub(super) fn wait(&self) -> Result<Ends, FlowError> {
        refuse_to_block(&self.server);
        let servers = runtime(&self.server)?.clone();
        wait_on_host(&self.client, self.describe(), open(self.clone(), servers))
    }

    fn describe(&self) -> String {
        let Self { client, server, transport, .. } = self;
        format!("a {transport} flow that is opened from host `{}` to `{}`", client.name(), server.name())
    }

    fn name(&self, local: SocketAddr, remote: SocketAddr) -> String {
        let Self { client, server, transport, .. } = self;
        format!("{transport} flow from {} ({local}) to {} ({remote})", client.name(), server.name())
    }
}

/// Runs on the client's runtime.
async fn open(options: Options, servers: Handle) -> Result<Ends, FlowError> {
    let Options { client: host, server: server_host, transport, .. } = &options;
    let transport = *transport;
    let deadline = Instant::now() + host.scaled(options.timeout);
    let family = options.family.or(options.source.map(Family::of));
    let address = Target::Host(server_host.clone()).resolve(host, family)?;
    let mark = fresh();
    let at = SocketAddr::new(address, options.port);
    let server = ServerEnd::start((server_host, &servers), transport, at, mark, deadline).await?;
    let remote = server.address;
    let mut ear = Ear::open(address).map_err(local("open a raw ICMP socket"))?;
    let socket = client_socket(&options, remote)?;
    let unnamed = options.name(SocketAddr::new(any(remote), options.source_port), remote);
    let cut = |flow: &str, reason| FlowError::Cut { flow: flow.to_owned(), reason };
    let refused = |error: std::io::Error, flow: &str| match CutReason::of(&error) {
        Some(reason) => cut(flow, reason),
        None => local(format!("open the {flow}"))(error),
    };
    transport::start_connecting(&socket, remote).map_err(|error| refused(error, &unnamed))?;
    let address = socket.local_addr().map_err(local("ask for the address of a socket"))?.as_socket();
    let source = address.ok_or(std::io::ErrorKind::AddrNotAvailable.into());
    let source = source.map_err(local("ask for the address of a socket"))?;
    let socket = sys::watch(socket).map_err(local("watch a socket"))?;
    let name = options.name(source, remote);
    let begun = Instant::now();
    let connected = wait_until_connected(&socket, &mut ear, deadline).await?;
    if !matches!(connected, Some(Ok(()))) {
        // Should it have stopped working, this is not the network's doing.
        server.report(server_host, &name, Instant::now() + host.stretched(PATIENCE)).await?;
        while let Some(refusal) = ear.hear().map_err(local("hear ICMP"))? {
            if refusal.is_about(transport, source, remote) {
                if let Said::Unreachable(code) = refusal.said {
                    return Err(cut(&name, CutReason::said(refusal.from, code)));
                }
                return Err(FlowError::Astray { flow: name, from: refusal.from, what: refusal.said.name() });
            }
        }
        let silence = CutReason::Silence { waited: begun.elapsed(), arrived: false };
        return Err(match connected {
            Some(Err(error)) if error.raw_os_error() != Some(libc::ETIMEDOUT) => refused(error, &name),
            _ => cut(&name, silence),
        });
    }
    drop(ear);
    let hosts = (host.clone(), server_host.clone());
    let mut client = Client::new(hosts, transport, name, mark, socket, (source, remote));
    let rounds = if transport == Transport::Udp { 2 } else { 1 };
    for _ in 0..rounds {
        client.exchange(&server, Plan::Until(deadline.saturating_duration_since(Instant::now()))).await?;
    }
    let report = server.report(server_host, &client.name, Instant::now() + host.stretched(PATIENCE)).await?;
    let peer = report.peer.expect("a question was answered");
    let connection = (transport == Transport::Tcp).then(|| client.socket.get_ref().try_clone().map(Arc::new));
    let connection = connection.transpose().map_err(local("keep a socket"))?;
    let (name, client) = (client.name.clone(), Arc::new(Mutex::new(client)));
    Ok(Ends { local: source, remote, peer, name, connection, client, server: server.into() })
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
        source = route_to(remote).ok().map(|source| source.ip());
    }
    if source.is_some() || options.source_port != 0 {
        let from = SocketAddr::new(source.unwrap_or(any(remote)), options.source_port);
        let bind = || {
            socket.set_reuse_address(options.transport != Transport::Udp)?;
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
