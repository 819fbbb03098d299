//! The impairments that are in force on the segments of a lab, and what carries them out.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use netns_test_topology::{Crossing, Distribution, Engine, Impairment, Plan, SegmentKind};

use crate::change::LinkError;
use crate::error::chain;
use crate::host::Surroundings;
use crate::lab::{LabError, Member, NoCable, link_message, with_netlink};
use crate::relay::{Counts, Relay, Selector, Verdict, WireFrame};
use crate::{Host, Lab, Segment};

/// How many impairments that have ended are told of.
const TOLD: usize = 8;

/// `GSO_MAX_SEGS`: a device takes as many segments in one frame if nobody says otherwise.
const MANY_SEGMENTS: u32 = 65_535;

/// The impairments that are in force on the segments of a lab.
#[derive(Debug, Default)]
pub(crate) struct Impairments(Mutex<BTreeMap<usize, InForce>>);

/// Those of one segment.
#[derive(Debug)]
struct InForce {
    relay: Relay,
    /// By number.
    impairments: BTreeMap<u64, (Crossing, Impairment)>,
    /// Those that ended last, with what they had done and when: a test that fails has dropped its guards before it is asked why.
    ended: VecDeque<(Crossing, Impairment, Counts, Instant)>,
    /// The numbers of those who decide about each frame.
    interceptors: BTreeSet<u64>,
    numbers: u64,
    /// Whether its hosts send single frames, rather than many in one that is still to be cut.
    singly: bool,
}

