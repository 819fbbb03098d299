//! Frames that a test decides about one by one.

use std::fmt;
use std::time::Duration;

use super::tell;
use super::wire_frame::WireFrame;

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on, to what impairs the segment if anything does.
    Pass,
    /// It is gone.
    Drop,
    /// It goes on after this time; others overtake it.
    Delay(Duration),
    /// It goes on, and a copy behind it.
    Duplicate,
    /// These bytes go on instead, an Ethernet frame without the checksum at its end. Nothing in them is computed anew.
    Replace(Vec<u8>),
}

/// How many frames were decided about, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) frames: u64,
    pub(crate) dropped: u64,
    pub(crate) delayed: u64,
    pub(crate) duplicated: u64,
    pub(crate) replaced: u64,
}

impl Verdicts {
    pub(super) fn count(&mut self, verdict: &Verdict) {
        self.frames += 1;
        match verdict {
            Verdict::Pass => {}
            Verdict::Drop => self.dropped += 1,
            Verdict::Delay(_) => self.delayed += 1,
            Verdict::Duplicate => self.duplicated += 1,
            Verdict::Replace(_) => self.replaced += 1,
        }
    }
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, dropped, delayed, duplicated, replaced } = self;
        write!(f, "{frames} frames")?;
        let verdicts =
            [(*dropped, "dropped"), (*delayed, "delayed"), (*duplicated, "duplicated"), (*replaced, "replaced")];
        tell(f, &verdicts)
    }
}

/// Decides about the `number`-th frame that is one of these, counted from 1, and lets all others pass. Whether it has come at all tells
/// [`Intercepted::report`](crate::Intercepted::report).
///
/// ```
/// # use netns_test::prelude::*;
/// # #[netns_test(namespaces = 2, veth = true, engine = "relay")]
/// # async fn doc(a: Host, b: Host, lan: Segment) -> TestResult {
/// let _second = lan.intercept(nth(2, WireFrame::is_syn_ack, Verdict::Drop)).await?;
/// # Ok(())
/// # }
/// ```
pub fn nth(
    number: usize,
    mut is_one: impl FnMut(&WireFrame) -> bool + Send + 'static,
    verdict: Verdict,
) -> impl FnMut(&WireFrame) -> Verdict + Send + 'static {
    assert!(number > 0, "the first frame is number 1");
    let mut seen = 0;
    move |frame| {
        let is_one = is_one(frame);
        seen += usize::from(is_one);
        if is_one && seen == number { verdict.clone() } else { Verdict::Pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "the first frame is number 1")]
    fn there_is_no_frame_before_the_first() {
        drop(nth(0, |_| true, Verdict::Drop));
    }

    #[test]
    fn one_frame_is_meant_and_no_other() {
        let mut second = nth(2, WireFrame::is_arp, Verdict::Drop);
        let mut arp = vec![0; 42];
        arp[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        let (other, arp) = (WireFrame::new(None, vec![0; 42]), WireFrame::new(None, arp));
        let verdicts = [&arp, &other, &arp, &other, &arp].map(&mut second);
        let dropped = verdicts.map(|verdict| verdict == Verdict::Drop);
        assert_eq!(dropped, [false, false, true, false, false]);
    }
}
