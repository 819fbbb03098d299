//! What happens to a network by the clock, beside the body of a test.

mod action;
mod chronicle;
mod player;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use netns_test_topology::units;

pub use action::Action;
pub(crate) use chronicle::Chronicle;
pub use chronicle::Happening;
use player::Player;
pub(crate) use player::Step;

use crate::Lab;
use crate::change::{Change, LinkError};
use crate::host::Surroundings;

impl Lab {
    /// A list of what happens to this lab while the body of the test goes on, each at its time since [`Timeline::start`].
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(namespaces = 2, veth = true, engine = "relay")]
    /// async fn a_bad_hour(lab: Lab, a: Host, b: Host, lan: Segment) -> TestResult {
    ///     let lossy = Impairment::new().loss(Percent::new(20.0));
    ///     let hour = lab
    ///         .timeline()
    ///         .during("50ms", "200ms", lan.impair(lossy))
    ///         .at("300ms", lan.unplug(&b))
    ///         .at("400ms", lan.plug(&b))
    ///         .start()?;
    ///     // What is tested runs here.
    ///     for happening in hour.finish().await? {
    ///         println!("{happening}");
    ///     }
    ///     a.assert_ping(&b).await;
    ///     Ok(())
    /// }
    /// ```
    pub fn timeline(&self) -> Timeline {
        Timeline { surroundings: Arc::clone(self.surroundings()), steps: Vec::new(), senseless: None }
    }
}

/// A time since a timeline's start, or between two of its events, at most 24 hours: a [`Duration`], or a number with its unit, `"1.5s"`.
#[derive(Clone, Debug)]
pub struct Moment(Result<Duration, String>);

impl Moment {
    pub(crate) fn parsed(self) -> Result<Duration, String> {
        match self.0 {
            Ok(moment) if moment > *units::TIMEOUTS.end() => {
                Err(format!("{moment:?} is out of range: it is at most 24h, which no test outlasts"))
            }
            moment => moment,
        }
    }
}

impl From<Duration> for Moment {
    fn from(duration: Duration) -> Self {
        Self(Ok(duration))
    }
}

impl From<&str> for Moment {
    fn from(text: &str) -> Self {
        Self(units::duration(text))
    }
}

/// What will happen to a lab, and when: real time, whatever becomes of tokio's. One thing happens after the other, in the order of their times and,
/// for the same time, in the order in which they are written; one that takes long has the next ones wait.
///
/// A thing is a [`Change`], an [`Impair`](crate::Impair), or a closure that answers with one of these, with a `Result` or with nothing. It is carried
/// out on a thread of the timeline's own. One that fails ends the timeline, and breaks the test: its network is not what it thinks.
#[must_use = "nothing happens until `start`"]
#[derive(Debug)]
pub struct Timeline {
    surroundings: Arc<Surroundings>,
    steps: Vec<Step>,
    /// The first time that makes no sense.
    senseless: Option<String>,
}

impl Timeline {
    /// Something happens once. If it ends with a guard, that is kept as long as the timeline.
    #[track_caller]
    pub fn at(self, when: impl Into<Moment>, action: impl Action + Send) -> Self {
        let at = Location::caller();
        match self.time(when, at) {
            (timeline, Some(first)) => timeline.then(Step::once(at, first, None, action)),
            (timeline, None) => timeline,
        }
    }

    /// Something that ends with a guard happens once, and is ended at the second time; later, if it began late: it lasts as long as it is to.
    #[track_caller]
    pub fn during<A: Action + Send>(self, from: impl Into<Moment>, to: impl Into<Moment>, action: A) -> Self {
        let at = Location::caller();
        if !A::has_an_end() {
            let why = "what is to end has to end with a guard: `unplugged` rather than `unplug`; or write what ends it with `at`";
            return self.makes_no_sense(at, why);
        }
        let (timeline, from) = self.time(from, at);
        let (timeline, to) = timeline.time(to, at);
        match (from, to) {
            (Some(from), Some(to)) if from >= to => {
                timeline.makes_no_sense(at, &format!("it is to end at {to:?}, and to begin at {from:?}"))
            }
            (Some(from), Some(to)) => timeline.then(Step::once(at, from, Some(to.saturating_sub(from)), action)),
            _ => timeline,
        }
    }

