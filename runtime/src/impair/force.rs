//! The impairments that are in force on the segments of a lab, and what carries them out.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write};
use std::io;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use netns_test_topology::{Crossing, Distribution, Engine, Impairment, Plan, SegmentKind};

use super::kernel::{Egresses, Netem, can, is_exact};
use crate::change::LinkError;
use crate::error::chain;
use crate::host::Surroundings;
use crate::lab::{LabError, Member, Netlink, NetlinkError, NoCable, link_message, with_netlink};
use crate::needs;
use crate::relay::{
    Bridge, Counts, Decide, Ledger, Lent, Relay, Selector, Verdict, Verdicts, WireFrame, mix, refuse_inside,
};
use crate::{Lab, Segment};

/// How many impairments that have ended are told of.
const TOLD: usize = 8;

/// For how long a bridge knows a host that sends nothing, if nobody says otherwise (IEEE 802.1D table 7-5).
const AGEING: Duration = Duration::from_secs(300);

/// `GSO_MAX_SEGS`: a device takes as many segments in one frame if nobody says otherwise.
const MANY_SEGMENTS: u32 = 65_535;

/// The impairments that are in force on the segments of a lab.
#[derive(Debug, Default)]
pub(crate) struct Impairments {
    in_force: Mutex<BTreeMap<usize, InForce>>,
    /// What comes of the frames of those segments that are relayed. It can be read while one of them is changed, which may wait for its relay.
    ledgers: Mutex<BTreeMap<usize, Arc<Ledger>>>,
}

/// Those of one segment.
#[derive(Debug)]
struct InForce {
    /// What the first of them asked for.
    engine: Engine,
    by: By,
    /// By number.
    impairments: BTreeMap<u64, Wanted>,
    /// Those that ended last, with what they had done and when: a test that fails has dropped its guards before it is asked why.
    ended: VecDeque<(String, Instant)>,
    /// The numbers of those who decide about each frame, and where the test says so.
    interceptors: BTreeMap<u64, &'static Location<'static>>,
    numbers: u64,
    /// What those had done that have ended.
    done: BTreeMap<u64, Option<Counts>>,
    /// What they had done when a relay took over from the kernel.
    before: BTreeMap<u64, Counts>,
    /// Whether its hosts send single frames, rather than many in one that is still to be cut.
    singly: bool,
}

/// What carries frames over a segment.
#[derive(Debug)]
enum By {
    /// The kernel's switch, or nothing but the wire.
    Kernel(Netem),
    Relay(Relay),
}

