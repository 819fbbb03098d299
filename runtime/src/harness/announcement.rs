//! The parent's part in a pause: it tells how to enter the lab, and lets the test go on when Enter is pressed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use nix::fcntl::OFlag;
use nix::sys::termios::{FlushArg, tcflush};
use nix::unistd::{getpgrp, tcgetpgrp};

use super::pause::GO_ON_FILE;
use super::protocol::{GO_ON, Pause};
use crate::isolation::Mode;

const TERMINAL: &str = "/dev/tty";

/// The tests of this process that are paused: who has read that Enter was pressed tells them all.
static PAUSED: Mutex<(u64, BTreeMap<u64, UnixStream>)> = Mutex::new((0, BTreeMap::new()));

/// Where a test's namespaces are entered: by pid 1, which was born in all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    pub(super) pid: i32,
    pub(super) mode: Mode,
}

impl Entrance {
    /// The program that enters the files of the test's world, and its arguments.
    fn nsenter(self) -> String {
        let user = if self.mode == Mode::User { " --user --preserve-credentials" } else { "" };
        format!("nsenter --target {}{user} --mount", self.pid)
    }
}

/// A pause that has been told.
#[derive(Debug)]
pub(super) struct Announced {
    number: u64,
    /// Where Enter is pressed, if somebody can press it there for this process.
    terminal: Option<File>,
}

impl Announced {
    /// Tells of a pause on the real standard error, past libtest's capture: who is to look has to see it.
    pub(super) fn new(test: &str, entrance: Entrance, pause: &Pause, control: &UnixStream) -> Self {
        let terminal = terminal();
        // Enter lets all go on that have been told of. While this one is being told of, nobody is let go on, or it would be forgotten.
        let mut paused = PAUSED.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(terminal), true) = (&terminal, paused.1.is_empty()) {
            // What was typed before anybody had heard of a pause says nothing about it.
            let _ = tcflush(terminal, FlushArg::TCIFLUSH);
        }
        let told = announcement(test, entrance, pause, terminal.is_some());
        // In one piece, as others may be telling of theirs. Where it cannot be written nobody is to be told.
        let _ = std::io::stderr().write_all(told.as_bytes());
        // nextest shows what a test has said when that has ended.
        if std::env::var_os("NEXTEST").is_some() && !std::io::stderr().is_terminal() {
            let _ = File::options().write(true).open(TERMINAL).and_then(|mut tty| tty.write_all(told.as_bytes()));
        }
        paused.0 += 1;
        let number = paused.0;
        // Without it only the file lets the test go on.
        paused.1.extend(control.try_clone().ok().map(|control| (number, control)));
        Self { number, terminal }
    }

    /// What to poll for.
    pub(super) fn terminal(&self) -> Option<BorrowedFd<'_>> {
        self.terminal.as_ref().map(AsFd::as_fd)
    }

    /// Lets all tests of this process that are paused go on, if Enter was pressed.
    pub(super) fn read_terminal(&mut self) {
        let Some(terminal) = &mut self.terminal else { return };
        // A process in the background would be stopped when it reads.
        let pressed = if is_in_foreground(terminal) { terminal.read(&mut [0; 1024]) } else { Ok(0) };
        match pressed {
            Ok(0) => self.terminal = None,
            Ok(_) => let_all_go_on(),
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {}
            Err(_) => self.terminal = None,
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        PAUSED.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.number);
    }
}

fn let_all_go_on() {
    for mut control in PAUSED.lock().unwrap_or_else(PoisonError::into_inner).1.values() {
        // One that has ended has nothing to be told.
        let _ = control.write_all(&[GO_ON]);
    }
}

/// The terminal, if Enter is for this process. (nextest has its tests in the background.)
fn terminal() -> Option<File> {
    let mut how = File::options();
    let terminal = how.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(TERMINAL).ok()?;
    is_in_foreground(&terminal).then_some(terminal)
}

fn is_in_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal) == Ok(getpgrp())
}

fn announcement(test: &str, entrance: Entrance, pause: &Pause, enter: bool) -> String {
    let (Pause { why, inside }, nsenter) = (pause, entrance.nsenter());
    let root = if entrance.mode == Mode::User { "" } else { ", as root" };
    let enter = if enter { "press Enter here, for all that are paused, or " } else { "" };
    format!(
        "\nnetns-test: PAUSED {test}: it {why}\n\
         to enter it, type in another terminal{root}:\n  {nsenter} --net --ipc --uts --pid\n\
         {inside}\
         to let it go on, {enter}type in another terminal{root}:\n  {nsenter} touch {GO_ON_FILE}\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_with_whole_commands() {
        let inside = "its hosts: a, b; in there, for example:\n  ip netns exec a ip route\n".to_owned();
        let pause = Pause { why: "has failed:\n  a panic".to_owned(), inside };
        let told = |mode, enter| announcement("net::two", Entrance { pid: 42, mode }, &pause, enter);
        assert_eq!(
            told(Mode::User, true),
            "\nnetns-test: PAUSED net::two: it has failed:\n  a panic\n\
             to enter it, type in another terminal:\n  \
             nsenter --target 42 --user --preserve-credentials --mount --net --ipc --uts --pid\n\
             its hosts: a, b; in there, for example:\n  ip netns exec a ip route\n\
             to let it go on, press Enter here, for all that are paused, or type in another terminal:\n  \
             nsenter --target 42 --user --preserve-credentials --mount touch /run/netns-test/go-on\n\n"
        );
        let as_root = told(Mode::Root, false);
        for line in [
            "to enter it, type in another terminal, as root:\n  nsenter --target 42 --mount --net --ipc --uts --pid\n",
            "to let it go on, type in another terminal, as root:\n  nsenter --target 42 --mount touch /run/netns-test/go-on\n",
        ] {
            assert!(as_root.contains(line), "no `{line}` in {as_root}");
        }
    }
}
