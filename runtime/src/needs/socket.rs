//! Protocols that a program opens sockets of.

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

use super::error::Obstacle;
use super::failed;
use crate::transport::{self, Transport};

/// An SCTP socket.
pub(super) fn sctp() -> Result<(), Obstacle> {
    transport::create(Transport::Sctp, Domain::IPV4).map(drop).map_err(|error| {
        let lacking = transport::remedy_for(Transport::Sctp, &error).is_some();
        let attempt = failed("open an SCTP socket")(error);
        if lacking { Obstacle::Lacking(attempt) } else { Obstacle::Other(attempt) }
    })
}

/// An IPv6 socket. (Where it was not built or is switched off, the kernel does not know the family: `__sock_create`.)
pub(super) fn ipv6() -> Result<(), Obstacle> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, None);
    socket.map(drop).map_err(|error| failed("open an IPv6 socket")(error).lacking_if(&[Errno::EAFNOSUPPORT]))
}