/// What is to happen to which frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) crossing: Crossing,
    pub(super) impairment: Impairment,
    pub(super) seed: u64,
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
    Inside(io::Error),
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
        let seed = mix(surroundings.settings.seed, seed);
        let wanted = crossings.iter().map(|&crossing| Wanted { crossing, impairment, seed });
        match self.lock()?.entry(segment) {
            Entry::Occupied(mut occupied) => occupied.get_mut().add(surroundings, segment, wanted),
            Entry::Vacant(vacant) => {
                let mut in_force = InForce::new(engine);
                let numbers = in_force.add(surroundings, segment, wanted)?;
                vacant.insert(in_force);
                Ok(numbers)
            }
        }
    }

    /// Has a relay carry frames over a segment, with nothing that impairs them.
    pub(crate) fn relay(&self, surroundings: &Arc<Surroundings>, segment: usize) -> Result<(), ImpairError> {
        self.with_relay(surroundings, segment, |_| Ok(()))
    }

    /// Has each frame of a segment be decided about. Answers with the number of that.
    pub(super) fn intercept(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        at: &'static Location<'static>,
        decide: impl FnMut(&WireFrame) -> Verdict + Send + 'static,
    ) -> Result<u64, ImpairError> {
        // Dropped, if nobody takes it, when the lock is free again: it may hold a guard of its own.
        let decide = Lent::new(Box::new(decide) as Decide);
        self.with_relay(surroundings, segment, |in_force| {
            in_force.send_singly(surroundings, segment, true)?;
            in_force.numbers += 1;
            let number = in_force.numbers;
            let put = in_force.relay()?.intercept(number, &decide);
            put.map_err(|error| ImpairError::Relay("intercept frames", error))?;
            in_force.interceptors.insert(number, at);
            Ok(number)
        })
    }

    /// What has been decided about frames so far.
    pub(super) fn verdicts(&self, segment: usize, number: u64) -> Result<Verdicts, ImpairError> {
        let all = self.lock()?;
        let Some(in_force) = all.get(&segment) else { return Ok(Verdicts::default()) };
        let verdicts = in_force.relay()?.verdicts(number);
        verdicts.map_err(|error| ImpairError::Relay("ask what was decided about frames", error))
    }

    /// Decides about frames no longer.
    pub(super) fn let_pass(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        number: u64,
    ) -> Result<(), ImpairError> {
        // Dropped when the lock is free again: it may hold a guard of its own.
        let _decided;
        let mut all = self.lock()?;
        let Some(in_force) = all.get_mut(&segment) else { return Ok(()) };
        let failed = |error| ImpairError::Relay("let frames pass", error);
        let verdicts = in_force.relay()?.verdicts(number).map_err(failed)?;
        _decided = in_force.relay()?.clear(number).map_err(failed)?;
        if let Some(at) = in_force.interceptors.remove(&number) {
            in_force.note_end(decided(at, &verdicts));
        }
        in_force.carry(surroundings, segment, in_force.impairments.clone())
    }

    /// Has a frame appear on a segment.
    pub(super) fn inject(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        bytes: Vec<u8>,
    ) -> Result<(), ImpairError> {
        self.with_relay(surroundings, segment, |in_force| {
            in_force.relay()?.inject(bytes).map_err(|error| ImpairError::Relay("send a frame", error))
        })
    }

    /// Does something with a segment's relay, which is started where there is none.
    fn with_relay<T>(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        work: impl FnOnce(&mut InForce) -> Result<T, ImpairError>,
    ) -> Result<T, ImpairError> {
        let mut all = self.lock()?;
        let in_force = match all.entry(segment) {
            Entry::Occupied(occupied) => {
                let in_force = occupied.into_mut();
                in_force.be_relayed(surroundings, segment)?;
                in_force
            }
            Entry::Vacant(vacant) => {
                let mut in_force = InForce::new(Engine::Relay);
                in_force.be_relayed(surroundings, segment)?;
                vacant.insert(in_force)
            }
        };
        work(in_force)
    }

    /// Takes impairments away, by their numbers, or all.
    pub(super) fn clear(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        numbers: Option<&[u64]>,
    ) -> Result<(), ImpairError> {
        let mut all = self.lock()?;
        let Some(in_force) = all.get_mut(&segment) else { return Ok(()) };
        let mut left = in_force.impairments.clone();
        left.retain(|number, _| numbers.is_some_and(|numbers| !numbers.contains(number)));
        in_force.note_ends(surroundings, &left)?;
        in_force.carry(surroundings, segment, left)
    }

    /// What impairments have done, all of them together; nothing if nobody counts it.
    pub(super) fn counts(
        &self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        numbers: &[u64],
    ) -> Result<Option<Counts>, ImpairError> {
        let all = self.lock()?;
        let mut counts = Counts::default();
        let Some(in_force) = all.get(&segment) else { return Ok(Some(counts)) };
        for number in numbers {
            match in_force.counts(surroundings, *number)? {
                Some(of_one) => counts.add(&of_one),
                None => return Ok(None),
            }
        }
        Ok(Some(counts))
    }

    /// What carries frames over which segment, what is done to them and what has come of that: some lines, none where there is nothing.
    pub(crate) fn describe(&self, surroundings: &Arc<Surroundings>) -> String {
        let mut text = String::new();
        // At its deadline a test may be in the middle of a change.
        let Ok(all) = self.in_force.try_lock() else { return "  segments: just being changed\n".to_owned() };
        for (&segment, in_force) in &*all {
            // Writing to a string cannot fail.
            let _ = in_force.describe(surroundings, segment, &mut text);
        }
        text
    }

    /// How many frames each relay has lost that a switch with time and room would have forwarded, by segment.
    pub(crate) fn losses(&self) -> io::Result<BTreeMap<usize, u64>> {
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.iter().map(|(&segment, ledger)| Ok((segment, ledger.totals()?.lost()))).collect()
    }

    /// Lets go of ports that will be another switch's.
    pub(crate) fn leave_ports(&self, segment: usize, ports: &[u32]) -> Result<(), ImpairError> {
        match self.lock()?.get(&segment) {
            Some(InForce { by: By::Relay(relay), .. }) => {
                relay.leave_ports(ports).map_err(|error| ImpairError::Relay("leave a port", error))
            }
            _ => Ok(()),
        }
    }

    /// Takes ports over that were one segment's and are another's now.
    pub(crate) fn take_ports(
        &self,
        surroundings: &Arc<Surroundings>,
        (from, to): (usize, usize),
        ports: &[u32],
    ) -> Result<(), ImpairError> {
        let mut all = self.lock()?;
        if let Some(left) = all.get_mut(&from) {
            left.carry(surroundings, from, left.impairments.clone())?;
        }
        let Some(in_force) = all.get_mut(&to) else { return Ok(()) };
        if let By::Relay(relay) = &in_force.by {
            let taken = surroundings.hub.inside(|| {
                surroundings.hub.isolate_ports(ports)?;
                let hosts = surroundings.hub.owners(&surroundings.plan, to);
                Ok(relay.take_ports(ports, hosts))
            })?;
            taken.map_err(|error| ImpairError::Relay("take over a port", error))?;
        }
        // Who is new sends as it is used to.
        in_force.singly = false;
        in_force.carry(surroundings, to, in_force.impairments.clone())
    }

    /// Refused on the thread of a relay, for which whoever has the lock may wait.
    fn lock(&self) -> Result<MutexGuard<'_, BTreeMap<usize, InForce>>, ImpairError> {
        refuse_inside().map_err(ImpairError::Inside)?;
        Ok(self.in_force.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl InForce {
    fn new(engine: Engine) -> Self {
        Self {
            engine,
            by: By::Kernel(Netem::default()),
            impairments: BTreeMap::new(),
            ended: VecDeque::new(),
            interceptors: BTreeMap::new(),
            numbers: 0,
            done: BTreeMap::new(),
            before: BTreeMap::new(),
            singly: false,
        }
    }

    /// Puts impairments in force, beside those that are. Answers with their numbers.
    fn add(
        &mut self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        added: impl Iterator<Item = Wanted>,
    ) -> Result<Vec<u64>, ImpairError> {
        let mut wanted = self.impairments.clone();
        let first = self.numbers + 1;
        wanted.extend((first..).zip(added));
        let numbers: Vec<u64> = wanted.range(first..).map(|(number, _)| *number).collect();
        self.carry(surroundings, segment, wanted)?;
        self.numbers += numbers.len() as u64;
        Ok(numbers)
    }

    /// Notes what those impairments have done that are not left.
    fn note_ends(&mut self, surroundings: &Arc<Surroundings>, left: &BTreeMap<u64, Wanted>) -> Result<(), ImpairError> {
        let ends = |(number, _): &(&u64, &Wanted)| !left.contains_key(number);
        let ends: Vec<_> = self.impairments.iter().filter(ends).map(|(&number, &wanted)| (number, wanted)).collect();
        for (number, wanted) in ends {
            let counts = self.counts(surroundings, number)?;
            self.done.insert(number, counts);
            self.note_end(impaired(&surroundings.plan, &wanted, counts));
        }
        Ok(())
    }

    /// Notes what has been in force.
    fn note_end(&mut self, what: String) {
        self.ended.push_back((what, Instant::now()));
        let surplus = self.ended.len().saturating_sub(TOLD);
        self.ended.drain(..surplus);
    }

    /// Puts in force what is wanted, and nothing else.
    fn carry(
        &mut self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        wanted: BTreeMap<u64, Wanted>,
    ) -> Result<(), ImpairError> {
        let by_kernel = match self.by {
            By::Kernel(_) => self.choose(surroundings, segment, &wanted)?,
            By::Relay(_) => None,
        };
        // Where it is refused, nothing has changed yet.
        let selectors = match by_kernel {
            Some(_) => BTreeMap::new(),
            None => selectors(surroundings, &wanted)?,
        };
        let many = wanted.values().all(|wanted| can_take_many(&wanted.impairment));
        let singly = !many || !self.interceptors.is_empty();
        // Frames are sent singly before any of them is lost.
        self.send_singly(surroundings, segment, self.singly || singly)?;
        match (&mut self.by, by_kernel) {
            (By::Kernel(netem), Some(egresses)) => netem.bring(surroundings, &egresses)?,
            (By::Kernel(_), None) => self.take_over(surroundings, segment, selectors, &wanted)?,
            (By::Relay(relay), _) => {
                for number in self.impairments.keys().filter(|number| !wanted.contains_key(number)) {
                    relay.clear(*number).map_err(|error| ImpairError::Relay("end an impairment", error))?;
                }
                let added = selectors.into_iter().filter(|(number, _)| !self.impairments.contains_key(number));
                impair(relay, added, &wanted)?;
            }
        }
        self.impairments = wanted;
        self.send_singly(surroundings, segment, singly)
    }

    /// Has a relay carry frames, if none does yet.
    fn be_relayed(&mut self, surroundings: &Arc<Surroundings>, segment: usize) -> Result<(), ImpairError> {
        if matches!(self.by, By::Relay(_)) {
            return Ok(());
        }
        if self.engine == Engine::Kernel {
            return Err(ImpairError::Impossible("only a relay does that, and the kernel was asked for"));
        }
        relay_can(&surroundings.plan, segment).map_err(ImpairError::Impossible)?;
        let wanted = self.impairments.clone();
        self.take_over(surroundings, segment, selectors(surroundings, &wanted)?, &wanted)
    }

    fn relay(&self) -> Result<&Relay, ImpairError> {
        match &self.by {
            By::Relay(relay) => Ok(relay),
            By::Kernel(_) => Err(ImpairError::Impossible("no relay carries frames over it")),
        }
    }

    /// What the kernel is to do, if it is the kernel that does it.
    fn choose(
        &self,
        surroundings: &Surroundings,
        segment: usize,
        wanted: &BTreeMap<u64, Wanted>,
    ) -> Result<Option<Egresses>, ImpairError> {
        let plan = &surroundings.plan;
        let by_kernel = || {
            let members: Vec<Member> = surroundings.hub.members(plan, segment).collect();
            let egresses = can(plan, segment, &members, wanted)?;
            if wanted.is_empty() || needs::has_netem() { Ok(Some(egresses)) } else { Err(NO_NETEM) }
        };
        let by_relay = relay_can(plan, segment);
        let chosen = match self.engine {
            Engine::Kernel => by_kernel(),
            Engine::Automatic => {
                let is_better = by_relay.is_err() || wanted.values().all(|wanted| is_exact(&wanted.impairment));
                let by_kernel = if is_better { by_kernel().ok() } else { None };
                by_kernel.map_or_else(|| by_relay.map(|()| None), Ok)
            }
            _ => by_relay.map(|()| None),
        };
        chosen.map_err(ImpairError::Impossible)
    }

    /// A relay takes over from the kernel, for good. What is under way arrives.
    fn take_over(
        &mut self,
        surroundings: &Arc<Surroundings>,
        segment: usize,
        selectors: BTreeMap<u64, Selector>,
        wanted: &BTreeMap<u64, Wanted>,
    ) -> Result<(), ImpairError> {
        for &number in self.impairments.keys() {
            let counts = self.counts(surroundings, number)?;
            self.before.insert(number, counts.unwrap_or_default());
        }
        let relay = start_relay(surroundings, segment)?;
        impair(&relay, selectors, wanted)?;
        if let By::Kernel(mut netem) = std::mem::replace(&mut self.by, By::Relay(relay)) {
            netem.bring(surroundings, &Egresses::new())?;
        }
        Ok(())
    }

    /// What an impairment has done; nothing if nobody counts it.
    fn counts(&self, surroundings: &Arc<Surroundings>, number: u64) -> Result<Option<Counts>, ImpairError> {
        if let Some(done) = self.done.get(&number) {
            return Ok(*done);
        }
        match &self.by {
            By::Kernel(netem) => Ok(netem.counts(surroundings, number)?),
            By::Relay(relay) => {
                let counts = relay.counts(number);
                let mut counts =
                    counts.map_err(|error| ImpairError::Relay("read what an impairment has done", error))?;
                self.before.get(&number).iter().for_each(|before| counts.add(before));
                Ok(Some(counts))
            }
        }
    }

    /// What has been decided about frames, or why that is not known.
    fn verdicts(&self, number: u64) -> Result<Verdicts, String> {
        let relay = self.relay().map_err(|error| chain(&error))?;
        relay.verdicts(number).map_err(|error| error.to_string())
    }

    fn describe(&self, surroundings: &Arc<Surroundings>, segment: usize, text: &mut String) -> fmt::Result {
        let plan = &surroundings.plan;
        let name = &plan.segments[segment].name;
        let chance = format_args!("seed {}", surroundings.settings.seed);
        match &self.by {
            By::Kernel(_) if self.impairments.is_empty() && self.ended.is_empty() => {}
            By::Kernel(_) => writeln!(text, "  segment {name} is the kernel's")?,
            By::Relay(relay) => match relay.ledger().totals() {
                Ok(totals) => writeln!(text, "  segment {name} is relayed, {chance}: {totals}")?,
                Err(error) => writeln!(text, "  segment {name} is relayed, {chance}: {error}")?,
            },
        }
        let silent = match &self.by {
            By::Kernel(_) => None,
            By::Relay(relay) => relay.answers().err(),
        };
        for (&number, wanted) in &self.impairments {
            match &silent {
                Some(error) => writeln!(text, "    {}: {error}", wanted.impairment)?,
                None => match self.counts(surroundings, number) {
                    Ok(counts) => writeln!(text, "    {}", impaired(plan, wanted, counts))?,
                    Err(error) => writeln!(text, "    {}: {}", wanted.impairment, chain(&error))?,
                },
            }
        }
        for (&number, at) in &self.interceptors {
            let verdicts = silent.as_ref().map_or_else(|| self.verdicts(number), |error| Err(error.to_string()));
            match verdicts {
                Ok(verdicts) => writeln!(text, "    {}", decided(at, &verdicts))?,
                Err(error) => writeln!(text, "    decided about at {}:{}: {error}", at.file(), at.line())?,
            }
        }
        for (what, when) in &self.ended {
            writeln!(text, "    {what}; ended {:?} ago", when.elapsed())?;
        }
        Ok(())
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
        for (namespace, device) in surroundings.hub.senders(&surroundings.plan, segment) {
            let mut message = link_message(device).build();
            message.attributes.push(rtnetlink::packet_route::link::LinkAttribute::GsoMaxSegs(segments));
            in_namespace(surroundings, namespace, |netlink| {
                netlink.set_link("say how many segments a frame may have", message)
            })?;
        }
        self.singly = singly;
        Ok(())
    }
}

/// Calls `f` with a routing socket in the namespace of a host, or in that of the switches.
pub(super) fn in_namespace<T: Send>(
    surroundings: &Arc<Surroundings>,
    host: Option<usize>,
    f: impl FnOnce(&mut Netlink) -> Result<T, NetlinkError> + Send,
) -> Result<T, LabError> {
    let Some(number) = host else { return surroundings.hub.with_netlink(f) };
    let labs = surroundings.labs.all();
    let mut hosts = labs.iter().flat_map(Lab::hosts).filter(|host| Arc::ptr_eq(host.surroundings(), surroundings));
    let host = hosts.find(|host| host.machine().number() == number).expect("it is of this lab");
    with_netlink(host.netns(), host.name(), f)
}

/// What an impairment has done, for whoever reads why a test failed.
fn impaired(plan: &Plan, wanted: &Wanted, counts: Option<Counts>) -> String {
    let host = |(host, _): Member| &plan.hosts[host].name;
    let crossing = match wanted.crossing {
        Crossing::From(from) => format!(", from {}", host(from)),
        Crossing::To(to) => format!(", to {}", host(to)),
        Crossing::Between(from, to) => format!(", from {} to {}", host(from), host(to)),
        _ => String::new(),
    };
    let counts = counts.map_or_else(|| "not counted by the kernel".to_owned(), |counts| counts.to_string());
    format!("{}{crossing}: {counts}", wanted.impairment)
}

/// What has been decided about frames, likewise.
fn decided(at: &Location<'_>, verdicts: &Verdicts) -> String {
    format!("decided about at {}:{}: {verdicts}", at.file(), at.line())
}

const NO_NETEM: &str = "this kernel has no netem: `sudo modprobe sch_netem`, or `Engine::Relay`";

/// Why a relay cannot take the place of what joins the hosts of a segment.
fn relay_can(plan: &Plan, segment: usize) -> Result<(), &'static str> {
    match &plan.segments[segment].kind {
        SegmentKind::Switch(bridge) if bridge.stp => Err("a relay does not speak the spanning tree protocol"),
        SegmentKind::Switch(bridge) if bridge.vlan_filtering => Err("a relay does not filter VLANs"),
        SegmentKind::Switch(_) => Ok(()),
        SegmentKind::Wire => Err(
            "nothing is between the two ends of a veth pair; a switch joins two as well (leave out `veth` in `#[segment]`, or write `engine = \"relay\"` in `#[netns_test]`)",
        ),
        _ => Err("only a switch can be impaired: impair the one that it is over"),
    }
}