    /// Something happens again and again, for the first time after one interval, until the timeline ends. If it ends with a guard, that is kept until
    /// the next time. What could not be begun before the next one is due is left out.
    #[track_caller]
    pub fn every<A: Action>(self, interval: impl Into<Moment>, action: impl FnMut() -> A + Send + 'static) -> Self {
        let at = Location::caller();
        match self.time(interval, at) {
            (timeline, Some(Duration::ZERO)) => timeline.makes_no_sense(at, "an interval is longer than nothing"),
            (timeline, Some(interval)) => timeline.then(Step::repeated(at, interval, vec![interval], action)),
            (timeline, None) => timeline,
        }
    }

    /// The clock begins to run.
    ///
    /// # Errors
    /// [`LinkError::Senseless`] if one of the times makes no sense; then nothing happens.
    pub fn start(self) -> Result<RunningTimeline, LinkError> {
        match self.senseless {
            Some(why) => Err(LinkError::Senseless { why }),
            None => RunningTimeline::start(self.surroundings, self.steps),
        }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn time(self, when: impl Into<Moment>, at: &Location<'_>) -> (Self, Option<Duration>) {
        match when.into().parsed() {
            Ok(when) => (self, Some(when)),
            Err(why) => (self.makes_no_sense(at, &why), None),
        }
    }

    fn makes_no_sense(mut self, at: &Location<'_>, why: &str) -> Self {
        let _ = self.senseless.get_or_insert(format!("a timeline makes no sense at {at}: {why}"));
        self
    }
}

/// A timeline whose clock runs. When it is dropped, nothing more happens, and its guards are dropped.
#[must_use = "the timeline ends when this is dropped"]
pub struct RunningTimeline {
    surroundings: Arc<Surroundings>,
    player: Player,
    /// Whether there are steps, and all of them happen again and again.
    is_endless: bool,
    /// Whether the last that happens ends with a guard that is kept to the end.
    keeps_the_last: bool,
}

impl RunningTimeline {
    pub(crate) fn start(surroundings: Arc<Surroundings>, steps: Vec<Step>) -> Result<Self, LinkError> {
        let is_endless = !steps.is_empty() && steps.iter().all(Step::is_repeated);
        let last = steps.iter().filter_map(Step::last).max();
        let keeps_the_last = last.is_some_and(|(_, is_kept)| is_kept);
        let player = Player::start(&surroundings, steps);
        let player = player.map_err(|error| LinkError::failed("start the thread of a timeline", error))?;
        Ok(Self { surroundings, player, is_endless, keeps_the_last })
    }

    /// What has happened so far. What was not due yet when the timeline ended has not.
    pub fn happened(&self) -> Vec<Happening> {
        self.player.happened()
    }

    /// Ends it now, and tells what has happened.
    pub fn stop(mut self) -> Vec<Happening> {
        self.player.stop();
        self.player.happened()
    }

    /// Waits until everything has happened, but for what happens again and again; then ends it, and tells what has happened.
    ///
    /// # Errors
    /// [`LinkError::Failed`] if something that was to happen has failed; the test is broken then, too. [`LinkError::Senseless`] if all of it happens again and
    /// again, or the last of it ends with a guard, which would be dropped as soon as it is there.
    pub fn finish(mut self) -> Change<Vec<Happening>> {
        let surroundings = Arc::clone(&self.surroundings);
        let what = "wait for the end of a timeline";
        Change::in_lab(what.to_owned(), surroundings, move |_| {
            if self.is_endless {
                let why =
                    "a timeline in which everything happens again and again has no end to wait for: `stop` ends it";
                return Err(LinkError::Senseless { why: why.to_owned() });
            }
            if self.keeps_the_last {
                let why = "the last that happens is kept to the end of the timeline, and would be over at once: `during` says until when, or `stop` ends it";
                return Err(LinkError::Senseless { why: why.to_owned() });
            }
            self.player.finish();
            let happened = self.stop();
            match happened.iter().find(|happening| happening.error.is_some()) {
                Some(failed) => Err(LinkError::failed(what, failed.to_string())),
                None => Ok(happened),
            }
        })
    }
}

impl fmt::Debug for RunningTimeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningTimeline").field("happened", &self.happened()).finish_non_exhaustive()
    }
}
