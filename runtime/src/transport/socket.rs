//! Sockets in tokio's hands. A socket is in the host on whose thread it is made.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::task::{Context, Poll};
use std::time::Duration;

use netns_test_topology::Feature;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Transport;
use crate::sys;

/// A socket that is watched.
pub(crate) type Bound = AsyncFd<Socket>;

/// `TCP_THIN_LINEAR_TIMEOUTS` and `TCP_RTO_MAX_MS` of linux/tcp.h.
const TCP_THIN_LINEAR_TIMEOUTS: i32 = 16;
const TCP_RTO_MAX_MS: i32 = 44;

/// `SCTP_RTOINFO` and `SCTP_ASSOCINFO` of RFC 6458 sections 8.1.1 and 8.1.2.
const SCTP_RTOINFO: i32 = 0;
const SCTP_ASSOCINFO: i32 = 1;

/// The longest time between two retransmissions, in milliseconds, where the kernel can be asked for one.
const LONGEST_RTO_MS: i32 = 2000;

/// A TCP connection outlives a network that is cut for this long, in milliseconds: an hour.
const USER_TIMEOUT_MS: i32 = 3_600_000;

/// A socket of this family, as the kernel makes it.
pub(crate) fn create(transport: Transport, domain: Domain) -> io::Result<Socket> {
    let (kind, protocol) = match transport {
        Transport::Tcp => (Type::STREAM, Protocol::TCP),
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
        Transport::Sctp => (Type::STREAM, Protocol::from(libc::IPPROTO_SCTP)),
    };
    Socket::new(domain, kind, Some(protocol))
}

/// What to do about it, if this error of making a socket says that the kernel does not have the protocol.
///
/// Of a protocol that it does not know, the kernel says EPROTONOSUPPORT or ESOCKTNOSUPPORT (`inet_create`); TCP and UDP it always has.
pub(crate) fn remedy_for(transport: Transport, error: &io::Error) -> Option<&'static str> {
    let unknown = matches!(error.raw_os_error(), Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT));
    (unknown && transport == Transport::Sctp).then(|| Feature::Sctp.remedy())
}

/// A socket, unbound, that does not block; the error is the remedy if the kernel does not have the protocol.
pub(crate) fn open(transport: Transport, like: SocketAddr) -> Result<Socket, Result<&'static str, io::Error>> {
    let socket =
        create(transport, Domain::for_address(like)).map_err(|error| remedy_for(transport, &error).ok_or(error))?;
    socket.set_nonblocking(true).map_err(Err)?;
    Ok(socket)
}

/// Has a conversation retransmit often, outlive a cut network, and leave nothing behind when it is closed.
///
/// Without this the pause before the next retransmission doubles each time, and a network that was cut for long is not noticed to be whole
/// again until that is over.
pub(crate) fn make_patient(socket: &Socket, transport: Transport) -> io::Result<()> {
    let fd = socket.as_fd();
    match transport {
        Transport::Tcp => {
            socket.set_tcp_nodelay(true)?;
            socket.set_linger(Some(Duration::ZERO))?;
            sys::setsockopt_int(fd, libc::IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1)?;
            sys::setsockopt_int(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, USER_TIMEOUT_MS)?;
            // Since Linux 6.15.
            match sys::setsockopt_int(fd, libc::IPPROTO_TCP, TCP_RTO_MAX_MS, LONGEST_RTO_MS) {
                Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(()),
                other => other,
            }
        }
        Transport::Sctp => {
            socket.set_linger(Some(Duration::ZERO))?;
            retransmit_soon(socket)?;
            // `struct sctp_assocparams`: all associations; so many retransmissions, and nothing else changed.
            let patience = [&0u32.to_ne_bytes()[..], &u16::MAX.to_ne_bytes(), &[0; 14]].concat();
            sys::setsockopt_bytes(fd, libc::IPPROTO_SCTP, SCTP_ASSOCINFO, &patience)
        }
        Transport::Udp => Ok(()),
    }
}

