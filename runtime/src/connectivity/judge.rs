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
    let all = |wanted, why: fn(&Answer) -> String| {
        list(answers.iter().filter(|answer| verdict(&answer.outcome) == wanted), why)
    };
    let (wrong, unasked) = (all(Verdict::Fails, Answer::why), all(Verdict::Broken, |_| String::new()));
    if !wrong.is_empty() {
        // Whatever the others would have said.
        fail(at, &format!("assertion failed: {claim}{wrong}{unasked}"));
    }
    if !unasked.is_empty() {
        host.surroundings().could_not(at, format!("could not ask whether {claim}{unasked}"));
    }
}

/// A line for each answer, as many as can be read, and more lines where there is a `why`; nothing if there are none.
pub(super) fn list<'a>(answers: impl Iterator<Item = &'a Answer>, why: impl Fn(&Answer) -> String) -> String {
    let mut text = String::new();
    let mut more = 0;
    for (nth, answer) in answers.enumerate() {
        if nth >= SHOWN {
            more += 1;
            continue;
        }
        let Answer { name, outcome, .. } = answer;
        let words = outcome.as_ref().map_or_else(|error| chain(error), |report| format!("it got through: {report}"));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {name}: {words}{}", why(answer).replace('\n', "\n  "));
    }
    if more == 0 { text } else { format!("{text}\n  and {more} more") }
}
