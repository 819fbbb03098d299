//! Sockets made inside a host. A socket stays in the namespace in which it was made, whoever uses it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use super::Host;

impl Host {
    /// A listener on [`Host::addr`] and a port that the kernel chooses: see its `local_addr`.
    pub fn tcp_listener(&self) -> io::Result<TcpListener> {
        let address = SocketAddr::new(self.addr(), 0);
        self.run(|| TcpListener::bind(address))
    }

    /// A connection from this host. The kernel chooses the source.
    pub fn tcp_connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.run(|| TcpStream::connect(to))
    }

    /// A socket bound to [`Host::addr`] and a port that the kernel chooses: see its `local_addr`.
    pub fn udp_socket(&self) -> io::Result<UdpSocket> {
        let address = SocketAddr::new(self.addr(), 0);
        self.run(|| UdpSocket::bind(address))
    }

    /// [`Host::tcp_listener`] for the tokio runtime that it is called in.
    ///
    /// # Panics
    /// Outside a tokio runtime.
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
    pub fn tokio_udp_socket(&self) -> io::Result<tokio::net::UdpSocket> {
        let socket = self.udp_socket()?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    }
}
