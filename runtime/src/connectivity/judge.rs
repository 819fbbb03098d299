//! What many answers mean together.

use std::fmt::Write;
use std::panic::Location;

use super::question::{Answer, ConnectivityError};
use crate::Host;
use crate::error::chain;
use crate::probe::{ArpError, fail};

/// So many answers are shown of those that are not as they should be.
const SHOWN: usize = 8;

/// What an answer means for a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    Fails,
    /// It says nothing about it.
    Broken,
}

impl Verdict {
    /// The claim is that there is an answer.
    pub(super) fn of_answer(answer: &Result<String, ConnectivityError>) -> Self {
        match answer {
            Ok(_) => Self::Holds,
            Err(error) if error.is_broken() => Self::Broken,
            Err(_) => Self::Fails,
        }
    }

    /// The claim is that there is none.
    pub(super) fn of_silence(answer: &Result<String, ConnectivityError>) -> Self {
        match answer {
            Err(error) if error.is_negative() => Self::Holds,
            Ok(_) | Err(ConnectivityError::Arp(ArpError::Conflict { .. })) => Self::Fails,
            Err(_) => Self::Broken,
        }
    }
}

/// Says nothing if the claim holds by every answer, and panics at the line of whoever made it otherwise.
pub(super) fn judge(
    host: &Host,
    at: &Location<'_>,
    claim: &str,
    answers: &[Answer],
    verdict: impl Fn(&Result<String, ConnectivityError>) -> Verdict,
) {
    let all = |wanted| list(answers.iter().filter(|(_, answer)| verdict(answer) == wanted));
    let unasked = all(Verdict::Broken);
    if !unasked.is_empty() {
        host.surroundings().could_not(at, format!("could not ask whether {claim}{unasked}"));
    }
    let wrong = all(Verdict::Fails);
    if !wrong.is_empty() {
        fail(at, &format!("assertion failed: {claim}{wrong}"));
    }
}

/// A line for each answer, as many as can be read; nothing if there are none.
pub(super) fn list<'a>(answers: impl Iterator<Item = &'a Answer>) -> String {
    let mut text = String::new();
    let mut more = 0;
    for (nth, (name, answer)) in answers.enumerate() {
        if nth >= SHOWN {
            more += 1;
            continue;
        }
        let words = answer.as_ref().map_or_else(|error| chain(error), |report| format!("it got through: {report}"));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {name}: {words}");
    }
    if more == 0 { text } else { format!("{text}\n  and {more} more") }
}
