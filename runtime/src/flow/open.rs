//! What a flow is to be like, and the builder that says so.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use super::connect::establish;
use super::error::FlowError;
use super::{Ends, Flow};
use crate::Host;
use crate::probe::{FEWEST, Family, PATIENCE, Plan, on_host, refuse_to_block, runtime, wait_on_host};
use crate::transport::{Tcp, Transport, Udp};

/// From one attempt to the next where a flow is to come about at last.
const INTERVAL: Duration = Duration::from_millis(250);

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) client: Host,
    pub(super) server: Host,
    pub(super) transport: Transport,
    pub(super) port: u16,
    pub(super) source: Option<IpAddr>,
    pub(super) source_port: u16,
    pub(super) family: Option<Family>,
    pub(super) mss: Option<u16>,
    pub(super) assured: bool,
    timeout: Duration,
}

/// A flow that is to be opened: `.await` it, or `.wait()` for it. `P` is its protocol.
///
/// A server of the library's own is started in the other host, on the address at which a probe would look for it and on a port of the kernel's choice.
/// The flow is open when a question with a fresh nonce has been answered: over UDP twice, so that a tracker of connections has seen three datagrams
/// and more, and takes it for established. It takes at most 5 s, stretched by the setting `time-scale`.
#[derive(Clone)]
#[must_use = "a flow is not opened until this is awaited or waited for"]
pub struct Open<P> {
    options: Options,
    protocol: PhantomData<P>,
}

impl<P> Open<P> {
    pub(crate) fn new(client: &Host, server: &Host, transport: Transport) -> Self {
        let options = Options {
            client: client.clone(),
            server: server.clone(),
            transport,
            port: 0,
            source: None,
            source_port: 0,
            family: None,
            mss: None,
            assured: false,
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

    /// Tries until it is open, whatever is said meanwhile, for as long as it may take. To be run on the client's runtime.
    pub(crate) async fn at_last(self) -> Result<Flow, FlowError> {
        let deadline = self.options.client.scaled(self.options.timeout);
        self.follow(Plan::Until { answers: 1, interval: INTERVAL, deadline }).await
    }

    /// Tries until it is open or refused, or until enough was sent in a window to make silence mean something. To be run on the client's
    /// runtime.
    pub(crate) async fn in_window(self, window: Duration) -> Result<Flow, FlowError> {
        let count = if self.options.takes_turns() { 1 } else { FEWEST };
        let window = self.options.client.stretched(window);
        self.follow(Plan::Silence { count, window }).await
    }

    async fn follow(self, plan: Plan) -> Result<Flow, FlowError> {
        let servers = runtime(&self.options.server)?.clone();
        let ends = establish(self.options.clone(), servers, plan).await?;
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

impl Open<Udp> {
    /// Goes on for two seconds, after which Linux takes the conversation for a stream: a tracker of connections on the way calls it
    /// *assured*, and keeps it where room is short (`IPS_ASSURED`; see [`ConntrackEntry::is_assured`](crate::ConntrackEntry::is_assured)).
    pub fn assured(mut self) -> Self {
        self.options.assured = true;
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
        on_host(&self.client, self.describe(), establish(self.clone(), servers, self.once())).await
    }

    #[track_caller]
    pub(super) fn wait(&self) -> Result<Ends, FlowError> {
        refuse_to_block(&self.server);
        let servers = runtime(&self.server)?.clone();
        wait_on_host(&self.client, self.describe(), establish(self.clone(), servers, self.once()))
    }

    fn once(&self) -> Plan {
        Plan::Fixed { count: 1, interval: Duration::ZERO, last_words: self.client.scaled(self.timeout) }
    }

    /// Whether an attempt has to wait for the end of the one before, since there can be no two; and says by itself again what gets lost.
    pub(super) fn takes_turns(&self) -> bool {
        self.transport == Transport::Udp || self.source_port != 0
    }

    fn describe(&self) -> String {
        let Self { client, server, transport, .. } = self;
        format!("a {transport} flow that is opened from host `{}` to `{}`", client.name(), server.name())
    }

    pub(super) fn name(&self, local: SocketAddr, remote: SocketAddr) -> String {
        let Self { client, server, transport, .. } = self;
        format!("{transport} flow from {} ({local}) to {} ({remote})", client.name(), server.name())
    }
}
