//! Protocols that a program opens sockets of.

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::error::Obstacle;
use super::failed;

/// An SCTP socket. (Of a protocol that it does not know, the kernel says one of these: `inet_create`.)
pub(super) fn sctp() -> Result<(), Obstacle> {
    let unknown = [Errno::EPROTONOSUPPORT, Errno::ESOCKTNOSUPPORT];
    let sctp = Protocol::from(libc::IPPROTO_SCTP);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(sctp));
    socket.map(drop).map_err(|error| failed("open an SCTP socket")(error).lacking_if(&unknown))
}

/// An IPv6 socket. (Where it was not built or is switched off, the kernel does not know the family: `__sock_create`.)
pub(super) fn ipv6() -> Result<(), Obstacle> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, None);
    socket.map(drop).map_err(|error| failed("open an IPv6 socket")(error).lacking_if(&[Errno::EAFNOSUPPORT]))
}
