//! All labs of one test: its own, and those that its body builds.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Lab;

/// All labs of one test. They stay until it ends, so that a test that fails can still be explained.
#[derive(Default)]
pub(crate) struct Labs(Mutex<Vec<Lab>>);

impl Labs {
    /// All of them, in the order in which they were built.
    pub(crate) fn all(&self) -> Vec<Lab> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many hosts there are in them.
    pub(super) fn hosts(&self) -> usize {
        self.all().iter().map(|lab| lab.hosts().len()).sum()
    }

    pub(super) fn add(&self, lab: Lab) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lab);
    }

    /// The first thing that the test could not do or ask in one of them.
    pub(crate) fn broken(&self) -> Option<String> {
        self.all().iter().find_map(|lab| lab.0.surroundings.broken.get().cloned())
    }

    /// The first thing that made one of them another network than the test thinks.
    pub(crate) fn spoiled(&self) -> Option<String> {
        self.all().iter().find_map(|lab| lab.0.surroundings.spoiled.get().cloned())
    }

    /// Lets go of them: each holds on to this, and nothing would ever end.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Every name with each of its addresses.
    pub(super) fn names(&self) -> Vec<(IpAddr, String)> {
        self.all().iter().flat_map(|lab| lab.0.surroundings.names()).collect()
    }
}

impl std::fmt::Debug for Labs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Labs").field(&self.all().len()).finish()
    }
}
