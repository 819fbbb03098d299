//! The programs of a lab, and what they have said last.

use crate::Host;
use crate::program::{Said, Tail, in_hosts, tails};

/// A program of a host, or what descends from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) host: String,
    /// The program and its arguments.
    pub(crate) command: String,
    /// Its number in the test's pid namespace.
    pub(crate) id: u32,
    pub(crate) state: State,
    /// The last lines of what is logged of it.
    pub(crate) said: Vec<Said>,
}

/// Whether a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Stopped,
    /// It has ended, and was logged.
    Ended,
}

/// All programs that run in one of the hosts or are stopped there, and those that were logged and have ended.
pub(super) fn read(hosts: &[Host]) -> Vec<Program> {
    let hosts: Vec<&Host> = hosts.iter().collect();
    let mut tails = tails(&hosts);
    let mut programs = Vec::new();
    for (nth, process) in in_hosts(&hosts) {
        let words: Vec<_> = process.command().iter().map(|word| word.to_string_lossy()).collect();
        let tail = tails.iter().rposition(|tail| tail.id() == process.id()).map(|nth| tails.remove(nth));
        programs.push(Program {
            host: hosts[nth].name().to_owned(),
            command: in_quotes(&words.join(" ")),
            id: process.id(),
            state: if process.states().are_stopped() { State::Stopped } else { State::Running },
            said: tail.map(|tail| tail.lines()).unwrap_or_default(),
        });
    }
    programs.extend(tails.iter().map(|tail| ended(tail)));
    programs
}

fn ended(tail: &Tail) -> Program {
    let (host, command) = (tail.host().to_owned(), in_quotes(tail.command()));
    Program { host, command, id: tail.id(), state: State::Ended, said: tail.lines() }
}

fn in_quotes(command: &str) -> String {
    format!("`{}`", command.escape_debug())
}
