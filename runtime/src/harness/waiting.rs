//! What the test waits for, in the user's words: for the report at its deadline.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static WAITS: Mutex<(u64, BTreeMap<u64, String>)> = Mutex::new((0, BTreeMap::new()));

/// Something is waited for as long as this lives.
#[derive(Debug)]
pub(crate) struct Waiting(u64);

impl Waiting {
    /// Notes what is waited for.
    pub(crate) fn new(what: String) -> Self {
        let mut waits = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
        waits.0 += 1;
        let number = waits.0;
        waits.1.insert(number, what);
        Self(number)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITS.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.0);
    }
}

/// Everything that is waited for now, the oldest first.
pub(super) fn all() -> Vec<String> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner).1.values().cloned().collect()
}
