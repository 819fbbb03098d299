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
pub(super) struct ServerEnd {
    pub(super) address: SocketAddr,
    /// Its task ends when this is dropped.
    questions: mpsc::UnboundedSender<oneshot::Sender<Report>>,
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
    pub(super) fn answered(&self, nonces: impl Fn(u64) -> bool) -> Option<u32> {
        self.heard.iter().find(|(nonce, _)| nonces(*nonce)).map(|(_, before)| self.sent.wrapping_sub(*before))
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
        let (questions, asked) = mpsc::unbounded_channel();
        let (tell, told) = oneshot::channel();
        runtime.spawn(async move {
            match bind(transport, at) {
                Ok((socket, address)) => {
                    // Whoever waits for it may have given up.
                    let _ = tell.send(Ok(address));
                    serve(Server::new(transport, socket, flow), asked).await;
                }
                Err(error) => _ = tell.send(Err(error)),
            }
        });
        let name = host.name();
        let late = || local(format!("bind a socket in host `{name}`"))(busy(name));
        let address = before(deadline, told).await?.ok_or_else(late)?.unwrap_or_else(|_| Err(late()))?;
        Ok(Self { address, questions })
    }

    /// What it tells of itself, or what is wrong with it.
    pub(super) async fn report(&self, host: &Host, flow: &str, deadline: Instant) -> Result<Report, FlowError> {
        let trouble = |why: String| FlowError::ServerEnd { flow: flow.to_owned(), why };
        let (tell, told) = oneshot::channel();
        let gone = || trouble("its task has ended".to_owned());
        self.questions.send(tell).map_err(|_| gone())?;
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
        socket.bind(&at.into())?;
        if transport != Transport::Udp {
            socket.listen(16)?;
        }
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok((sys::watch(socket)?, address))
    };
    bind().map_err(local(format!("serve {transport} at {at}")))
}

struct Server {
    transport: Transport,
    flow: u64,
    /// A listener until the flow is open, or the socket that all datagrams come to.
    socket: Option<Bound>,
    streams: Vec<Stream>,
    report: Report,
}

/// A connection. The first that asks a question of the flow is the flow's.
struct Stream {
    socket: Bound,
    peer: SocketAddr,
    received: Vec<u8>,
    unsent: Vec<u8>,
    is_ours: bool,
}

/// What has become of a connection.
enum End {
    ByNetwork(String),
    Own(String),
}

async fn serve(mut server: Server, mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Report>>) {
    loop {
        let question = poll_fn(|context| match asked.poll_recv(context) {
            Poll::Ready(question) => Poll::Ready(Some(question)),
            Poll::Pending => server.poll_stirs(context).map(|()| None),
        });
        let question = question.await;
        server.work();
        match question {
            // Whoever asked may have given up.
            Some(Some(tell)) => _ = tell.send(server.report.clone()),
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
        let sockets = self.socket.iter().chain(self.streams.iter().map(|stream| &stream.socket));
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
        let mut streams = std::mem::take(&mut self.streams);
        streams.retain_mut(|stream| {
            let end = self.answer_stream(stream);
            if stream.is_ours {
                // The flow is open: nobody else is waited for.
                self.socket = None;
                if self.transport == Transport::Tcp {
                    let sent = sys::tcp_data_segments_sent(stream.socket.get_ref().as_fd());
                    self.report.sent = sent.unwrap_or(self.report.sent);
                }
                match &end {
                    Some(End::ByNetwork(why)) => self.report.ended = Some(why.clone()),
                    Some(End::Own(why)) => self.report.trouble = Some(why.clone()),
                    None => {}
                }
            }
            end.is_none()
        });
        self.streams = streams;
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
            let socket = sys::watch(socket)?;
            self.streams.push(Stream { socket, peer, received: Vec::new(), unsent: Vec::new(), is_ours: false });
        }
        Ok(())
    }

    fn answer_datagrams(&mut self) -> io::Result<()> {
        let mut buffer = [0; 2 * frame::LENGTH];
        while let Some(socket) = &self.socket {
            let Some((length, from)) = transport::receive_from(socket.get_ref(), &mut buffer)? else { break };
            let Some(answer) = answer_to(&buffer[..length], self.flow) else { continue };
            note(&mut self.report, answer.nonce, from);
            match transport::send_to(socket.get_ref(), &answer.to_bytes(), from) {
                // It is the network that does not let it answer.
                Err(error) if !is_no_way(&error) && !is_prohibition(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn answer_stream(&mut self, stream: &mut Stream) -> Option<End> {
        let mut buffer = [0; 4096];
        loop {
            match transport::read(stream.socket.get_ref(), &mut buffer) {
                Ok(None) => break,
                Ok(Some(0)) => return Some(End::Own("somebody has closed the connection".to_owned())),
                Ok(Some(length)) => stream.received.extend(&buffer[..length]),
                Err(error) => return Some(ended(&error)),
            }
        }
        let Some(frames) = frame::take_whole(&mut stream.received) else {
            return Some(End::Own("what arrives is not what was sent".to_owned()));
        };
        for question in frames.into_iter().filter(|frame| frame.kind == Kind::Question && frame.flow == self.flow) {
            stream.is_ours = true;
            if self.transport == Transport::Tcp {
                let sent = sys::tcp_data_segments_sent(stream.socket.get_ref().as_fd());
                self.report.sent = sent.unwrap_or(self.report.sent);
            }
            note(&mut self.report, question.nonce, stream.peer);
            stream.unsent.extend(Frame { kind: Kind::Answer, ..question }.to_bytes());
        }
        flush(stream.socket.get_ref(), &mut stream.unsent, self.transport).err().map(|error| ended(&error))
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

fn answer_to(datagram: &[u8], flow: u64) -> Option<Frame> {
    let question = Frame::from_bytes(datagram)?;
    let ours = question.kind == Kind::Question && question.flow == flow;
    ours.then_some(Frame { kind: Kind::Answer, ..question })
}

fn note(report: &mut Report, nonce: u64, from: SocketAddr) {
    report.peer = Some(from);
    if report.heard.len() == MEMORY {
        report.heard.remove(0);
    }
    report.heard.push((nonce, report.sent));
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
