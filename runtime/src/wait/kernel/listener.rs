//! Waiting for a listener.

use std::io;
use std::time::Duration;

use super::{Look, Missing, TIMEOUT, WaitFor, listed};
use crate::Host;
use crate::kernel::listeners;
use crate::lab::NetlinkError;
use crate::transport::Transport;

/// From one look to the next: the kernel tells nobody that a socket has begun to listen.
const INTERVAL: Duration = Duration::from_millis(20);

impl Host {
    /// Waits until somebody in the host listens on a TCP port, on whichever of its addresses. The kernel's table (`/proc/net/tcp`) is read
    /// every 20 ms; nothing is connected to. Whether it is a certain program that listens, [`Process::wait_for_listener`] tells.
    ///
    /// [`Process::wait_for_listener`]: crate::Process::wait_for_listener
    pub fn wait_for_listener(&self, port: u16) -> WaitFor {
        self.wait_for_listener_on(Transport::Tcp, port)
    }

    /// The same for any protocol. For UDP a socket has to be bound to the port, and not connected.
    pub fn wait_for_listener_on(&self, protocol: impl Into<Transport>, port: u16) -> WaitFor {
        let protocol = protocol.into();
        let what = format!("a listener on {protocol} port {port} on host `{}`", self.name());
        WaitFor::repeatedly(self, what, move || {
            let listeners = listeners(protocol)?;
            if listeners.iter().any(|listener| listener.local.port() == port) {
                return Ok(None);
            }
            let ends: Vec<String> = listeners.iter().map(|listener| listener.local.to_string()).collect();
            Ok(Some(listed("listeners", &ends)))
        })
    }
}

impl WaitFor {
    /// For something that the kernel has no event for. The look is on a thread that is in the host.
    pub(crate) fn repeatedly(
        host: &Host,
        what: String,
        look: impl Fn() -> io::Result<Missing> + Send + 'static,
    ) -> Self {
        let failed = |source| NetlinkError { what: "read who listens", source };
        let look: Look = Box::new(move |_| look().map_err(failed));
        Self { host: host.clone(), what, groups: &[], look: Ok(look), timeout: TIMEOUT, interval: Some(INTERVAL) }
    }
}