/// Why an impairment is not in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImpairError {
    #[error("{0}")]
    Impossible(&'static str),
    #[error("an interface has no cable of its own")]
    NoCable(NoCable),
    #[error("could not {0}")]
    Relay(&'static str, #[source] io::Error),
    #[error(transparent)]
    Lab(#[from] LabError),
}

impl ImpairError {
    /// In the words of whoever wanted it.
    pub(super) fn explain(self, what: &str, segment: &Segment) -> LinkError {
        match self {
            Self::Impossible(why) => LinkError::Unimpairable { segment: segment.name().to_owned(), why },
            Self::NoCable(NoCable::Segment) => {
                LinkError::Unimpairable { segment: segment.name().to_owned(), why: "only a switch has cables" }
            }
            Self::NoCable(NoCable::Shared) => LinkError::Unimpairable {
                segment: segment.name().to_owned(),
                why: "macvlans, macvtaps and ipvlans share a cable, so that one of them cannot be impaired",
            },
            other => LinkError::failed(what, other),
        }
    }
}

impl Impairments {
    /// Puts an impairment in force for each of the crossings. Answers with their numbers.
    pub(super) fn add(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        crossings: &[Crossing],
        impairment: Impairment,
        engine: Engine,
        seed: u64,
    ) -> Result<Vec<u64>, ImpairError> {
        if engine == Engine::Kernel {
            return Err(ImpairError::Impossible("the kernel's netem is not spoken yet; `Engine::Relay` can do it"));
        }
        let selectors = crossings.iter().map(|&crossing| selector(surroundings, crossing));
        let selectors = selectors.collect::<Result<Vec<_>, _>>()?;
        let mut all = self.lock();
        let in_force = InForce::of(&mut all, surroundings, segment)?;
        let mut numbers = Vec::new();
        // Frames are sent singly before any of them is lost.
        in_force.send_singly(surroundings, segment, in_force.singly || !can_take_many(&impairment))?;
        for (selector, &crossing) in selectors.into_iter().zip(crossings) {
            in_force.numbers += 1;
            let number = in_force.numbers;
            let put = in_force.relay.impair(number, selector, impairment, seed);
            put.map_err(|error| ImpairError::Relay("put an impairment in force", error))?;
            in_force.impairments.insert(number, (crossing, impairment));
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// Has a relay carry frames over a segment, with nothing that impairs them.
    pub(crate) fn relay(&self, surroundings: &Arc<Surroundings>, segment: usize) -> Result<(), ImpairError> {
        InForce::of(&mut self.lock(), surroundings, segment).map(|_| ())
    }

    /// Takes impairments away, by their numbers, or all.
    pub(super) fn clear(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        numbers: Option<&[u64]>,
    ) -> Result<(), ImpairError> {
        let mut all = self.lock();
        let Some(in_force) = all.get_mut(&segment) else { return Ok(()) };
        let present: Vec<u64> = in_force.impairments.keys().copied().collect();
        for number in present.into_iter().filter(|number| numbers.is_none_or(|numbers| numbers.contains(number))) {
            let ended = |error| ImpairError::Relay("end an impairment", error);
            let counts = in_force.relay.counts(number).map_err(ended)?;
            in_force.relay.clear(number).map_err(ended)?;
            if let Some((crossing, impairment)) = in_force.impairments.remove(&number) {
                in_force.ended.push_back((crossing, impairment, counts, Instant::now()));
                let surplus = in_force.ended.len().saturating_sub(TOLD);
                in_force.ended.drain(..surplus);
            }
        }
        in_force.settle(surroundings, segment)
    }

    /// Has each frame of a segment be decided about. Answers with the number of that.
    pub(super) fn intercept(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        decide: impl FnMut(&WireFrame) -> Verdict + Send + 'static,
    ) -> Result<u64, ImpairError> {
        let mut all = self.lock();
        let in_force = InForce::of(&mut all, surroundings, segment)?;
        in_force.send_singly(surroundings, segment, true)?;
        in_force.numbers += 1;
        let number = in_force.numbers;
        let names = surroundings.hub.owners(&surroundings.plan, segment);
        let put = in_force.relay.intercept(number, decide, names);
        put.map_err(|error| ImpairError::Relay("intercept frames", error))?;
        in_force.interceptors.insert(number);
        Ok(number)
    }

    /// Decides about frames no longer.
    pub(super) fn let_pass(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        number: u64,
    ) -> Result<(), ImpairError> {
        let mut all = self.lock();
        let Some(in_force) = all.get_mut(&segment) else { return Ok(()) };
        in_force.relay.clear(number).map_err(|error| ImpairError::Relay("let frames pass", error))?;
        in_force.interceptors.remove(&number);
        in_force.settle(surroundings, segment)
    }

    /// Has a frame appear on a segment.
    pub(super) fn inject(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        bytes: Vec<u8>,
    ) -> Result<(), ImpairError> {
        let mut all = self.lock();
        let in_force = InForce::of(&mut all, surroundings, segment)?;
        in_force.relay.inject(bytes).map_err(|error| ImpairError::Relay("send a frame", error))
    }

    /// What impairments have done, all of them together.
    pub(super) fn counts(&self, segment: usize, numbers: &[u64]) -> io::Result<Counts> {
        let all = self.lock();
        let mut counts = Counts::default();
        for number in all.get(&segment).into_iter().flat_map(|_| numbers) {
            counts.add(&all[&segment].relay.counts(*number)?);
        }
        Ok(counts)
    }

    /// What carries frames over which segment, what is done to them and what has come of that: some lines, none where there is nothing.
    pub(crate) fn describe(&self, plan: &Plan) -> String {
        let mut text = String::new();
        for (&segment, in_force) in &*self.lock() {
            // Writing to a string cannot fail.
            let _ = in_force.describe(plan, segment, &mut text);
        }
        text
    }

    /// Lets go of ports that will be another switch's.
    pub(crate) fn leave_ports(&self, segment: usize, ports: &[u32]) -> io::Result<()> {
        self.lock().get(&segment).map_or(Ok(()), |in_force| in_force.relay.leave_ports(ports))
    }

    /// Takes ports over that are this segment's now.
    pub(crate) fn take_ports(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        ports: &[u32],
    ) -> Result<(), ImpairError> {
        let mut all = self.lock();
        let Some(in_force) = all.get_mut(&segment) else { return Ok(()) };
        let taken = surroundings.hub.inside(|| {
            surroundings.hub.close_ports(ports)?;
            Ok(in_force.relay.take_ports(ports))
        })?;
        taken.map_err(|error| ImpairError::Relay("take over a port", error))?;
        let singly = std::mem::take(&mut in_force.singly);
        in_force.send_singly(surroundings, segment, singly)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, InForce>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InForce {
    fn describe(&self, plan: &Plan, segment: usize, text: &mut String) -> fmt::Result {
        let name = &plan.segments[segment].name;
        match self.relay.totals() {
            Ok(totals) => writeln!(text, "  segment {name} is relayed: {totals}")?,
            Err(error) => writeln!(text, "  segment {name} is relayed: {error}")?,
        }
        let host = |(host, _): Member| &plan.hosts[host].name;
        let mut tell = |impairment: &Impairment, crossing: Crossing, became: String| {
            write!(text, "    {impairment}")?;
            match crossing {
                Crossing::From(from) => write!(text, ", from {}", host(from))?,
                Crossing::To(to) => write!(text, ", to {}", host(to))?,
                Crossing::Between(from, to) => write!(text, ", from {} to {}", host(from), host(to))?,
                _ => {}
            }
            writeln!(text, ": {became}")
        };
        for (&number, (crossing, impairment)) in &self.impairments {
            let became = self.relay.counts(number).map_or_else(|error| error.to_string(), |counts| counts.to_string());
            tell(impairment, *crossing, became)?;
        }
        for (crossing, impairment, counts, when) in &self.ended {
            tell(impairment, *crossing, format!("{counts}; ended {:?} ago", when.elapsed()))?;
        }
        Ok(())
    }

    /// That of a segment, with a relay that is started where there is none.
    fn of<'a>(
        all: &'a mut BTreeMap<usize, Self>,
        surroundings: &Arc<Surroundings>,
        segment: usize,
    ) -> Result<&'a mut Self, ImpairError> {
        match all.entry(segment) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(vacant) => Ok(vacant.insert(Self::start(surroundings, segment)?)),
        }
    }

    /// Has frames be sent as what is in force now needs them.
    fn settle(&mut self, surroundings: &Arc<Surroundings>, segment: usize) -> Result<(), ImpairError> {
        let many = self.impairments.values().all(|(_, impairment)| can_take_many(impairment));
        self.send_singly(surroundings, segment, !many || !self.interceptors.is_empty())
    }

    /// A relay in the place of the segment's bridge.
    fn start(surroundings: &Arc<Surroundings>, segment: usize) -> Result<Self, ImpairError> {
        match &surroundings.plan.segments[segment].kind {
            SegmentKind::Switch(bridge) if bridge.stp => {
                return Err(ImpairError::Impossible("a relay does not speak the spanning tree protocol"));
            }
            SegmentKind::Switch(bridge) if bridge.vlan_filtering => {
                return Err(ImpairError::Impossible("a relay does not filter VLANs"));
            }
            SegmentKind::Switch(_) => {}
            SegmentKind::Wire => {
                return Err(ImpairError::Impossible(
                    "nothing is between the two ends of a veth pair; a switch joins two as well (leave out `veth` in `#[segment]`)",
                ));
            }
            _ => return Err(ImpairError::Impossible("only a switch can be impaired: impair the one that it is over")),
        }
        let ports = surroundings.hub.ports(&surroundings.plan, segment);
        let (watch, name) = (Arc::downgrade(surroundings), surroundings.plan.segments[segment].name.to_string());
        let failed = move |why: String| {
            if let Some(surroundings) = watch.upgrade() {
                let _ = surroundings.spoiled.set(format!("the relay of segment `{name}` has failed: {why}"));
            }
        };
        let close = || surroundings.hub.close_ports(&ports).map_err(|error| io::Error::other(chain(&error)));
        let relay = surroundings.hub.inside(|| Ok(Relay::start(&ports, close, failed)))?;
        let relay = relay.map_err(|error| ImpairError::Relay("start a relay", error))?;
        Ok(Self {
            relay,
            impairments: BTreeMap::new(),
            ended: VecDeque::new(),
            interceptors: BTreeSet::new(),
            numbers: 0,
            singly: false,
        })
    }

    /// Has those who send to the segment do so frame by frame, or no longer. Between hosts the kernel passes up to 64 kB on at once, to be cut
    /// later: a loss would take all of it.
    fn send_singly(
        &mut self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        singly: bool,
    ) -> Result<(), ImpairError> {
        if self.singly == singly {
            return Ok(());
        }
        let segments = if singly { 1 } else { MANY_SEGMENTS };
        let labs = surroundings.labs.all();
        let hosts = labs.iter().flat_map(Lab::hosts).filter(|host| Arc::ptr_eq(host.surroundings(), surroundings));
        let hosts: Vec<&Host> = hosts.collect();
        for (host, device) in surroundings.hub.senders(&surroundings.plan, segment) {
            let mut message = link_message(device).build();
            message.attributes.push(rtnetlink::packet_route::link::LinkAttribute::GsoMaxSegs(segments));
            let what = "say how many segments a frame may have";
            match host {
                Some(number) => {
                    let host = hosts.iter().find(|host| host.machine().number() == number).expect("it is of this lab");
                    with_netlink(host.netns(), host.name(), |netlink| netlink.set_link(what, message))?;
                }
                None => surroundings.hub.set_sender(what, message)?,
            }
        }
        self.singly = singly;
        Ok(())
    }
}

/// Whether an impairment does the same to many segments in one frame as to each of them.
fn can_take_many(impairment: &Impairment) -> bool {
    let delay = Impairment::new().delay(impairment.delay).distribution(Distribution::default());
    *impairment == delay
}

/// The ports that a crossing is about.
fn selector(surroundings: &Surroundings, crossing: Crossing) -> Result<Selector, ImpairError> {
    let ports = |member: Member| {
        let ports = surroundings.hub.cables(&surroundings.plan, member);
        ports.map(Some).map_err(ImpairError::NoCable)
    };
    Ok(match crossing {
        Crossing::All => Selector::default(),
        Crossing::From(member) => Selector { from: ports(member)?, to: None },
        Crossing::To(member) => Selector { from: None, to: ports(member)? },
        Crossing::Between(from, to) => Selector { from: ports(from)?, to: ports(to)? },
        other => unreachable!("there is no crossing {other:?}"),
    })
}

/// Puts the drawn impairments of a lab in force.
pub(crate) fn draw(surroundings: &Arc<Surroundings>) -> Result<(), LabError> {
    for (number, segment) in surroundings.plan.segments.iter().enumerate() {
        let failed =
            |error: ImpairError| LabError::Impairment { segment: segment.name.to_string(), why: chain(&error) };
        if segment.engine == Engine::Relay {
            surroundings.impairments.relay(surroundings, number).map_err(failed)?;
        }
        for drawn in &segment.impairments {
            let add = surroundings.impairments.add(
                surroundings,
                number,
                &[drawn.crossing],
                drawn.impairment,
                segment.engine,
                0,
            );
            add.map_err(failed)?;
        }
    }
    Ok(())
}
