//! Waiting for descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// Waits until one of the descriptors can be read, has ended or has failed; answers with whether one has, or the time is over. Without
/// a time it waits for ever.
pub(crate) fn until_readable(fds: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<bool> {
    let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
    loop {
        let left = until.map(|until| TimeSpec::from(until.saturating_duration_since(Instant::now())));
        match ppoll(&mut fds, left, None) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether it can be read, has ended or has failed now.
pub(super) fn is_readable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    until_readable(&[fd], Some(Instant::now()))
}
