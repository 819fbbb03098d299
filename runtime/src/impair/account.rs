//! What impairments and those who decide about frames have done, for whoever asks and for whoever reads why a test failed.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use netns_test_topology::{Crossing, Plan};

use super::force::{ImpairError, Wanted};
use super::in_force::{By, InForce};
use crate::error::chain;
use crate::host::Surroundings;
use crate::lab::Member;
use crate::relay::{Counts, Verdicts};

/// How many impairments that have ended are told of.
const TOLD: usize = 8;

impl InForce {
    /// Notes what those impairments have done that are not left.
    pub(super) fn note_ends(
        &mut self,
        surroundings: &Arc<Surroundings>,
        left: &BTreeMap<u64, Wanted>,
    ) -> Result<(), ImpairError> {
        let ends = |(number, _): &(&u64, &Wanted)| !left.contains_key(number);
        let ends: Vec<_> = self.impairments.iter().filter(ends).map(|(&number, &wanted)| (number, wanted)).collect();
        for (number, wanted) in ends {
            let counts = self.counts(surroundings, number)?;
            self.done.insert(number, counts);
            self.note_end(impaired(&surroundings.plan, &wanted, counts));
        }
        Ok(())
    }

    /// What is done to frames now, for whoever has lost one; nothing where nothing is.
    pub(super) fn describe_now(&self, surroundings: &Arc<Surroundings>) -> Option<String> {
        let impaired = |(number, wanted): (&u64, &Wanted)| {
            impaired(&surroundings.plan, wanted, self.counts(surroundings, *number).ok().flatten())
        };
        let decided =
            |(_, at): (&u64, &&'static Location<'static>)| format!("decided about at {}:{}", at.file(), at.line());
        let all: Vec<_> = self.impairments.iter().map(impaired).chain(self.interceptors.iter().map(decided)).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Notes what has been in force.
    pub(super) fn note_end(&mut self, what: String) {
        self.ended.push_back((what, Instant::now()));
        let surplus = self.ended.len().saturating_sub(TOLD);
        self.ended.drain(..surplus);
    }

    /// What an impairment has done; nothing if nobody counts it.
    pub(super) fn counts(&self, surroundings: &Arc<Surroundings>, number: u64) -> Result<Option<Counts>, ImpairError> {
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
    pub(super) fn verdicts(&self, number: u64) -> Result<Verdicts, String> {
        let relay = self.relay().map_err(|error| chain(&error))?;
        relay.verdicts(number).map_err(|error| error.to_string())
    }

    pub(super) fn describe(&self, surroundings: &Arc<Surroundings>, segment: usize, text: &mut String) -> fmt::Result {
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
pub(super) fn decided(at: &Location<'_>, verdicts: &Verdicts) -> String {
    format!("decided about at {}:{}: {verdicts}", at.file(), at.line())
}
