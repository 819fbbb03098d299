//! What parent and child say to each other over the control socket.
//!
//! Child to parent: frames of one byte kind, four bytes length (little endian), then so many bytes of text.
//! Parent to child: single bytes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The parent asks for a description of what the test is doing.
pub(super) const DUMP: u8 = b'D';

/// The parent lets a test that is paused go on.
pub(super) const GO_ON: u8 = b'G';

/// One thing that the child says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The test function was reached.
    Start,
    /// The answer to [`DUMP`] has been written to standard error.
    Dumped,
    /// The test waits for somebody who looks at it.
    Paused(Pause),
    /// It waits no longer.
    GoesOn,
    /// How the test ended.
    Verdict(Ending),
}

/// What there is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// Why and where the test is paused: a phrase that goes on after its name.
    pub(super) why: String,
    /// What is in its lab, and what can be typed there: whole lines.
    pub(super) inside: String,
}

/// How a test ended, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The body returned, and what it returned is no error.
    Passed,
    /// The body returned an error, which has been shown.
    Error,
    /// The body panicked with this text.
    Panic(String),
    /// The body panicked with something that is no text.
    OpaquePanic,
    /// The lab or a probe could not do its work.
    Broken(String),
    /// The test could not do or ask what it wanted to, and has said so.
    Unasked(String),
    /// The machine lacks what the test needs.
    Unsupported(String),
}

impl Ending {
    /// libtest's own exit code for a run with failures.
    const FAILED: i32 = 101;

    /// The exit code that goes with it.
    pub(super) fn exit_code(&self) -> i32 {
        if *self == Self::Passed { 0 } else { Self::FAILED }
    }

    /// Whether a process that says so ends with this wait status.
    pub(super) fn agrees_with(&self, status: i32) -> bool {
        ExitStatus::from_raw(status).code() == Some(self.exit_code())
    }
}

impl Frame {
    fn kind_and_text(&self) -> (u8, Cow<'_, str>) {
        let (kind, text): (_, &str) = match self {
            Self::Paused(Pause { why, inside }) => return (b'W', format!("{why}\0{inside}").into()),
            Self::Start => (b'S', ""),
            Self::Dumped => (b'D', ""),
            Self::GoesOn => (b'G', ""),
            Self::Verdict(Ending::Passed) => (b'P', ""),
            Self::Verdict(Ending::Error) => (b'E', ""),
            Self::Verdict(Ending::Panic(text)) => (b'X', text),
            Self::Verdict(Ending::OpaquePanic) => (b'O', ""),
            Self::Verdict(Ending::Broken(text)) => (b'B', text),
            Self::Verdict(Ending::Unasked(text)) => (b'N', text),
            Self::Verdict(Ending::Unsupported(text)) => (b'U', text),
        };
        (kind, text.into())
    }

    fn from_kind_and_text(kind: u8, text: String) -> Option<Self> {
        Some(match kind {
            b'S' => Self::Start,
            b'D' => Self::Dumped,
            b'W' => {
                let (why, inside) = text.rsplit_once('\0')?;
                Self::Paused(Pause { why: why.to_owned(), inside: inside.to_owned() })
            }
            b'G' => Self::GoesOn,
            b'P' => Self::Verdict(Ending::Passed),
            b'E' => Self::Verdict(Ending::Error),
            b'X' => Self::Verdict(Ending::Panic(text)),
            b'O' => Self::Verdict(Ending::OpaquePanic),
            b'B' => Self::Verdict(Ending::Broken(text)),
            b'N' => Self::Verdict(Ending::Unasked(text)),
            b'U' => Self::Verdict(Ending::Unsupported(text)),
            _ => return None,
        })
    }

    /// Writes the frame as one buffer.
    pub(super) fn write_to(&self, mut to: impl Write) -> io::Result<()> {
        let (kind, text) = self.kind_and_text();
        let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut bytes = Vec::with_capacity(5 + text.len());
        bytes.push(kind);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        to.write_all(&bytes)
    }
}

/// Puts frames together from the bytes that arrive.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    bytes: Vec<u8>,
}

impl FrameReader {
    /// Takes in what arrived.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame. An unknown kind is skipped: nothing that we do not understand is a verdict.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let (&kind, rest) = self.bytes.split_first()?;
            let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
            let text = rest.get(4..4 + length)?;
            let frame = Frame::from_kind_and_text(kind, String::from_utf8_lossy(text).into_owned());
            self.bytes.drain(..5 + length);
            if frame.is_some() {
                return frame;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_being_cut_anywhere() {
        let frames = [
            Frame::Start,
            Frame::Verdict(Ending::Panic("left == right\n ö".to_owned())),
            Frame::Dumped,
            Frame::Paused(Pause { why: "at\0its deadline".to_owned(), inside: "it has no hosts\n".to_owned() }),
            Frame::GoesOn,
            Frame::Verdict(Ending::Passed),
        ];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write_to(&mut bytes).unwrap();
        }
        let mut reader = FrameReader::default();
        let mut read = Vec::new();
        for byte in bytes {
            reader.extend(&[byte]);
            read.extend(std::iter::from_fn(|| reader.next_frame()));
        }
        assert_eq!(read, frames);
    }

    #[test]
    fn an_unfinished_or_unknown_frame_is_no_verdict() {
        let mut reader = FrameReader::default();
        reader.extend(b"P\x00\x00\x00");
        assert_eq!(reader.next_frame(), None);
        let mut reader = FrameReader::default();
        reader.extend(b"Z\x01\x00\x00\x00zS\x00\x00\x00\x00");
        assert_eq!(reader.next_frame(), Some(Frame::Start));
    }
}
