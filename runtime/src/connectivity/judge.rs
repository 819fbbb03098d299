//! What many answers mean together.

use std::fmt::Write;
use std::panic::Location;

use super::question::{Answer, ConnectivityError};
use crate::Host;
use crate::error::chain;
use crate::probe::{Verdict, fail};

/// So many answers are shown of those that are not as they should be.
const SHOWN: usize = 8;

/// Says nothing if the claim holds by every answer, and panics at the line of whoever made it otherwise.
pub(super) fn judge(
    host: &Host,
    at: &Location<'_>,
    claim: &str,
    answers: &[Answer],
    verdict: impl Fn(&Result<String, ConnectivityError>) -> Verdict,
) {
    let all = |wanted| list(answers.iter().filter(|(_, answer)| verdict(answer) == wanted));
    let (wrong, unasked) = (all(Verdict::Fails), all(Verdict::Broken));
    if !wrong.is_empty() {
        // Whatever the others would have said.
        fail(at, &format!("assertion failed: {claim}{wrong}{unasked}"));
    }
    if !unasked.is_empty() {
        host.surroundings().could_not(at, format!("could not ask whether {claim}{unasked}"));
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
