//! The sockets of a host (`sock_diag(7)`).

use std::net::SocketAddr;

use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use rtnetlink::packet_core::Nla;
use rtnetlink::sys::protocols::NETLINK_SOCK_DIAG;

use super::Protocol;
use super::dump::{Attempt, dump};
use super::error::{QueryError, Subject, ask};
use crate::Host;

/// Of a family or protocol that it does not know, the kernel says ENOENT (`sock_diag_lock_handler`, `inet_diag_lock_handler`); without any of
/// it, there is no such netlink family.
const SUBJECT: Subject = Subject {
    of: "sockets",
    remedy: "`sudo modprobe -a tcp_diag udp_diag`, or choose a kernel with CONFIG_INET_DIAG and CONFIG_INET_UDP_DIAG",
    lacking: &[libc::ENOENT, libc::EPROTONOSUPPORT],
};

/// The same of SCTP, which is a module of its own; the kernel does not load it before there is an SCTP socket (`sock_load_diag_module`).
const SCTP: Subject = Subject {
    of: "SCTP sockets",
    remedy: "`sudo modprobe -a sctp sctp_diag`, or choose a kernel with CONFIG_IP_SCTP and CONFIG_INET_DIAG",
    lacking: SUBJECT.lacking,
};

/// `INET_DIAG_PEERS` (`linux/inet_diag.h`): only what is said of an association has it.
const PEERS: u16 = 13;

/// A question about the TCP, UDP and SCTP sockets of a host, whoever has opened them: [`Sockets::list`] asks it.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until `list()` is called"]
pub struct Sockets {
    host: Host,
    protocol: Option<Protocol>,
    state: Option<SocketState>,
    port: Option<u16>,
}

/// A socket, as the kernel tells of it; of SCTP an endpoint that has no peer, or an association, of which a socket may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketInfo {
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Its own address; an IPv4 address also where it is an IPv6 socket's (RFC 4291 section 2.5.5.2). Of an SCTP association, which may have
    /// several, the first; `::` if that is one of IPv4, and the peer's is not.
    pub local: SocketAddr,
    /// Whom it is connected to, if it is.
    pub remote: Option<SocketAddr>,
    /// Its state.
    pub state: SocketState,
    /// The inode by which `/proc/PID/fd` shows it to whoever has it open; 0 if nobody has.
    pub inode: u32,
    /// The user whose it is, as this test's user namespace numbers them.
    pub uid: u32,
}

/// The state of a socket (RFC 9293 section 3.3.2), or of an SCTP association (RFC 9260 section 4). UDP has two of them: `Established` if it is
/// connected, `Closed` if it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are the RFCs'")]
pub enum SocketState {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    CookieWait,
    CookieEchoed,
    ShutdownPending,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
    /// One that this crate has no name for, by its number in the kernel's `net/tcp_states.h`.
    Other(u8),
}

impl From<u8> for SocketState {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            // The second is that of a connection request that has no socket yet.
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            other => Self::Other(other),
        }
    }
}

impl SocketState {
    /// The state of an SCTP association, by its number in the kernel's `linux/sctp.h` (`enum sctp_state`).
    fn of_association(number: u8) -> Self {
        match number {
            0 => Self::Closed,
            1 => Self::CookieWait,
            2 => Self::CookieEchoed,
            3 => Self::Established,
            4 => Self::ShutdownPending,
            5 => Self::ShutdownSent,
            6 => Self::ShutdownReceived,
            7 => Self::ShutdownAckSent,
            other => Self::Other(other),
        }
    }
}

impl Host {
    /// The TCP, UDP and SCTP sockets of this host, IPv4 and IPv6, whoever has opened them. Where the kernel does not tell of those of SCTP, which
    /// not every kernel has, they are left out, unless they are asked for.
    ///
    /// ```no_run
    /// # fn example(host: netns_test::Host) -> Result<(), netns_test::QueryError> {
    /// for socket in host.sockets().tcp().listening().list()? {
    ///     println!("{} belongs to user {}", socket.local, socket.uid);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn sockets(&self) -> Sockets {
        Sockets { host: self.clone(), protocol: None, state: None, port: None }
    }
}

