//! Bad weather on a segment: delays, losses, rates and the rest, while a test runs.

mod account;
mod by_relay;
mod force;
mod in_force;
mod kernel;
mod partition;

use std::fmt;
use std::panic::Location;
use std::pin::Pin;

use netns_test_topology::{Crossing, Engine, Impairment};

pub(crate) use force::{Impairments, draw};
pub(crate) use kernel::qdisc;
pub use partition::Partition;

use crate::change::{Change, LinkError};
use crate::error::chain;
use crate::lab::Member;
use crate::relay::{ETHERNET, Verdict, WireFrame};
use crate::{Host, Segment};

impl Segment {
    /// Impairs what crosses this segment, until the guard that this ends with is dropped: all of it, or what [`Impair::from`], [`Impair::to`],
    /// [`Impair::between`] or [`Impair::of`] say.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[derive(Topology)]
    /// struct Office {
    ///     #[segment("10.0.0.0/24")]
    ///     lan: Segment,
    ///     #[host(lan)]
    ///     desk: Host,
    ///     #[host(lan)]
    ///     printer: Host,
    /// }
    ///
    /// #[netns_test]
    /// async fn a_slow_printer(net: Office) -> TestResult {
    ///     let slow = net.lan.impair(Impairment::new().delay(Duration::from_millis(20))).from(&net.printer).await?;
    ///     let report = net.desk.ping(&net.printer).await?;
    ///     assert!(report.rtt_min() >= Duration::from_millis(20));
    ///     drop(slow);
    ///     net.desk.assert_ping(&net.printer).await;
    ///     Ok(())
    /// }
    /// ```
    pub fn impair(&self, impairment: Impairment) -> Impair {
        Impair {
            segment: self.clone(),
            impairment,
            which: Which::All,
            contradicts: false,
            engine: Engine::Automatic,
            seed: 0,
        }
    }

    /// Decides about each frame that crosses this segment, before anything impairs it, until the guard that this ends with is dropped. Of several, the
    /// first that does not let a frame pass has decided. What decides is called by a thread that forwards the frames of this segment: it keeps all
    /// of them waiting, and the test is broken if it panics.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(veth = true, engine = "relay")]
    /// fn a_lost_syn_ack_is_sent_again(client: Host, server: Host, lan: Segment) -> TestResult {
    ///     let lost = lan.intercept(nth(1, WireFrame::is_syn_ack, Verdict::Drop)).wait()?;
    ///     let listener = server.tcp_listener()?;
    ///     client.tcp_connect(listener.local_addr()?)?;
    ///     assert_eq!(lost.report()?.dropped, 1);
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn intercept(&self, decide: impl FnMut(&WireFrame) -> Verdict + Send + 'static) -> Change<Intercepted> {
        let segment = self.clone();
        let (what, at) = (format!("intercept frames on segment `{}`", self.name()), Location::caller());
        Change::in_lab(what.clone(), self.surroundings().clone(), move |_| {
            let surroundings = segment.surroundings();
            let number = surroundings.impairments.intercept(surroundings, segment.number(), at, decide);
            let number = number.map_err(|error| error.explain(&what, &segment))?;
            Ok(Intercepted { segment, number })
        })
    }

    /// Has a frame appear on this segment, as if somebody on it had sent it: an Ethernet frame, from its header on, without the checksum at its end. It
    /// meets no impairment of a sender's, and nobody who decides about frames.
    pub fn inject(&self, frame: impl Into<Vec<u8>>) -> Change {
        let (segment, frame) = (self.clone(), frame.into());
        let what = format!("send a frame of {} bytes on segment `{}`", frame.len(), self.name());
        Change::in_lab(what.clone(), self.surroundings().clone(), move |_| {
            if frame.len() < ETHERNET {
                let length = frame.len();
                let why = format!("a frame of {length} bytes has no Ethernet header, which is {ETHERNET} bytes long");
                return Err(LinkError::Senseless { why });
            }
            let surroundings = segment.surroundings();
            let sent = surroundings.impairments.inject(surroundings, segment.number(), frame);
            sent.map_err(|error| error.explain(&what, &segment))
        })
    }

    /// Takes away all impairments of this segment, the drawn ones, too. Their guards have nothing left to do.
    pub fn clear(&self) -> Change {
        let segment = self.clone();
        let what = format!("clear the impairments of segment `{}`", self.name());
        Change::in_lab(what.clone(), self.surroundings().clone(), move |_| {
            let surroundings = segment.surroundings();
            surroundings
                .impairments
                .clear(surroundings, segment.number(), None)
                .map_err(|error| LinkError::failed(&what, error))
        })
    }
}

/// Which frames are meant.
#[derive(Clone, Debug)]
enum Which {
    All,
    From(Host),
    To(Host),
    Path(Host, Host),
    Between(Host, Host),
    Of(Host),
}

