//! A segment of the lab: what its hosts are joined by.

use std::fmt;
use std::sync::Arc;

use netns_test_topology::{IpNet, SegmentKind, SegmentPlan};

use crate::Host;
use crate::host::Surroundings;

/// A segment of the lab: a wire, a switch, or a tunnel that joins hosts.
///
/// Cheap to clone; every clone is the same segment.
#[derive(Clone)]
pub struct Segment {
    /// Its place in the plan.
    number: usize,
    surroundings: Arc<Surroundings>,
}

impl Segment {
    pub(crate) fn new(number: usize, surroundings: Arc<Surroundings>) -> Self {
        Self { number, surroundings }
    }

    /// Its name: what the topology calls it.
    pub fn name(&self) -> &str {
        self.plan().name.as_str()
    }

    /// Its subnets.
    pub fn subnets(&self) -> &[IpNet] {
        &self.plan().subnets
    }

    /// Its index in the plan.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn is_of_the_lab_of(&self, host: &Host) -> bool {
        Arc::ptr_eq(&self.surroundings, host.surroundings())
    }

    pub(crate) fn is_switch(&self) -> bool {
        matches!(self.plan().kind, SegmentKind::Switch(_))
    }

    /// The interfaces that a host has on it now, by their indices within the host.
    pub(crate) fn interfaces_of(&self, host: &Host) -> Vec<usize> {
        let Surroundings { plan, hub, .. } = &*self.surroundings;
        if !self.is_of_the_lab_of(host) {
            return Vec::new();
        }
        let number = host.machine().number();
        let interfaces = 0..plan.hosts[number].interfaces.len();
        interfaces.filter(|&nth| hub.segment_of(plan, (number, nth)) == self.number).collect()
    }

    pub(crate) fn surroundings(&self) -> &Arc<Surroundings> {
        &self.surroundings
    }

    pub(crate) fn plan(&self) -> &SegmentPlan {
        &self.surroundings.plan.segments[self.number]
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("name", &self.name()).field("subnets", &self.subnets()).finish()
    }
}

/// Two handles are equal when they are of the same segment.
impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && Arc::ptr_eq(&self.surroundings, &other.surroundings)
    }
}

impl Eq for Segment {}
