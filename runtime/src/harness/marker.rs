//! How a child knows that it is one: by its arguments.
//!
//! An environment variable would be inherited by every program that the test starts, and removing it is unsafe in a process
//! with threads. libtest takes any number of names to run; one more that is no test's name does no harm.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;

use crate::sys;

const PREFIX: &str = "netns-test-child";

/// The argument that makes a child of the process started with it: one that runs the body of this call of this test.
pub(super) fn argument(call: Call, control: BorrowedFd<'_>, stdout: BorrowedFd<'_>) -> String {
    format!("{PREFIX}:{}:{}:{}:{}", control.as_raw_fd(), stdout.as_raw_fd(), call.number, call.test)
}

/// One call of a test function. A test of the user's may call it several times, and the child begins anew with all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    test: &'static str,
    /// Calls of the same function on the same thread before this one.
    number: u32,
}

impl Call {
    /// Counts a call of the test on this thread.
    pub(super) fn count(test: &'static str) -> Self {
        thread_local! {
            static CALLS: RefCell<HashMap<&'static str, u32>> = RefCell::default();
        }
        CALLS.with_borrow_mut(|calls| {
            let next = calls.entry(test).or_default();
            *next += 1;
            Self { test, number: *next - 1 }
        })
    }
}

/// What this process is to a call.
pub(super) enum Role {
    /// It was started to run the body of this call.
    Child(Inheritance),
    /// It was started to run the body of a later one: this one has passed, or there would be no later one.
    Passing,
    /// It starts another process.
    Parent,
}

/// What a child was given by its parent.
pub(super) struct Inheritance {
    /// The child's end of the control socket.
    pub(super) control: OwnedFd,
    /// Where the test's standard output goes.
    pub(super) stdout: OwnedFd,
}

/// What this process is to a call.
pub(super) fn role(call: Call) -> Role {
    static MARKER: Lazy<Mutex<Option<Marker>>> =
        Lazy::new(|| Mutex::new(std::env::args_os().find_map(|argument| Marker::parse(argument.to_str()?))));
    let mut marker = MARKER.lock().unwrap_or_else(PoisonError::into_inner);
    match &*marker {
        Some(ours) if ours.test == call.test && ours.call > call.number => Role::Passing,
        Some(ours) if ours.test == call.test && ours.call == call.number => {
            let inheritance = ours.inherit();
            *marker = None;
            inheritance.map_or(Role::Parent, Role::Child)
        }
        _ => Role::Parent,
    }
}

/// What the argument says.
#[derive(Debug, PartialEq, Eq)]
struct Marker {
    control: RawFd,
    stdout: RawFd,
    call: u32,
    test: String,
}

impl Marker {
    fn parse(argument: &str) -> Option<Self> {
        let mut parts = argument.strip_prefix(PREFIX)?.strip_prefix(':')?.splitn(4, ':');
        let mut next = || parts.next();
        Some(Self {
            control: next()?.parse().ok()?,
            stdout: next()?.parse().ok()?,
            call: next()?.parse().ok()?,
            test: next()?.to_owned(),
        })
    }

    fn inherit(&self) -> Option<Inheritance> {
        let control = sys::take_inherited_fd(self.control).ok()?;
        Some(Inheritance { control, stdout: sys::take_inherited_fd(self.stdout).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn an_argument_is_understood_again() {
        let (a, b) = (std::io::stdin(), std::io::stdout());
        let call = Call { test: "krate::module::name", number: 2 };
        let marker = Marker::parse(&argument(call, a.as_fd(), b.as_fd()));
        assert_eq!(marker, Some(Marker { control: 0, stdout: 1, call: 2, test: "krate::module::name".to_owned() }));
        for other in ["--exact", "netns-test-child", "netns-test-child:", "netns-test-child:1:x:t", "my::test"] {
            assert_eq!(Marker::parse(other), None);
        }
    }

    #[test]
    fn calls_are_counted_by_test_and_thread() {
        let numbers = || ["a", "b", "a"].map(|test| Call::count(test).number);
        assert_eq!(numbers(), [0, 0, 1]);
        assert_eq!(std::thread::spawn(numbers).join().unwrap(), [0, 0, 1]);
    }
}
