//! What the test is doing, for the report at its deadline.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

static PHASE: Mutex<&str> = Mutex::new("starting");

/// The lab, once it is built, and how to show it.
static SHOW_LAB: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// Notes what the test is doing from now on.
pub(super) fn set(phase: &'static str) {
    *PHASE.lock().unwrap_or_else(PoisonError::into_inner) = phase;
}

/// Notes how to show the lab.
pub(super) fn set_lab(show: impl Fn() + Send + 'static) {
    *SHOW_LAB.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(show));
}

/// Shows the lab, if it is built.
pub(super) fn show_lab() {
    if let Some(show) = &*SHOW_LAB.lock().unwrap_or_else(PoisonError::into_inner) {
        show();
    }
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
