//! The server's end: it answers questions on the runtime of its host, and tells of itself beside the network.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::Instant;

use socket2::Socket;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::error::{FlowError, local};
use super::frame::{self, Frame, Kind};
use crate::probe::until;
use crate::transport::{self, Bound, Transport, is_no_way, is_prohibition};
use crate::{Host, sys};

/// Questions that are remembered: those of one exchange, and more.
const MEMORY: usize = 256;

/// A server's end, held by the flow. It ends with this.
///
/// A client may try several connections at once. Each is answered, and has a report of its own, until one of them is taken for the flow.
pub(super) struct ServerEnd {
    pub(super) address: SocketAddr,
    /// Its task ends when this is dropped.
    orders: mpsc::UnboundedSender<Order>,
}

/// What a server's end is asked beside the network.
enum Order {
    /// To tell of the connection that has been taken, or else of the one in which one of these questions was asked.
    Report { nonces: Vec<u64>, tell: oneshot::Sender<Report> },
    /// To take the connection in which this question was asked for the flow, to close all others, and to tell of it.
    Take { nonce: u64, tell: oneshot::Sender<Report> },
}

/// What a server's end tells of itself, after it has read all that has arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// Where the last question came from.
    pub(super) peer: Option<SocketAddr>,
    /// The last questions, each with the data segments that had been sent before it was answered.
    heard: Vec<(u64, u32)>,
    /// Data segments that it has sent: TCP only.
    sent: u32,
    /// Why there is no connection any more, if the network has ended it.
    pub(super) ended: Option<String>,
    /// Why it does not work, whatever the network does.
    trouble: Option<String>,
}

impl Report {
    /// How many segments were sent to answer a question, if it has arrived: the first of these that has.
    pub(super) fn answered(&self, nonces: &[u64]) -> Option<u32> {
        self.heard.iter().find(|(nonce, _)| nonces.contains(nonce)).map(|(_, before)| self.sent.wrapping_sub(*before))
    }

    fn note(&mut self, nonce: u64, from: SocketAddr) {
        self.peer = Some(from);
        if self.heard.len() == MEMORY {
            self.heard.remove(0);
        }
        self.heard.push((nonce, self.sent));
    }
}

impl ServerEnd {
    /// Binds a socket in the server's host, and answers questions of the flow from then on.
    pub(super) async fn start(
        (host, runtime): (&Host, &Handle),
        transport: Transport,
        at: SocketAddr,
        flow: u64,
        deadline: Instant,
    ) -> Result<Self, FlowError> {
        let (orders, ordered) = mpsc::unbounded_channel();
        let (tell, told) = oneshot::channel();
        runtime.spawn(async move {
            match bind(transport, at) {
                Ok((socket, address)) => {
                    // Whoever waits for it may have given up.
                    let _ = tell.send(Ok(address));
                    serve(Server::new(transport, socket, flow), ordered).await;
                }
                Err(error) => _ = tell.send(Err(error)),
            }
        });
        let name = host.name();
        let late = || local(format!("bind a socket in host `{name}`"))(busy(name));
        let address = before(deadline, told).await?.ok_or_else(late)?.unwrap_or_else(|_| Err(late()))?;
        Ok(Self { address, orders })
    }

    /// What it tells of the connection in which these questions were asked, or what is wrong with it.
    pub(super) async fn report(
        &self,
        host: &Host,
        flow: &str,
        nonces: Vec<u64>,
        deadline: Instant,
    ) -> Result<Report, FlowError> {
        self.order(host, flow, deadline, |tell| Order::Report { nonces, tell }).await
    }

    /// Has the connection in which a question was asked be the flow's, and answers with what is told of it.
    pub(super) async fn take(
        &self,
        host: &Host,
        flow: &str,
        nonce: u64,
        deadline: Instant,
    ) -> Result<Report, FlowError> {
        self.order(host, flow, deadline, |tell| Order::Take { nonce, tell }).await
    }

    async fn order(
        &self,
        host: &Host,
        flow: &str,
        deadline: Instant,
        order: impl FnOnce(oneshot::Sender<Report>) -> Order,
    ) -> Result<Report, FlowError> {
        let trouble = |why: String| FlowError::ServerEnd { flow: flow.to_owned(), why };
        let (tell, told) = oneshot::channel();
        let gone = || trouble("its task has ended".to_owned());
        self.orders.send(order(tell)).map_err(|_| gone())?;
        let late = || trouble(busy(host.name()).to_string());
        let report = before(deadline, told).await?.ok_or_else(late)?.map_err(|_| gone())?;
        match report.trouble {
            Some(why) => Err(trouble(why)),
            None => Ok(report),
        }
    }
}

