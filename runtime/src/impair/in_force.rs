//! What is in force on one segment, and who carries it out.

use std::collections::{BTreeMap, VecDeque};
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use netns_test_topology::{Distribution, Engine, Impairment};

use super::by_relay::{impair, relay_can, selectors, start_relay};
use super::force::{ImpairError, Wanted};
use super::kernel::{Egresses, Netem, can, is_exact};
use crate::Lab;
use crate::host::Surroundings;
use crate::lab::{LabError, Member, Netlink, NetlinkError, link_message, with_netlink};
use crate::needs;
use crate::relay::{Counts, Relay, Selector};

/// `GSO_MAX_SEGS`: a device takes as many segments in one frame if nobody says otherwise.
const MANY_SEGMENTS: u32 = 65_535;

const NO_NETEM: &str = "this kernel has no netem: `sudo modprobe sch_netem`, or `Engine::Relay`";

/// Those of one segment.
#[derive(Debug)]
pub(super) struct InForce {
    /// What the first of them asked for.
    pub(super) engine: Engine,
    pub(super) by: By,
    /// By number.
    pub(super) impairments: BTreeMap<u64, Wanted>,
    /// Those that ended last, with what they had done and when: a test that fails has dropped its guards before it is asked why.
    pub(super) ended: VecDeque<(String, Instant)>,
    /// The numbers of those who decide about each frame, and where the test says so.
    pub(super) interceptors: BTreeMap<u64, &'static Location<'static>>,
    pub(super) numbers: u64,
    /// What those had done that have ended.
    pub(super) done: BTreeMap<u64, Option<Counts>>,
    /// What they had done when a relay took over from the kernel.
    pub(super) before: BTreeMap<u64, Counts>,
    /// Whether its hosts send single frames, rather than many in one that is still to be cut.
    pub(super) singly: bool,
}

/// What carries frames over a segment.
#[derive(Debug)]
pub(super) enum By {
    /// The kernel's switch, or nothing but the wire.
    Kernel(Netem),
    Relay(Relay),
}

impl InForce {
    pub(super) fn new(engine: Engine) -> Self {
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
    pub(super) fn add(
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

    /// Puts in force what is wanted, and nothing else.
    pub(super) fn carry(
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
            None => selectors(surroundings, segment, &wanted)?,
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
    pub(super) fn be_relayed(&mut self, surroundings: &Arc<Surroundings>, segment: usize) -> Result<(), ImpairError> {
        if matches!(self.by, By::Relay(_)) {
            return Ok(());
        }
        if self.engine == Engine::Kernel {
            return Err(ImpairError::Impossible("only a relay does that, and the kernel was asked for"));
        }
        relay_can(&surroundings.plan, segment).map_err(ImpairError::Impossible)?;
        let wanted = self.impairments.clone();
        self.take_over(surroundings, segment, selectors(surroundings, segment, &wanted)?, &wanted)
    }

    pub(super) fn relay(&self) -> Result<&Relay, ImpairError> {
        match &self.by {
            By::Relay(relay) => Ok(relay),
            By::Kernel(_) => Err(ImpairError::Impossible("no relay carries frames over it")),
        }
    }

    /// What the kernel is to do, if it is the kernel that does it.
    pub(super) fn choose(
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
    pub(super) fn take_over(
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

    /// Has those who send to the segment do so frame by frame, or no longer. Between hosts the kernel passes up to 64 kB on at once, to be cut
    /// later: a loss would take all of it.
    pub(super) fn send_singly(
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

/// Whether an impairment does the same to many segments in one frame as to each of them.
fn can_take_many(impairment: &Impairment) -> bool {
    let delay = Impairment::new().delay(impairment.delay).distribution(Distribution::default());
    *impairment == delay
}
