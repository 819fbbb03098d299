//! What the test is doing, for the report at its deadline.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use super::waiting;

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

/// Threads that are not the test's: libtest's main thread, named after the program, and the one that asks.
const OURS: [&str; 2] = ["exe", "netns-test"];

/// What the test is doing: the phase, what it waits for, and where each of its threads is in the kernel.
pub(super) fn describe() -> String {
    let phase = *PHASE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = format!("at its deadline the test was {phase}\n");
    for wait in waiting::all() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  waiting for {wait}");
    }
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let (name, wait) = (read("comm"), read("wchan"));
        let wait = if wait.is_empty() || wait == "0" { "running" } else { &wait };
        if !OURS.contains(&name.trim_end()) {
            let _ = writeln!(text, "  thread {:<15} {wait}", name.trim_end());
        }
    }
    text
}
