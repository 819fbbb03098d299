//! Whether the threads of a process run.

use std::fmt;
use std::fs;

/// The states of the threads of a process, a letter each (`proc_pid_stat(5)`). One that has ended has none.
#[derive(Debug, Default)]
pub(crate) struct States(Vec<u8>);

impl States {
    pub(super) fn of(id: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let lines = tasks.filter_map(|task| fs::read(task.path().join("stat")).ok());
        // The name before it is in parentheses, and may have some, too.
        let state = |line: Vec<u8>| line.rsplit(|byte| *byte == b')').next()?.get(1).copied();
        Self(lines.filter_map(state).collect())
    }

    /// Whether no thread runs before somebody lets it: it has stopped, for whoever traces it, too, or has ended.
    pub(crate) fn are_stopped(&self) -> bool {
        self.0.iter().all(|state| is_stopped(*state))
    }

    /// The same, but for threads that wait in the kernel and cannot be interrupted.
    pub(crate) fn are_stopped_or_waiting(&self) -> bool {
        self.0.iter().all(|state| is_stopped(*state) || *state == b'D')
    }
}

fn is_stopped(state: u8) -> bool {
    matches!(state, b'T' | b't' | b'Z' | b'X')
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_thread_that_runs_has_not_stopped() {
        let states = |letters: &str| States(letters.as_bytes().to_vec());
        for stopped in ["T", "TTT", "tT", "ZT", ""] {
            assert!(states(stopped).are_stopped(), "{stopped}");
        }
        for running in ["R", "TTS", "TI"] {
            assert!(!states(running).are_stopped() && !states(running).are_stopped_or_waiting(), "{running}");
        }
        assert!(!states("TD").are_stopped() && states("TD").are_stopped_or_waiting());
    }

    #[test]
    fn this_thread_runs() {
        let states = States::of(std::process::id());
        assert!(states.to_string().contains('R') && !states.are_stopped(), "{states}");
    }
}