/// An impairment that is being described: `.await` it, or `.wait()` for it in a plain function. Then it is in force, and a guard of the type
/// [`Impaired`] is there.
#[must_use = "nothing is impaired until this is awaited, or `wait()` is called"]
#[derive(Clone)]
pub struct Impair {
    segment: Segment,
    impairment: Impairment,
    which: Which,
    /// Whether it was said twice, in ways that do not go together.
    contradicts: bool,
    engine: Engine,
    seed: u64,
}

impl Impair {
    /// Only what this host sends; with [`Impair::to`], only what it sends to that host.
    pub fn from(self, host: &Host) -> Self {
        match self.which.clone() {
            Which::To(to) => self.about(Which::Path(host.clone(), to)),
            _ => self.about_only(Which::From(host.clone())),
        }
    }

    /// Only what arrives at this host; with [`Impair::from`], only what arrives from that host.
    pub fn to(self, host: &Host) -> Self {
        match self.which.clone() {
            Which::From(from) => self.about(Which::Path(from, host.clone())),
            _ => self.about_only(Which::To(host.clone())),
        }
    }

    /// Only what these two send to each other.
    pub fn between(self, one: &Host, other: &Host) -> Self {
        self.about_only(Which::Between(one.clone(), other.clone()))
    }

    /// Only what this host sends, and what arrives at it.
    pub fn of(self, host: &Host) -> Self {
        self.about_only(Which::Of(host.clone()))
    }

    fn about(mut self, which: Which) -> Self {
        self.which = which;
        self
    }

    /// What was said before is not forgotten in silence.
    fn about_only(mut self, which: Which) -> Self {
        self.contradicts |= !matches!(self.which, Which::All);
        self.about(which)
    }

    /// What carries it out; the first impairment of a segment decides for all of them. If that is [`Engine::Automatic`], a relay takes over from the
    /// kernel, for good, when there is one that the kernel is not for.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Chance is the same each time: the same frames are lost. Another seed is another chance. What kernels say among themselves when they
    /// like (ARP, neighbour discovery, IGMP, MLD) is thrown for apart, and so changes nothing for the test's own frames.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Puts it in force, and returns when it is.
    pub fn wait(self) -> Result<Impaired, LinkError> {
        self.change().wait()
    }

    pub(crate) fn change(self) -> Change<Impaired> {
        let what = format!("impair segment `{}`: {}", self.segment.name(), self.impairment);
        Change::in_lab(what.clone(), self.segment.surroundings().clone(), move |_| {
            let complaints = self.impairment.complaints();
            if !complaints.is_empty() {
                let why = complaints.into_iter().map(|(_, message)| message).collect::<Vec<_>>().join("; ");
                return Err(LinkError::Senseless { why });
            }
            let crossings = self.crossings()?;
            let Self { segment, impairment, engine, seed, .. } = self;
            let surroundings = segment.surroundings();
            let put =
                surroundings.impairments.add(surroundings, segment.number(), &crossings, impairment, engine, seed);
            let numbers = put.map_err(|error| error.explain(&what, &segment))?;
            Ok(Impaired { segment, impairment, numbers: Some(numbers) })
        })
    }

    fn crossings(&self) -> Result<Vec<Crossing>, LinkError> {
        if self.contradicts {
            let why = "an impairment is about one thing: `from` and `to` go together, and nothing else does".to_owned();
            return Err(LinkError::Senseless { why });
        }
        if let Which::Path(one, other) | Which::Between(one, other) = &self.which
            && one == other
        {
            let why = format!("host `{}` sends nothing to itself on a segment", one.name());
            return Err(LinkError::Senseless { why });
        }
        let on = |host: &Host| self.members(host);
        let paths = |from: &[Member], to: &[Member]| {
            let paths = from.iter().flat_map(|&from| to.iter().map(move |&to| Crossing::Between(from, to)));
            paths.collect::<Vec<_>>()
        };
        Ok(match &self.which {
            Which::All => vec![Crossing::All],
            Which::From(host) => on(host)?.into_iter().map(Crossing::From).collect(),
            Which::To(host) => on(host)?.into_iter().map(Crossing::To).collect(),
            Which::Of(host) => {
                on(host)?.into_iter().flat_map(|member| [Crossing::From(member), Crossing::To(member)]).collect()
            }
            Which::Path(from, to) => paths(&on(from)?, &on(to)?),
            Which::Between(one, other) => {
                let (one, other) = (on(one)?, on(other)?);
                [paths(&one, &other), paths(&other, &one)].concat()
            }
        })
    }

    fn members(&self, host: &Host) -> Result<Vec<Member>, LinkError> {
        let interfaces = self.segment.interfaces_of(host);
        if interfaces.is_empty() {
            let (host, segment) = (host.name().to_owned(), self.segment.name().to_owned());
            return Err(LinkError::NotThere { host, segment });
        }
        Ok(interfaces.into_iter().map(|nth| (host.machine().number(), nth)).collect())
    }
}

impl IntoFuture for Impair {
    type Output = Result<Impaired, LinkError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        self.change().into_future()
    }
}