/// A relay in the place of the segment's bridge.
fn start_relay(surroundings: &Arc<Surroundings>, segment: usize) -> Result<Relay, ImpairError> {
    let ports = surroundings.hub.ports(&surroundings.plan, segment);
    let (watch, name) = (Arc::downgrade(surroundings), surroundings.plan.segments[segment].name.to_string());
    let failed = move |why: String| {
        if let Some(surroundings) = watch.upgrade() {
            let _ = surroundings.spoiled.set(format!("the relay of segment `{name}` has failed: {why}"));
        }
    };
    let close = || surroundings.hub.isolate_ports(&ports).map_err(|error| io::Error::other(chain(&error)));
    let hosts = surroundings.hub.owners(&surroundings.plan, segment);
    let ageing = match &surroundings.plan.segments[segment].kind {
        SegmentKind::Switch(bridge) => bridge.ageing,
        _ => None,
    };
    let bridge = Bridge { ports: ports.clone(), hosts, ageing: ageing.unwrap_or(AGEING) };
    let relay = surroundings.hub.inside(|| Ok(Relay::start(bridge, close, failed)))?;
    let relay = relay.map_err(|error| ImpairError::Relay("start a relay", error))?;
    let ledgers = surroundings.impairments.ledgers.lock();
    ledgers.unwrap_or_else(PoisonError::into_inner).insert(segment, Arc::clone(relay.ledger()));
    Ok(relay)
}

/// Has a relay impair what is selected.
fn impair(
    relay: &Relay,
    selectors: impl IntoIterator<Item = (u64, Selector)>,
    wanted: &BTreeMap<u64, Wanted>,
) -> Result<(), ImpairError> {
    for (number, selector) in selectors {
        let Wanted { impairment, seed, .. } = wanted[&number];
        let put = relay.impair(number, selector, impairment, seed);
        put.map_err(|error| ImpairError::Relay("put an impairment in force", error))?;
    }
    Ok(())
}

/// Whether an impairment does the same to many segments in one frame as to each of them.
fn can_take_many(impairment: &Impairment) -> bool {
    let delay = Impairment::new().delay(impairment.delay).distribution(Distribution::default());
    *impairment == delay
}

/// The ports that impairments are about.
fn selectors(
    surroundings: &Surroundings,
    wanted: &BTreeMap<u64, Wanted>,
) -> Result<BTreeMap<u64, Selector>, ImpairError> {
    wanted.iter().map(|(&number, wanted)| Ok((number, selector(surroundings, wanted.crossing)?))).collect()
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