fn busy(host: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the runtime of host `{host}` is busy with something else"))
}

/// What a future says before a deadline of the real clock.
async fn before<T>(deadline: Instant, future: impl Future<Output = T>) -> Result<Option<T>, FlowError> {
    tokio::select! {
        biased;
        value = future => Ok(Some(value)),
        woken = until(deadline) => woken.map_err(local("wait for the server's end")).map(|()| None),
    }
}

fn bind(transport: Transport, at: SocketAddr) -> Result<(Bound, SocketAddr), FlowError> {
    let socket = super::open_socket(transport, at)?;
    let bind = || {
        socket.set_reuse_address(transport != Transport::Udp)?;
        // An IPv6 address goes with its interface; that it cannot be reached then is what is asked.
        if at.is_ipv4() { socket.set_freebind_v4(true) } else { socket.set_freebind_v6(true) }?;
        socket.bind(&at.into())?;
        if transport != Transport::Udp {
            socket.listen(16)?;
        }
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok((sys::watch(socket)?, address))
    };
    bind().map_err(|error: io::Error| {
        let name = transport.name().to_lowercase();
        let hint = format!("{error}: a program or another flow has it; whether it can be reached `assert_{name}` asks");
        let is_taken = error.kind() == io::ErrorKind::AddrInUse;
        local(format!("serve {transport} at {at}"))(if is_taken { io::Error::new(error.kind(), hint) } else { error })
    })
}

struct Server {
    transport: Transport,
    flow: u64,
    /// A listener until a connection has been taken for the flow, or the socket that all datagrams come to.
    socket: Option<Bound>,
    streams: Vec<Stream>,
    /// Of all datagrams, and of the socket itself.
    report: Report,
}

/// A connection. It stays here when it has ended.
struct Stream {
    socket: Option<Bound>,
    peer: SocketAddr,
    received: Vec<u8>,
    unsent: Vec<u8>,
    report: Report,
}

/// What has become of a connection.
enum End {
    ByNetwork(String),
    Own(String),
}

async fn serve(mut server: Server, mut ordered: mpsc::UnboundedReceiver<Order>) {
    loop {
        let order = poll_fn(|context| match ordered.poll_recv(context) {
            Poll::Ready(order) => Poll::Ready(Some(order)),
            Poll::Pending => server.poll_stirs(context).map(|()| None),
        });
        let order = order.await;
        server.work();
        match order {
            // Whoever asked may have given up.
            Some(Some(Order::Report { nonces, tell })) => _ = tell.send(server.report_of(&nonces)),
            Some(Some(Order::Take { nonce, tell })) => {
                server.take(nonce);
                let _ = tell.send(server.report_of(&[nonce]));
            }
            Some(None) => return,
            None => {}
        }
    }
}

impl Server {
    fn new(transport: Transport, socket: Bound, flow: u64) -> Self {
        Self { transport, flow, socket: Some(socket), streams: Vec::new(), report: Report::default() }
    }

    /// Whether there may be something to do. An error to watch a socket is found again by whoever uses it.
    fn poll_stirs(&self, context: &mut Context<'_>) -> Poll<()> {
        let sockets = self.socket.iter().chain(self.streams.iter().filter_map(|stream| stream.socket.as_ref()));
        let mut stirs = Poll::Pending;
        for socket in sockets {
            if transport::poll_readable(socket, context).is_ready() {
                stirs = Poll::Ready(());
            }
        }
        stirs
    }

    /// Takes in and answers all that has arrived.
    fn work(&mut self) {
        let worked = if self.transport == Transport::Udp { self.answer_datagrams() } else { self.accept() };
        if let Err(error) = worked {
            self.report.trouble = Some(error.to_string());
        }
        for stream in &mut self.streams {
            let end = stream.answer(self.flow, self.transport);
            stream.count_segments(self.transport);
            match end {
                Some(End::ByNetwork(why)) => stream.report.ended = Some(why),
                Some(End::Own(why)) => stream.report.trouble = Some(why),
                None => continue,
            }
            stream.socket = None;
        }
    }

