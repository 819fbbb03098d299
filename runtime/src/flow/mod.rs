//! Conversations between two hosts, which are established before the network changes, and looked at after.

mod assertion;
mod client;
mod connect;
mod error;
mod frame;
mod open;
mod server;

pub use assertion::{AssertAlive, AssertCut, Exchange, ProbeCut, Reopen};
pub use error::{CutReason, FlowError};
pub use open::Open;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Socket;
use tokio::sync::Mutex;

use crate::Host;
use crate::transport::{self, Sctp, Tcp, Transport, Udp};
use client::Client;
use error::local;
use open::Options;
use server::ServerEnd;

/// A conversation between two hosts: a connection of TCP or SCTP, or datagrams of UDP between two ports. Both ends are the library's own; they end with
/// it.
///
/// It is open when there is one: a question has been answered. From then on it is the same two sockets, until [`Flow::reopen`]. A
/// question has a fresh nonce each time; what comes late, or is the answer to another, is no answer.
///
/// ```no_run
/// # async fn example(a: netns_test::Host, b: netns_test::Host) -> netns_test::TestResult {
/// let mut flow = a.open_tcp(&b).await?;
/// b.nft("table inet filter { chain input { type filter hook input priority filter; tcp dport 1-65535 drop; } }")?;
/// flow.assert_cut().await;
/// b.nft("flush ruleset")?;
/// flow.assert_alive().await;
/// # Ok(())
/// # }
/// ```
pub struct Flow {
    options: Options,
    /// None if it was closed to be reopened, and that failed.
    ends: Option<Ends>,
}

/// Both ends of a flow that is open.
#[derive(Clone)]
struct Ends {
    name: String,
    local: SocketAddr,
    remote: SocketAddr,
    peer: SocketAddr,
    /// The client's socket, if it is TCP's, for whoever does not want to wait until it has asked.
    connection: Option<Arc<Socket>>,
    client: Arc<Mutex<Client>>,
    server: Arc<ServerEnd>,
}

/// # Conversations
impl Host {
    /// A TCP connection from this host to another, with both ends the library's own.
    pub fn open_tcp(&self, to: &Host) -> Open<Tcp> {
        Open::new(self, to, Transport::Tcp)
    }

    /// UDP datagrams between this host and another, with both ends the library's own.
    pub fn open_udp(&self, to: &Host) -> Open<Udp> {
        Open::new(self, to, Transport::Udp)
    }

    /// An SCTP association from this host with another, of one address at each end, with both ends the library's own.
    ///
    /// A kernel without SCTP is [`FlowError::Unsupported`]; a test that says `requires(sctp)` does not get that far.
    pub fn open_sctp(&self, to: &Host) -> Open<Sctp> {
        Open::new(self, to, Transport::Sctp)
    }
}

impl Flow {
    /// Where the client is, as its own host sees it.
    ///
    /// # Panics
    /// As everything that is told of a flow: if it was closed to be reopened, and that failed.
    pub fn local_addr(&self) -> SocketAddr {
        self.ends().local
    }

    /// Where the server is, as its own host sees it.
    pub fn server_addr(&self) -> SocketAddr {
        self.ends().remote
    }

    /// Where the client is, as the server saw it when the flow was opened: another address than [`Flow::local_addr`] if somebody on the way
    /// translates it.
    pub fn peer_as_seen_by_server(&self) -> SocketAddr {
        self.ends().peer
    }

    /// The largest segment that the client sends now, in bytes without headers and without TCP's options; none if it is not TCP.
    pub fn mss(&self) -> Option<u32> {
        self.ends().connection.as_ref().and_then(|connection| connection.tcp_mss().ok())
    }

    #[track_caller]
    fn ends(&self) -> &Ends {
        self.ends.as_ref().expect("the flow is open: it was not closed to be reopened in vain")
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.ends.as_ref().map_or("closed", |ends| &ends.name);
        f.debug_tuple("Flow").field(&format_args!("{name}")).finish()
    }
}

/// A socket, unbound.
fn open_socket(transport: Transport, like: SocketAddr) -> Result<Socket, FlowError> {
    transport::open(transport, like).map_err(|error| match error {
        Ok(remedy) => FlowError::Unsupported { remedy },
        Err(error) => local(format!("open a {transport} socket"))(error),
    })
}