/// Has an SCTP socket retransmit after 200 to 400 ms, rather than after 3 s at first.
pub(crate) fn retransmit_soon(socket: &Socket) -> io::Result<()> {
    // `struct sctp_rtoinfo`: all associations; initial, longest and shortest time in milliseconds.
    let rto = [0u32, 200, 400, 200].map(u32::to_ne_bytes).concat();
    sys::setsockopt_bytes(socket.as_fd(), libc::IPPROTO_SCTP, SCTP_RTOINFO, &rto)
}

/// Where the kernel would send from, to get there, if the choice is its own. Nothing is sent. An error says that it knows no way, or is not to
/// take it.
pub(crate) fn route_to(remote: SocketAddr, source: Option<IpAddr>) -> io::Result<SocketAddr> {
    let any: IpAddr = if remote.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((source.unwrap_or(any), 0))?;
    socket.connect(remote)?;
    socket.local_addr()
}

/// Starts to connect, from an address if one is written. It is over when the socket can be written to: see [`connected`]. To be watched from then
/// on, not before: epoll says of a socket that is not connecting that it has hung up.
pub(crate) fn start_connecting(
    socket: &Socket,
    transport: Transport,
    to: SocketAddr,
    source: Option<IpAddr>,
) -> io::Result<()> {
    if transport == Transport::Sctp {
        // It connects where there is no way as well, and says nothing (`sctp_transport_route` in the kernel): that would be silence.
        route_to(to, source)?;
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        other => other,
    }
}

/// Whether it is connected by now, or why it will not be.
pub(crate) fn connected(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How often a TCP socket has asked for its connection. The kernel repeats that by itself: a second after the first time, and then, since Linux
/// 6.5, every second (`tcp_syn_linear_timeouts`).
pub(crate) fn connection_requests(socket: &Socket) -> io::Result<u32> {
    Ok(1 + sys::tcp_retransmissions(socket.as_fd())?)
}

/// Waits until there may be something to read, or an error. May be early, never late: to be followed by reading all there is.
pub(crate) async fn readable(socket: &Bound) -> io::Result<()> {
    socket.ready(Interest::READABLE | Interest::ERROR).await?.clear_ready();
    Ok(())
}

/// Whether it may have been connected since it was asked last, or have failed to. Wakes the task when it may be.
pub(crate) fn poll_connected(socket: &Bound, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    socket.poll_write_ready(context).map(|ready| ready.map(|mut ready| ready.clear_ready()))
}

/// Whether there may be something to read. Wakes the task when there may be.
pub(crate) fn poll_readable(socket: &Bound, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    socket.poll_read_ready(context).map(|ready| ready.map(|mut ready| ready.clear_ready()))
}

/// What a stream, or a connected socket, has received: nothing if there is nothing yet, no bytes at its end.
pub(crate) fn read(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match (&*socket).read(buffer) {
            Ok(length) => return Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a socket has received, and from whom: nothing if there is nothing yet.
pub(crate) fn receive_from(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    loop {
        match recvfrom::<SockaddrStorage>(socket.as_raw_fd(), buffer) {
            Ok((length, from)) => {
                if let Some(from) = from.as_ref().and_then(address_of) {
                    return Ok(Some((length, from)));
                }
            }
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends without waiting, and without the signal that a closed stream is answered with. Answers with how much the kernel took: nothing if it
/// has no room.
pub(crate) fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match nix::sys::socket::send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
            Ok(length) => return Ok(length),
            Err(Errno::EAGAIN) => return Ok(0),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends a datagram to somebody, without waiting.
pub(crate) fn send_to(socket: &Socket, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
    match socket.send_to(bytes, &to.into()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        other => other.map(drop),
    }
}

/// Whether the host's own kernel says that a rule or a route forbids it.
pub(crate) fn is_prohibition(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

/// Whether the host's own kernel says that it knows no way.
pub(crate) fn is_no_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EHOSTDOWN))
}

fn address_of(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_errors_say_that_there_is_no_sctp() {
        let remedy = |transport, code| remedy_for(transport, &io::Error::from_raw_os_error(code));
        for code in [libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT] {
            assert_eq!(remedy(Transport::Sctp, code), Some(Feature::Sctp.remedy()));
            assert_eq!(remedy(Transport::Tcp, code), None);
        }
        for code in [libc::EPERM, libc::EMFILE, libc::EAFNOSUPPORT] {
            assert_eq!(remedy(Transport::Sctp, code), None);
        }
    }
}
