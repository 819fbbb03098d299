//! Waiting for a listener.

use std::net::SocketAddr;
use std::time::Duration;

use super::{WaitFor, listed};
use crate::Host;
use crate::kernel::listeners;
use crate::lab::NetlinkError;

/// From one look to the next: the kernel tells nobody that a socket has begun to listen.
const INTERVAL: Duration = Duration::from_millis(20);

impl Host {
    /// Waits until somebody in the host listens on a TCP port, on whichever of its addresses. The sockets are asked for every 20 ms
    /// (`sock_diag(7)`); nothing is connected to them.
    pub fn wait_for_listener(&self, port: u16) -> WaitFor {
        let wait = WaitFor::new(self, &format!("a listener on TCP port {port}"), &[], move |_| {
            let sockets = listeners().map_err(|source| NetlinkError { what: "list the sockets", source })?;
            let ends: Vec<SocketAddr> = sockets.iter().map(|socket| socket.local).collect();
            if ends.iter().any(|end| end.port() == port) {
                return Ok(None);
            }
            let ends: Vec<String> = ends.iter().map(ToString::to_string).collect();
            Ok(Some(listed("listeners", &ends)))
        });
        WaitFor { interval: Some(INTERVAL), ..wait }
    }
}
