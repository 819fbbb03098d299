//! Whether a program listens on a port of the host that this thread is in, or who does instead.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::process::Process;
use super::table::{Family, others};
use super::wait::is_readable;
use crate::kernel::{Listener, listeners};
use crate::transport::Transport;
use crate::wait::WaitFor;

/// Whether any of a family does.
pub(super) fn listens(family: &Family, protocol: Transport, port: u16) -> io::Result<bool> {
    let sockets = sockets(protocol, port)?;
    Ok(!sockets.is_empty() && owner(&family.members(), &sockets).is_some())
}

/// Whoever else does.
pub(super) fn who_listens_instead(protocol: Transport, port: u16) -> Option<String> {
    let sockets = sockets(protocol, port).ok().filter(|sockets| !sockets.is_empty())?;
    let who = owner(&others(), &sockets);
    let who = who.map_or_else(|| "the test itself".to_owned(), |id| format!("process {id}, which is none of its own,"));
    Some(format!("{who} listens on {protocol} port {port}"))
}

/// Those that listen on a port, on whatever address.
fn sockets(protocol: Transport, port: u16) -> io::Result<Vec<Listener>> {
    let mut sockets = listeners(protocol)?;
    sockets.retain(|socket| socket.local.port() == port);
    Ok(sockets)
}

/// Who of these processes has one of the sockets open.
fn owner(processes: &[u32], sockets: &[Listener]) -> Option<u32> {
    let links: Vec<String> = sockets.iter().map(|socket| format!("socket:[{}]", socket.inode)).collect();
    processes.iter().copied().find(|id| {
        // One that has ended meanwhile has none.
        let fds = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut targets = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
        targets.any(|target| target.to_str().is_some_and(|target| links.iter().any(|link| link == target)))
    })
}

impl Process {
    /// Waits until the program, or what descends from it, listens on a TCP port of its host: that another process does is not enough. For
    /// one that is ready when it listens for the first time there is [`ready_when_listening`](crate::Command::ready_when_listening).
    ///
    /// ```no_run
    /// # async fn example(server: netns_test::Host) -> netns_test::TestResult {
    /// let daemon = server.command("my-daemon").ready_when_listening(80).spawn()?;
    /// daemon.signal(1)?; // it reads its configuration again, which has another port
    /// daemon.wait_for_listener(8080).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_listener(&self, port: u16) -> WaitFor {
        self.wait_for_listener_on(Transport::Tcp, port)
    }

    /// The same for any protocol. For UDP the socket has to be bound to the port, and not connected.
    pub fn wait_for_listener_on(&self, protocol: impl Into<Transport>, port: u16) -> WaitFor {
        let protocol = protocol.into();
        let what = format!("{} to listen on {protocol} port {port}", self.what);
        let (family, pidfd) = (self.family, self.pidfd.try_clone());
        WaitFor::repeatedly(&self.host, what, move || {
            let pidfd = pidfd.as_ref().map_err(|error| io::Error::from(error.kind()))?;
            let has_ended = is_readable(pidfd.as_fd())?;
            if listens_by_now(family, pidfd, protocol, port)? {
                return Ok(None);
            }
            let instead = who_listens_instead(protocol, port).unwrap_or_else(|| "nobody who does".to_owned());
            Ok(Some(if has_ended { format!("{instead}; the program has ended") } else { instead }))
        })
    }
}

fn listens_by_now(mut family: Family, pidfd: &OwnedFd, protocol: Transport, port: u16) -> io::Result<bool> {
    let has_ended = is_readable(pidfd.as_fd())?;
    if has_ended {
        family.lose_head();
    }
    // Its number was its own all the time if it has not ended even now. If it has, what it left is found the next time.
    Ok(listens(&family, protocol, port)? && (has_ended || !is_readable(pidfd.as_fd())?))
}
