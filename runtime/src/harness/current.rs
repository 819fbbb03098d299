//! The lab of the test that this process runs.

use std::sync::OnceLock;

use crate::Lab;

static LAB: OnceLock<Lab> = OnceLock::new();

/// Notes that this process runs one test, and that this is its lab.
pub(super) fn set(lab: &Lab) {
    // A process that was forked runs the same one.
    let _ = LAB.set(lab.clone());
}

/// The lab of the test that runs: on whichever thread, where the test has a process of its own, or else on the thread of its body only.
pub(crate) fn lab() -> Option<Lab> {
    Lab::current().or_else(|| LAB.get().cloned())
}
