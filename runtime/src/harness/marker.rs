//! How a child knows that it is one: by its arguments.
//!
//! An environment variable would be inherited by every program that the test starts, and removing it is unsafe in a process
//! with threads. libtest takes any number of names to run; one more that is no test's name does no harm.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;

use crate::sys;

const PREFIX: &str = "netns-test-child";

/// The argument that makes a child of the process started with it.
pub(super) fn argument(test: &str, control: BorrowedFd<'_>, stdout: BorrowedFd<'_>) -> String {
    format!("{PREFIX}:{}:{}:{test}", control.as_raw_fd(), stdout.as_raw_fd())
}

/// What a child was given by its parent.
pub(super) struct Inheritance {
    /// The child's end of the control socket.
    pub(super) control: OwnedFd,
    /// Where the test's standard output goes.
    pub(super) stdout: OwnedFd,
}

/// If this process was started to run `test`, and has not begun to, what it was given.
pub(super) fn take(test: &str) -> Option<Inheritance> {
    static MARKER: Lazy<Mutex<Option<(RawFd, RawFd, String)>>> =
        Lazy::new(|| Mutex::new(std::env::args_os().find_map(|argument| parse(argument.to_str()?))));
    let mut marker = MARKER.lock().unwrap_or_else(PoisonError::into_inner);
    let (control, stdout, _) = marker.take_if(|(_, _, marked)| marked == test)?;
    let inheritance =
        Inheritance { control: sys::take_inherited_fd(control).ok()?, stdout: sys::take_inherited_fd(stdout).ok()? };
    Some(inheritance)
}

fn parse(argument: &str) -> Option<(RawFd, RawFd, String)> {
    let rest = argument.strip_prefix(PREFIX)?.strip_prefix(':')?;
    let (control, rest) = rest.split_once(':')?;
    let (stdout, test) = rest.split_once(':')?;
    Some((control.parse().ok()?, stdout.parse().ok()?, test.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn an_argument_is_understood_again() {
        let (a, b) = (std::io::stdin(), std::io::stdout());
        let argument = argument("krate::module::name", a.as_fd(), b.as_fd());
        assert_eq!(parse(&argument), Some((0, 1, "krate::module::name".to_owned())));
        for other in ["--exact", "netns-test-child", "netns-test-child:", "netns-test-child:1:x:t", "my::test"] {
            assert_eq!(parse(other), None);
        }
    }
}