    fn report_of(&self, nonces: &[u64]) -> Report {
        let has_been_taken = self.socket.is_none();
        let meant = self.streams.iter().find(|stream| has_been_taken || stream.report.answered(nonces).is_some());
        match meant {
            Some(stream) if self.report.trouble.is_none() => stream.report.clone(),
            _ => self.report.clone(),
        }
    }

    fn take(&mut self, nonce: u64) {
        if self.transport != Transport::Udp {
            self.streams.retain(|stream| stream.report.answered(&[nonce]).is_some());
            self.socket = None;
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some(listener) = &self.socket {
            let (socket, peer) = match listener.get_ref().accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Somebody has given up before.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ECONNABORTED)) => continue,
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            transport::make_patient(&socket, self.transport)?;
            let peer = peer.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
            let (received, unsent, report) = (Vec::new(), Vec::new(), Report::default());
            self.streams.push(Stream { socket: Some(sys::watch(socket)?), peer, received, unsent, report });
        }
        Ok(())
    }

    fn answer_datagrams(&mut self) -> io::Result<()> {
        let mut buffer = [0; 2 * frame::LENGTH];
        while let Some(socket) = &self.socket {
            let Some((length, from)) = transport::receive_from(socket.get_ref(), &mut buffer)? else { break };
            let Some(answer) = answer_to(&buffer[..length], self.flow) else { continue };
            self.report.note(answer.nonce, from);
            match transport::send_to(socket.get_ref(), &answer.to_bytes(), from) {
                // It is the network that does not let it answer, or a machine without room for neighbours: the client asks about that.
                Err(error) if !is_no_way(&error) && !is_prohibition(&error) && !has_no_room(&error) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Stream {
    /// Takes in and answers all that has arrived, and tells if that was the last.
    fn answer(&mut self, flow: u64, transport: Transport) -> Option<End> {
        let mut buffer = [0; 4096];
        while let Some(socket) = &self.socket {
            match transport::read(socket.get_ref(), &mut buffer) {
                Ok(None) => break,
                Ok(Some(0)) => return Some(End::Own("somebody has closed the connection".to_owned())),
                Ok(Some(length)) => self.received.extend(&buffer[..length]),
                Err(error) => return Some(ended(&error)),
            }
        }
        let Some(frames) = frame::take_whole(&mut self.received) else {
            return Some(End::Own("what arrives is not what was sent".to_owned()));
        };
        for question in frames.into_iter().filter(|frame| frame.kind == Kind::Question && frame.flow == flow) {
            self.count_segments(transport);
            self.report.note(question.nonce, self.peer);
            self.unsent.extend(Frame { kind: Kind::Answer, ..question }.to_bytes());
        }
        let socket = self.socket.as_ref()?;
        flush(socket.get_ref(), &mut self.unsent, transport).err().map(|error| ended(&error))
    }

    fn count_segments(&mut self, transport: Transport) {
        if let (Transport::Tcp, Some(socket)) = (transport, &self.socket) {
            let sent = sys::tcp_data_segments_sent(socket.get_ref().as_fd());
            self.report.sent = sent.unwrap_or(self.report.sent);
        }
    }
}

/// Gives the kernel what it takes. A message of SCTP is one frame.
pub(super) fn flush(socket: &Socket, unsent: &mut Vec<u8>, transport: Transport) -> io::Result<()> {
    while !unsent.is_empty() {
        let next = if transport == Transport::Sctp { &unsent[..frame::LENGTH] } else { &unsent[..] };
        let taken = transport::send(socket, next)?;
        if taken == 0 {
            break;
        }
        unsent.drain(..taken);
    }
    Ok(())
}

/// What a kernel says that has no room for the neighbour that a datagram is to (`ip6_finish_output2`).
fn has_no_room(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOBUFS))
}

fn answer_to(datagram: &[u8], flow: u64) -> Option<Frame> {
    let question = Frame::from_bytes(datagram)?;
    let ours = question.kind == Kind::Question && question.flow == flow;
    ours.then_some(Frame { kind: Kind::Answer, ..question })
}

/// What has ended a connection. Only what this host does to its own socket (`ss --kill`) is not the network's doing.
fn ended(error: &io::Error) -> End {
    let network = matches!(
        error.raw_os_error(),
        Some(libc::ECONNRESET | libc::ECONNREFUSED | libc::ETIMEDOUT | libc::EPIPE | libc::EPROTO | libc::ENOPROTOOPT)
    );
    let network = network || is_no_way(error) || is_prohibition(error);
    if network { End::ByNetwork(error.to_string()) } else { End::Own(error.to_string()) }
}
