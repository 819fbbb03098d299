//! Cables that are pulled for a while, once or again and again.

use std::panic::Location;

use super::{Change, LinkError};
use crate::error::chain;
use crate::timeline::{Happening, Moment, RunningTimeline, Step};
use crate::{Host, Segment};

impl Segment {
    /// Pulls the host's cable out of the switch, as [`Segment::unplug`] does, and plugs it in again when the guard is dropped that this ends with.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(namespaces = 2, veth = true, engine = "relay")]
    /// async fn a_cable_is_out(a: Host, b: Host, lan: Segment) -> TestResult {
    ///     let out = lan.unplugged(&b).await?;
    ///     a.assert_no_ping(&b).await;
    ///     drop(out);
    ///     a.assert_ping(&b).await;
    ///     Ok(())
    /// }
    /// ```
    pub fn unplugged(&self, host: &Host) -> Change<Unplugged> {
        let (segment, host) = (self.clone(), host.clone());
        let unplug = segment.unplug(&host);
        Change::in_lab(unplug.what().to_owned(), self.surroundings().clone(), move |_| {
            unplug.wait()?;
            Ok(Unplugged { segment, host })
        })
    }

    /// Pulls the host's cable out of the switch for the time `down`, plugs it in for the time `up`, and so on, until the guard is dropped that this ends with:
    /// then it is plugged in. When this is over, the cable is out for the first time.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(namespaces = 2, veth = true, engine = "relay")]
    /// async fn a_loose_connection(a: Host, b: Host, lan: Segment) -> TestResult {
    ///     let flapping = lan.flap(&b, "30ms", "30ms").await?;
    ///     let log = a.ping(&b).count(50).interval(Duration::from_millis(5)).timeout(Duration::from_millis(100)).await?;
    ///     assert!(log.received() < log.sent());
    ///     drop(flapping);
    ///     a.assert_ping(&b).await;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`LinkError::Senseless`] if one of the times makes none, and as [`Segment::unplug`].
    #[track_caller]
    pub fn flap(&self, host: &Host, down: impl Into<Moment>, up: impl Into<Moment>) -> Change<Flapping> {
        let (segment, host, at) = (self.clone(), host.clone(), Location::caller());
        let what = format!("have the cable of host `{}` on segment `{}` flap", host.name(), self.name());
        let (down, up) = (down.into().parsed(), up.into().parsed());
        Change::in_lab(what, self.surroundings().clone(), move |_| {
            let senseless = |why: String| LinkError::Senseless { why };
            let (down, up) = (down.map_err(senseless)?, up.map_err(senseless)?);
            if down.is_zero() || up.is_zero() {
                return Err(senseless("a cable that flaps is out for a while, and in for a while".to_owned()));
            }
            let out = segment.unplugged(&host).wait()?;
            let change = |plugged: bool, first| {
                let (segment, host) = (segment.clone(), host.clone());
                Step::repeated(at, (first, down + up), move || segment.set_plugged(&host, plugged))
            };
            let steps = vec![change(true, down), change(false, down + up)];
            let timeline = RunningTimeline::start(segment.surroundings().clone(), steps)?;
            Ok(Flapping { timeline, _out: out })
        })
    }
}

/// A cable is out as long as this lives.
#[derive(Debug)]
#[must_use = "the cable is plugged in again when this is dropped"]
pub struct Unplugged {
    segment: Segment,
    host: Host,
}

impl Drop for Unplugged {
    fn drop(&mut self) {
        if let Err(error) = self.segment.plug(&self.host).wait() {
            // Nobody can be told here; a test that goes on would be one of a network that is not what it thinks.
            let _ = self.segment.surroundings().spoiled.set(chain(&error));
        }
    }
}

/// A cable is pulled and plugged in, again and again, as long as this lives.
#[derive(Debug)]
#[must_use = "the cable is plugged in for good when this is dropped"]
pub struct Flapping {
    /// Dropped first: what it does last is undone.
    timeline: RunningTimeline,
    _out: Unplugged,
}

impl Flapping {
    /// When the cable was plugged in and pulled again since it was pulled first.
    pub fn happened(&self) -> Vec<Happening> {
        self.timeline.happened()
    }
}