impl fmt::Debug for Impair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, impairment, which, .. } = self;
        f.debug_struct("Impair")
            .field("segment", &segment.name())
            .field("impairment", &impairment.to_string())
            .field("which", which)
            .finish_non_exhaustive()
    }
}

/// Frames are decided about as long as this lives.
#[must_use = "frames are decided about no longer when this is dropped"]
pub struct Intercepted {
    segment: Segment,
    number: u64,
}

/// What has been decided about frames so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterceptReport {
    /// Frames that were decided about: none that another had decided about before.
    pub frames: u64,
    /// Those that were dropped.
    pub dropped: u64,
    /// Those that were delayed.
    pub delayed: u64,
    /// Those that were sent twice.
    pub duplicated: u64,
    /// Those in whose place others were sent.
    pub replaced: u64,
}

impl Intercepted {
    /// What has been decided so far: whether the frame has come at all that a test is about.
    ///
    /// # Errors
    /// The relay does not answer; the test is broken then.
    pub fn report(&self) -> Result<InterceptReport, LinkError> {
        let surroundings = self.segment.surroundings();
        let verdicts = surroundings.impairments.verdicts(self.segment.number(), self.number).map_err(|error| {
            let _ = surroundings.spoiled.set(chain(&error));
            LinkError::failed("ask what was decided about frames", error)
        })?;
        let crate::relay::Verdicts { frames, dropped, delayed, duplicated, replaced } = verdicts;
        Ok(InterceptReport { frames, dropped, delayed, duplicated, replaced })
    }
}

impl Drop for Intercepted {
    fn drop(&mut self) {
        let surroundings = self.segment.surroundings();
        if let Err(error) = surroundings.impairments.let_pass(surroundings, self.segment.number(), self.number) {
            let message =
                format!("could not let frames of segment `{}` pass again: {}", self.segment.name(), chain(&error));
            // As for an impairment.
            let _ = surroundings.spoiled.set(message);
        }
    }
}

impl fmt::Debug for Intercepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intercepted").field("segment", &self.segment.name()).finish_non_exhaustive()
    }
}

/// An impairment that is in force as long as this lives. When it is dropped, frames that are under way arrive when they would have.
#[must_use = "the impairment ends when this is dropped"]
pub struct Impaired {
    segment: Segment,
    impairment: Impairment,
    /// None when it is not to end with this.
    numbers: Option<Vec<u64>>,
}

/// What an impairment has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImpairmentReport {
    /// Frames that it has been asked about: a broadcast counts for each host that it goes to, unless only its sender's cable is impaired.
    pub frames: u64,
    /// Those that it lost at random.
    pub lost: u64,
    /// Those that were too large for a path MTU black hole.
    pub too_large: u64,
    /// Those that found no room among those that wait for the rate.
    pub overflowed: u64,
    /// Those that it sent twice.
    pub duplicated: u64,
    /// Those that it did not delay.
    pub reordered: u64,
    /// Those in which it flipped a bit.
    pub corrupted: u64,
}

impl Impaired {
    /// What it has done so far.
    ///
    /// # Errors
    /// [`LinkError::Uncounted`] where the kernel does not count it: `Engine::Relay` does. Otherwise what carries it out does not answer; the test is
    /// broken then.
    pub fn report(&self) -> Result<ImpairmentReport, LinkError> {
        let surroundings = self.segment.surroundings();
        let numbers = self.numbers.as_deref().unwrap_or_default();
        let counts = surroundings.impairments.counts(surroundings, self.segment.number(), numbers);
        let counts = counts.map_err(|error| {
            let _ = surroundings.spoiled.set(chain(&error));
            LinkError::failed("read what an impairment has done", error)
        })?;
        let Some(counts) = counts else {
            let (segment, impairment) = (self.segment.name().to_owned(), self.impairment.to_string());
            return Err(LinkError::Uncounted { segment, impairment });
        };
        let crate::relay::Counts { frames, lost, too_large, overflowed, duplicated, reordered, corrupted } = counts;
        Ok(ImpairmentReport { frames, lost, too_large, overflowed, duplicated, reordered, corrupted })
    }

    /// Leaves it in force until the test ends.
    pub fn keep(mut self) {
        self.numbers = None;
    }
}

impl Drop for Impaired {
    fn drop(&mut self) {
        let Some(numbers) = self.numbers.take() else { return };
        let surroundings = self.segment.surroundings();
        if let Err(error) = surroundings.impairments.clear(surroundings, self.segment.number(), Some(&numbers)) {
            let message =
                format!("could not end an impairment of segment `{}`: {}", self.segment.name(), chain(&error));
            // Nobody can be told here; a test that goes on would be one of a network that is not what it thinks.
            let _ = surroundings.spoiled.set(message);
        }
    }
}

impl fmt::Debug for Impaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, impairment, .. } = self;
        f.debug_struct("Impaired")
            .field("segment", &segment.name())
            .field("impairment", &impairment.to_string())
            .finish_non_exhaustive()
    }
}
