//! The impairments that are in force on the segments of a lab.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use netns_test_topology::{Crossing, Engine, Impairment};

use super::account::decided;
use super::by_relay::all_cross;
use super::in_force::{By, InForce};
use crate::Segment;
use crate::change::LinkError;
use crate::error::chain;
use crate::host::Surroundings;
use crate::lab::{LabError, NoCable};
use crate::relay::{Counts, Decide, Ledger, Lent, Verdict, Verdicts, WireFrame, mix, refuse_inside};

/// The impairments that are in force on the segments of a lab.
#[derive(Debug, Default)]
pub(crate) struct Impairments {
    in_force: Mutex<BTreeMap<usize, InForce>>,
    /// What comes of the frames of those segments that are relayed. It can be read while one of them is changed, which may wait for its relay.
    ledgers: Mutex<BTreeMap<usize, Arc<Ledger>>>,
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
        all_cross(surroundings, segment)?;
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

    /// What is done to frames of a segment now, in one line; nothing where nothing is.
    pub(crate) fn describe_segment(&self, surroundings: &Arc<Surroundings>, segment: usize) -> Option<String> {
        self.in_force.try_lock().ok()?.get(&segment)?.describe_now(surroundings)
    }

    /// Has what a relay loses be known.
    pub(super) fn keep_ledger(&self, segment: usize, ledger: &Arc<Ledger>) {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).insert(segment, Arc::clone(ledger));
    }

    /// What each relay owes a switch with time and room, by segment: how many frames it has lost, and how long they have waited for a decision.
    pub(crate) fn owed(&self) -> io::Result<BTreeMap<usize, (u64, Duration)>> {
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = |ledger: &Ledger| io::Result::Ok((ledger.totals()?.lost(), ledger.stood_still()?));
        ledgers.iter().map(|(&segment, ledger)| Ok((segment, owed(ledger)?))).collect()
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
            // A relay that was started meanwhile has found them where they were.
            if let By::Relay(relay) = &left.by {
                relay.leave_ports(ports).map_err(|error| ImpairError::Relay("leave a port", error))?;
            }
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
