//! What a program writes, line by line.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use super::wait::{is_readable, until_readable};

/// How many of the last lines are kept for an error.
const LAST: usize = 20;

/// A line that is longer comes in pieces, in bytes.
const LONGEST: usize = 64 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Line(Vec<u8>),
    /// Nothing more.
    End,
    /// Nothing in time.
    Late,
}

/// One of the two streams that a program writes to.
pub(super) struct Stream {
    file: File,
    open: bool,
    /// The beginning of a line whose end has not been written.
    unfinished: Vec<u8>,
    /// Lines that nobody has taken yet, without their ends.
    lines: VecDeque<Vec<u8>>,
}

impl Stream {
    pub(super) fn new(from: impl Into<OwnedFd>) -> Self {
        Self { file: File::from(from.into()), open: true, unfinished: Vec::new(), lines: VecDeque::new() }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The pipe; what has been read from it already is lost.
    pub(super) fn into_fd(self) -> OwnedFd {
        self.file.into()
    }

    /// The oldest line that has not been taken, as soon as there is one.
    pub(super) fn next(&mut self, until: Instant) -> io::Result<Next> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Next::Line(line));
            }
            if !self.open {
                return Ok(Next::End);
            }
            if !until_readable(&[self.as_fd()], Some(until))? {
                return Ok(Next::Late);
            }
            self.read()?;
        }
    }

    /// The oldest line that has not been taken.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.lines.pop_front()
    }

    /// Those lines that have not been taken.
    pub(super) fn lines(&self) -> &VecDeque<Vec<u8>> {
        &self.lines
    }

    /// What there is of a line that the program has begun and not ended, for an error.
    pub(super) fn describe_begun(&self) -> String {
        match &self.unfinished[..] {
            [] => String::new(),
            begun => format!("; it has begun one: `{}`", String::from_utf8_lossy(begun).escape_debug()),
        }
    }

    /// Reads once: what is there, or what comes next. After the end of the stream, the rest is a line, too.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read = loop {
            match self.file.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        // What cannot be read is at its end.
        self.open = matches!(read, Ok(1..));
        let length = read?;
        self.unfinished.extend_from_slice(&buffer[..length]);
        while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = self.unfinished.drain(..=end).collect();
            line.pop();
            self.lines.push_back(line);
        }
        if self.unfinished.len() > LONGEST || (!self.open && !self.unfinished.is_empty()) {
            self.finish();
        }
        Ok(())
    }

    /// Makes a line of what there is of one.
    pub(super) fn finish(&mut self) {
        if !self.unfinished.is_empty() {
            self.lines.push_back(std::mem::take(&mut self.unfinished));
        }
    }

    /// Reads what is there now, up to what a pipe holds unless the machine says otherwise (pipe(7)); not what somebody writes who never
    /// stops.
    pub(super) fn read_what_is_there(&mut self) -> io::Result<()> {
        const READS: usize = 64;
        for _ in 0..READS {
            if !self.open || !is_readable(self.as_fd())? {
                break;
            }
            self.read()?;
        }
        Ok(())
    }
}

/// The last lines of a program, for an error.
#[derive(Default)]
pub(super) struct Last(VecDeque<String>);

impl Last {
    pub(super) fn add(&mut self, line: &[u8]) {
        if self.0.len() == LAST {
            self.0.pop_front();
        }
        self.0.push_back(String::from_utf8_lossy(line).into_owned());
    }

    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for (nth, line) in self.0.iter().enumerate() {
            let begin = if nth == 0 { "; it said last:" } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(text, "{begin}\n  {line}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_newlines_end_and_the_rest_at_the_end() {
        let (from, to) = io::pipe().unwrap();
        let mut stream = Stream::new(OwnedFd::from(from));
        let mut to = File::from(OwnedFd::from(to));
        io::Write::write_all(&mut to, b"one\n\ntw").unwrap();
        stream.read_what_is_there().unwrap();
        assert_eq!(stream.lines(), &[b"one".to_vec(), b"".to_vec()]);
        assert_eq!((&stream.unfinished[..], stream.is_open()), (&b"tw"[..], true));
        io::Write::write_all(&mut to, b"o\xff").unwrap();
        drop(to);
        stream.read_what_is_there().unwrap();
        assert!(!stream.is_open());
        assert_eq!(stream.lines().back().unwrap(), b"two\xff");
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut last = Last::default();
        assert_eq!(last.describe(), "");
        (0..=LAST).for_each(|nth| last.add(nth.to_string().as_bytes()));
        assert!(last.describe().starts_with("; it said last:\n  1\n"), "{}", last.describe());
    }
}