impl Sockets {
    /// Those of TCP.
    pub fn tcp(mut self) -> Self {
        self.protocol = Some(Protocol::Tcp);
        self
    }

    /// Those of UDP.
    pub fn udp(mut self) -> Self {
        self.protocol = Some(Protocol::Udp);
        self
    }

    /// Those of SCTP.
    pub fn sctp(mut self) -> Self {
        self.protocol = Some(Protocol::Sctp);
        self
    }

    /// Those in a state.
    pub fn state(mut self, state: SocketState) -> Self {
        self.state = Some(state);
        self
    }

    /// Those that listen.
    pub fn listening(self) -> Self {
        self.state(SocketState::Listen)
    }

    /// Those with this local port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Asks: all sockets that are as was said, IPv4 first.
    pub fn list(self) -> Result<Vec<SocketInfo>, QueryError> {
        let Self { host, protocol, state, port } = self;
        let subject = if protocol == Some(Protocol::Sctp) { &SCTP } else { &SUBJECT };
        let question = || protocol.map_or_else(read_all, read);
        let mut sockets = ask(&host, "list the sockets", subject, question)?;
        sockets.retain(|socket| {
            state.is_none_or(|state| socket.state == state) && port.is_none_or(|port| socket.local.port() == port)
        });
        Ok(sockets)
    }
}

/// All sockets of the namespace that this thread is in; none where the kernel does not tell.
pub(crate) fn all() -> Attempt<Vec<SocketInfo>> {
    match read_all() {
        Err(error) if SUBJECT.is_lacking(&error) => Ok(Vec::new()),
        other => other,
    }
}

/// All sockets that the kernel tells of, of the namespace that this thread is in.
fn read_all() -> Attempt<Vec<SocketInfo>> {
    let mut sockets = read(Protocol::Tcp)?;
    sockets.extend(read(Protocol::Udp)?);
    match read(Protocol::Sctp) {
        Err(error) if SCTP.is_lacking(&error) => {}
        other => sockets.extend(other?),
    }
    Ok(sockets)
}

/// The sockets of a protocol, of the namespace that this thread is in.
fn read(protocol: Protocol) -> Attempt<Vec<SocketInfo>> {
    let mut sockets = Vec::new();
    for (family, socket_id) in [(libc::AF_INET, SocketId::new_v4()), (libc::AF_INET6, SocketId::new_v6())] {
        let request = InetRequest {
            family: u8::try_from(family).expect("families are small"),
            protocol: protocol.number(),
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id,
        };
        let answers = dump(NETLINK_SOCK_DIAG, &SockDiagMessage::InetRequest(request))?;
        sockets.extend(answers.iter().filter_map(|answer| match answer {
            SockDiagMessage::InetResponse(response) => info(protocol, response),
            _ => None,
        }));
    }
    Ok(sockets)
}

/// Nothing of the socket that an SCTP association is of, if it does nothing else: the association is told of by itself.
fn info(protocol: Protocol, response: &InetResponse) -> Option<SocketInfo> {
    let header = &response.header;
    let is_association = protocol == Protocol::Sctp && response.nlas.iter().any(|nla| nla.kind() == PEERS);
    let state = if is_association { SocketState::of_association(header.state) } else { header.state.into() };
    if protocol == Protocol::Sctp && !is_association && !matches!(state, SocketState::Listen | SocketState::Closed) {
        return None;
    }
    let SocketId { source_address, source_port, destination_address, destination_port, .. } = header.socket_id;
    let remote = SocketAddr::new(destination_address.to_canonical(), destination_port);
    Some(SocketInfo {
        protocol,
        local: SocketAddr::new(source_address.to_canonical(), source_port),
        remote: (remote.port() != 0).then_some(remote),
        state,
        inode: header.inode,
        uid: header.uid,
    })
}
