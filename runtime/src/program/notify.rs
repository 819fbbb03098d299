//! The socket on which a program says that it is ready: `sd_notify(3)`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixDatagram;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};

/// The variable that tells a program of the socket.
pub(super) const VARIABLE: &str = "NOTIFY_SOCKET";

/// A socket with a name that the kernel has chosen, in the network namespace of the thread that made it: nobody else has that name,
/// and no file is left behind.
pub(super) struct Notify {
    socket: UnixDatagram,
    name: OsString,
    /// What the program has said of itself last (`STATUS=`).
    status: Option<String>,
}

impl Notify {
    pub(super) fn new() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        // Autobind (unix(7)).
        bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
        let socket = UnixDatagram::from(socket);
        let address = socket.local_addr()?;
        let name = address.as_abstract_name().ok_or_else(|| io::Error::other("the kernel has chosen no name"))?;
        let name = OsString::from_vec([b"@", name].concat());
        Ok(Self { socket, name, status: None })
    }

    /// The value of [`VARIABLE`].
    pub(super) fn name(&self) -> &OsStr {
        OsStr::from_bytes(self.name.as_bytes())
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// Reads what has been said; answers with whether it says that the program is ready.
    pub(super) fn says_ready(&mut self) -> io::Result<bool> {
        let mut ready = false;
        let mut buffer = [0; 4096];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    for line in buffer[..length].split(|byte| *byte == b'\n') {
                        ready |= line == b"READY=1";
                        if let Some(status) = line.strip_prefix(b"STATUS=") {
                            self.status = Some(String::from_utf8_lossy(status).into_owned());
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(ready),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
