//! Claims about frames. Nobody can make one about a capture that is not complete: it has no [`Frames`].

use std::fmt::Write;
use std::panic::Location;

use super::Frames;
use crate::error::fail;

/// How many frames a message shows.
const SHOWN: usize = 10;

impl Frames {
    /// Asserts that there are none.
    ///
    /// That nothing went by which was not captured is certain. That anything could have gone by is not: a wire that is quiet, since nobody has spoken or
    /// its cable is out, has no frames. So assert as well that what was to be sent instead was.
    ///
    /// # Panics
    /// At the caller's line, with the frames, if there are some.
    #[track_caller]
    pub fn assert_none(&self) {
        if !self.is_empty() {
            self.fail(Location::caller(), "no frames");
        }
    }

    /// Asserts that there are some.
    ///
    /// # Panics
    /// At the caller's line, with those that they were chosen from, if there are none.
    #[track_caller]
    pub fn assert_some(&self) {
        if self.is_empty() {
            self.fail(Location::caller(), "some frames");
        }
    }

    /// Asserts that there are so many, no fewer and no more.
    ///
    /// # Panics
    /// At the caller's line, with the frames, if there are more or fewer; with those that they were chosen from if there are none.
    #[track_caller]
    pub fn assert_count(&self, count: usize) {
        if self.len() != count {
            let frames = if count == 1 { "frame" } else { "frames" };
            self.fail(Location::caller(), &format!("exactly {count} {frames}"));
        }
    }

    fn fail(&self, at: &Location<'_>, expected: &str) -> ! {
        self.fail_with(at, expected, self.len())
    }

    /// Fails by how many of what was expected were found.
    pub(super) fn fail_with(&self, at: &Location<'_>, expected: &str, found: usize) -> ! {
        let which = if self.by.is_empty() { String::new() } else { format!(": {}", self.by.join(", ")) };
        let all = self.all.len();
        let found = if found == 0 { "none".to_owned() } else { found.to_string() };
        let remark = self.remark();
        let remark = if remark.is_empty() { remark } else { format!(", of which {remark}") };
        let mut message = format!(
            "assertion failed: {expected} of {}{which}\n  found {found} among {all} that were captured{remark}",
            self.of
        );
        // Where there are none, whatever there is says why.
        let frames: Vec<usize> = if self.is_empty() { (0..all).collect() } else { self.chosen().to_vec() };
        message += if frames.is_empty() { "" } else { ":" };
        // Writing to a string cannot fail.
        for &frame in frames.iter().take(SHOWN) {
            let _ = write!(message, "\n  {}", self.line(frame));
        }
        if frames.len() > SHOWN {
            let _ = write!(message, "\n  and {} more", frames.len() - SHOWN);
        }
        fail(at, &message)
    }
}
