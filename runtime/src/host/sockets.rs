//! Sockets made inside a host. A socket stays in the namespace in which it was made, whoever uses it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use super::Host;

impl Host {
    /// A listener on [`Host::addr`] and a port that the kernel chooses: see its `local_addr`.
    #[track_caller]
    pub fn tcp_listener(&self) -> io::Result<TcpListener> {
        let address = self.any_port()?;
        self.run(|| TcpListener::bind(address))
    }

    /// A connection from this host. The kernel chooses the source.
    ///
    /// It blocks the thread until the connection is there or refused: in an `async` test, use [`Host::tokio_tcp_connect`].
    #[track_caller]
    pub fn tcp_connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.run(|| TcpStream::connect(to))
    }

    /// A socket bound to [`Host::addr`] and a port that the kernel chooses: see its `local_addr`.
    #[track_caller]
    pub fn udp_socket(&self) -> io::Result<UdpSocket> {
        let address = self.any_port()?;
        self.run(|| UdpSocket::bind(address))
    }

    /// [`Host::tcp_listener`] for the tokio runtime that it is called in: that runtime, not the host's, has to run for it to accept.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn tokio_tcp_listener(&self) -> io::Result<tokio::net::TcpListener> {
        let listener = self.tcp_listener()?;
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    }

    /// [`Host::tcp_connect`] for the tokio runtime that it is called in, without blocking it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn tokio_tcp_connect(&self, to: SocketAddr) -> io::Result<tokio::net::TcpStream> {
        let socket =
            self.run(|| if to.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() })?;
        socket.connect(to).await
    }

    /// [`Host::udp_socket`] for the tokio runtime that it is called in.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn tokio_udp_socket(&self) -> io::Result<tokio::net::UdpSocket> {
        let socket = self.udp_socket()?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    }

    /// [`Host::addr`] and the port that leaves the choice to the kernel.
    fn any_port(&self) -> io::Result<SocketAddr> {
        let address = self.try_addr().ok_or_else(|| {
            let message = format!("host `{}` has no address{}", self.name(), self.why_no_address());
            io::Error::new(io::ErrorKind::AddrNotAvailable, message)
        })?;
        Ok(SocketAddr::new(address, 0))
    }
}
