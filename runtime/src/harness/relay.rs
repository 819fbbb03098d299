//! The child's output, passed on through `print!` and `eprint!`, which libtest captures per test.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::catch_unwind;

/// One stream of the child's output.
pub(super) struct Relay<R> {
    from: R,
    print: fn(&str),
    /// The beginning of a line whose other bytes have not arrived.
    unfinished: Vec<u8>,
    open: bool,
}

impl<R: Read + AsFd> Relay<R> {
    /// Relays from a nonblocking pipe.
    pub(super) fn new(from: R, print: fn(&str)) -> Self {
        Self { from, print, unfinished: Vec::new(), open: true }
    }

    /// What to poll for, while there may be more.
    pub(super) fn as_open_fd(&self) -> Option<BorrowedFd<'_>> {
        self.open.then(|| self.from.as_fd())
    }

    /// Passes on what is there now: whole lines, since libtest puts both streams into one text and a line of one of them must not
    /// be torn by the other. Bytes that are no UTF-8 become replacement characters, as a terminal shows them.
    ///
    /// All that a pipe holds, but not all that somebody writes who never stops: the caller has a clock to look at.
    pub(super) fn pass_on(&mut self) {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..READS {
            match self.from.read(&mut buffer) {
                Ok(0) => self.open = false,
                Ok(n) => {
                    self.unfinished.extend_from_slice(&buffer[..n]);
                    let whole = ready(&self.unfinished);
                    self.show(whole);
                    self.unfinished.drain(..whole);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // Nothing there now, or never again; the end of pid 1 tells which.
                Err(_) => return,
            }
            if !self.open {
                return;
            }
        }
    }

    fn show(&self, length: usize) {
        let text = String::from_utf8_lossy(&self.unfinished[..length]);
        // Where it cannot be written, the test goes on: that is no verdict on it.
        let print = self.print;
        let _ = catch_unwind(|| print(&text));
    }

    /// Passes on what is there and the rest of a line that nobody finished.
    ///
    /// Nobody writes any more: what is left is what a pipe holds.
    pub(super) fn finish(mut self) {
        self.pass_on();
        if !self.unfinished.is_empty() {
            self.show(self.unfinished.len());
        }
    }
}

/// Reads at a time: together 1 MiB, which is the most that a pipe holds unless the machine says otherwise (pipe(7)).
const READS: usize = 64;

/// The longest piece of a line that is held back, in bytes.
const LINE: usize = 8 * 1024;

/// How many bytes can be shown now: whole lines, or whole characters of a line that is very long.
fn ready(bytes: &[u8]) -> usize {
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => end + 1,
        None if bytes.len() > LINE => whole_characters(bytes),
        None => 0,
    }
}

/// How many bytes can be shown without cutting a character in two.
fn whole_characters(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        // An incomplete sequence at the very end is at most three bytes of a character that may go on.
        Some(last) if !last.invalid().is_empty() && may_go_on(last.invalid()) => bytes.len() - last.invalid().len(),
        _ => bytes.len(),
    }
}

fn may_go_on(invalid: &[u8]) -> bool {
    std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::{LINE, ready, whole_characters};

    #[test]
    fn lines_are_not_cut_in_two() {
        assert_eq!(ready(b"a"), 0);
        assert_eq!(ready(b"a\nb\nc"), 4);
        assert_eq!(ready(&[b'a'; LINE + 1]), LINE + 1);
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        assert_eq!(whole_characters("aö".as_bytes()), 3);
        assert_eq!(whole_characters(&"aö".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(&"a🦀".as_bytes()[..4]), 1);
        // What can never become a character is passed on.
        assert_eq!(whole_characters(b"a\xff"), 2);
        assert_eq!(whole_characters(b"\xffa"), 2);
        assert_eq!(whole_characters(b""), 0);
    }
}
