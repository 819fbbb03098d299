//! Ports that the kernel gives to nobody by itself.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::PoisonError;

use socket2::{Domain, Socket};

use super::{PortError, list};
use crate::Host;
use crate::transport::{self, Transport};

/// A port of a host that nobody has, and that the kernel gives to nobody who does not ask for this one. It stays reserved until the lab
/// ends, also when this is dropped: nobody could know whether a program still uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedPort {
    host: Host,
    protocol: Transport,
    number: u16,
}

impl ReservedPort {
    /// Its number.
    pub fn port(&self) -> u16 {
        self.number
    }

    /// The protocol that it was free for. No other gets it from the kernel, either.
    pub fn protocol(&self) -> Transport {
        self.protocol
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// [`Host::addr`] with this port.
    ///
    /// # Panics
    /// If the host has no address.
    #[track_caller]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.host.addr(), self.number)
    }
}

/// The number.
impl fmt::Display for ReservedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// # Ports
impl Host {
    /// A port for a program that must bind by itself: free on all addresses of the host, IPv4 and IPv6, and from now on given to nobody by
    /// the kernel (`ip_local_reserved_ports`, `Documentation/networking/ip-sysctl.rst`). Whoever asks for this number gets it.
    ///
    /// ```no_run
    /// # fn example(server: netns_test::Host) -> netns_test::TestResult {
    /// let port = server.reserve_port(netns_test::Tcp)?;
    /// let program = server.command("my-server").arg(format!("--port={port}"));
    /// let _server = program.ready_when_listening(port.port()).spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A socket that the test makes itself is simpler bound to port 0, as [`Host::tcp_listener`] does; it can also be
    /// [passed on](crate::Command::listen_fd).
    ///
    /// # Errors
    /// [`PortError::Exhausted`] if no port is left of those that the kernel may choose, [`PortError::Unsupported`] if it does not have the
    /// protocol.
    #[track_caller]
    pub fn reserve_port(&self, protocol: impl Into<Transport>) -> Result<ReservedPort, PortError> {
        let protocol = protocol.into();
        self.run(|| self.reserve_port_here(protocol))
    }

    /// What is reserved, in order: single ports are ranges of one.
    #[track_caller]
    pub fn reserved_ports(&self) -> Result<Vec<RangeInclusive<u16>>, PortError> {
        self.run(list::reserved).map_err(|error| self.ports_failed("read the reserved ports", error))
    }

    /// The ports that the kernel chooses from, where no other is asked for (`ip_local_port_range`): those that are reserved are left
    /// out.
    #[track_caller]
    pub fn local_port_range(&self) -> Result<RangeInclusive<u16>, PortError> {
        self.run(list::range).map_err(|error| self.ports_failed("read the local port range", error))
    }

    /// Sets the ports that the kernel chooses from. Sockets that have others keep them. Of an odd number of ports, the kernel overlooks one
    /// at times when it chooses for TCP (`inet_csk_find_open_port`).
    ///
    /// # Errors
    /// [`PortError::Range`] if it is empty, or begins below the first port that needs no privilege (`ip_unprivileged_port_start`, 1024).
    #[track_caller]
    pub fn set_local_port_range(&self, range: RangeInclusive<u16>) -> Result<(), PortError> {
        let failed = |error| self.ports_failed("set the local port range", error);
        let least = self.run(list::first_unprivileged).map_err(failed)?.max(1);
        let why = if range.is_empty() {
            Some("it is empty".to_owned())
        } else if *range.start() < least {
            Some(format!("ports below {least} are never given away (`ip_unprivileged_port_start`)"))
        } else {
            None
        };
        if let Some(why) = why {
            return Err(PortError::Range { host: self.name().to_owned(), range, why });
        }
        self.run(|| list::set_range(&range)).map_err(failed)
    }

    fn reserve_port_here(&self, protocol: Transport) -> Result<ReservedPort, PortError> {
        let failed = |error| self.ports_failed("reserve a port", error);
        loop {
            let socket = match bound_socket(protocol, 0) {
                Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => return Err(self.exhausted(protocol)?),
                Err(error) => {
                    let unsupported = |remedy| PortError::Unsupported { protocol, remedy };
                    return Err(transport::remedy_for(protocol, &error).map_or_else(|| failed(error), unsupported));
                }
                Ok(socket) => socket,
            };
            let address = socket.local_addr().map_err(failed)?.as_socket();
            let number = address.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?.port();
            {
                let mut reserved = self.machine().ports.lock().unwrap_or_else(PoisonError::into_inner);
                // It may have been chosen for another protocol as well, before it was reserved for either.
                if !reserved.insert(number) {
                    continue;
                }
                list::reserve(number).map_err(failed)?;
            }
            drop(socket);
            // The kernel may have been about to choose it, having looked at the list before.
            match bound_socket(protocol, number) {
                Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => {}
                other => return other.map(|_| ReservedPort { host: self.clone(), protocol, number }).map_err(failed),
            }
        }
    }

    fn exhausted(&self, protocol: Transport) -> Result<PortError, PortError> {
        let failed = |error| self.ports_failed("reserve a port", error);
        let range = list::range().map_err(failed)?;
        let reserved =
            list::reserved().map_err(failed)?.into_iter().flatten().filter(|port| range.contains(port)).count();
        Ok(PortError::Exhausted { host: self.name().to_owned(), protocol, range, reserved })
    }

    fn ports_failed(&self, what: &'static str, source: io::Error) -> PortError {
        PortError::Failed { host: self.name().to_owned(), what, source }
    }
}

/// A socket of the host that this thread is in, bound to this port on all addresses of both families; to one that the kernel chooses, if
/// it is 0. Without `SO_REUSEADDR`: nobody else has it meanwhile.
fn bound_socket(protocol: Transport, port: u16) -> io::Result<Socket> {
    let socket = match transport::create(protocol, Domain::IPV6) {
        // A kernel without IPv6.
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            let socket = transport::create(protocol, Domain::IPV4)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
            return Ok(socket);
        }
        other => other?,
    };
    socket.set_only_v6(false)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    Ok(socket)
}
