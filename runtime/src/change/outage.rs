//! Cables that are pulled for a while, once or again and again.

use std::panic::Location;

use super::cable::Cable;
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
    ///
    /// # Errors
    /// [`LinkError::Senseless`] if another guard has the cable out already, and as [`Segment::unplug`].
    pub fn unplugged(&self, host: &Host) -> Change<Unplugged> {
        let (segment, host) = (self.clone(), host.clone());
        let what = segment.unplug(&host).what().to_owned();
        Change::in_lab(what, self.surroundings().clone(), move |_| Unplugged::pull(segment, host))
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
                return Err(senseless(
                    "a cable that flaps is out for a while and in for a while: both times are longer than nothing"
                        .to_owned(),
                ));
            }
            let out = segment.unplugged(&host).wait()?;
            let (cable, mut is_in) = (out.cable.clone(), false);
            let surroundings = host.surroundings().clone();
            let turn = move || {
                is_in = !is_in;
                segment.turn(Some(cable.clone()), &host, is_in)
            };
            let step = Step::repeated(at, down, vec![up, down], turn);
            let timeline = RunningTimeline::start(surroundings, vec![step])?;
            Ok(Flapping { timeline, _out: out })
        })
    }
}

/// A cable is out as long as this lives.
#[derive(Debug)]
#[must_use = "the cable is plugged in again when this is dropped"]
pub struct Unplugged {
    cable: Cable,
    host: Host,
    segment: Segment,
}

impl Unplugged {
    fn pull(segment: Segment, host: Host) -> Result<Self, LinkError> {
        let cable = Cable::of(&segment, &host)?;
        if !host.surroundings().outages().insert(cable.member) {
            let (host, segment) = (host.name(), segment.name());
            let why = format!("another guard has the cable of host `{host}` on segment `{segment}` out already");
            return Err(LinkError::Senseless { why });
        }
        // If it cannot be pulled, whatever has been is undone.
        let out = Self { cable, host, segment };
        out.turn(false).wait()?;
        Ok(out)
    }

    fn turn(&self, is_in: bool) -> Change {
        self.segment.turn(Some(self.cable.clone()), &self.host, is_in)
    }
}

impl Drop for Unplugged {
    fn drop(&mut self) {
        let surroundings = self.host.surroundings();
        if let Err(error) = self.turn(true).wait() {
            // Nobody can be told here; a test that goes on would be one of a network that is not what it thinks.
            let _ = surroundings.spoiled.set(chain(&error));
        }
        surroundings.outages().remove(&self.cable.member);
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
