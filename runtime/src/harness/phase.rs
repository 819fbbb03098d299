//! What the test is doing, for the report at its deadline.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

static PHASE: Mutex<&str> = Mutex::new("starting");

/// Notes what the test is doing from now on.
pub(super) fn set(phase: &'static str) {
    *PHASE.lock().unwrap_or_else(PoisonError::into_inner) = phase;
}

/// What the test is doing: the phase, and what each thread waits for.
pub(super) fn describe() -> String {
    let phase = *PHASE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = format!("at its deadline the test was {phase}; its threads:\n");
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let (name, wait, syscall) = (read("comm"), read("wchan"), read("syscall"));
        let number = syscall.split_whitespace().next().unwrap_or("?");
        let wait = if wait.is_empty() || wait == "0" { "running or unknown" } else { &wait };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<16} in {wait} (system call {number})", name.trim_end());
    }
    text
}
