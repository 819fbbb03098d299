//! The programs that run in a lab.

use std::fmt::Write;

use crate::{Host, program};

/// A line for each program that runs in one of the hosts, or has been stopped there: its command, its number, its host.
pub(super) fn of(hosts: &[&Host]) -> String {
    let mut text = String::new();
    for (nth, process) in program::in_hosts(hosts) {
        let words: Vec<_> = process.command().iter().map(|word| word.to_string_lossy()).collect();
        let command = words.join(" ").escape_debug().to_string();
        let does = if process.states().are_stopped() { "stopped" } else { "running" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {does} in {}: `{command}` (pid {})", hosts[nth].name(), process.id());
    }
    text
}
