//! What happened in a test, and when.

use std::time::Instant;

use maud::{Markup, html};

use crate::error::harmless;
use crate::evidence::Failure;

/// How many of the last events are shown.
const MOST: usize = 400;

/// Something that happened.
struct Event {
    at: Instant,
    /// A word that is its class, too.
    kind: &'static str,
    what: String,
    failed: bool,
}

/// When the first of the labs was made, from which all times are told.
pub(super) fn zero(failure: &Failure) -> Instant {
    failure.labs.iter().map(|lab| lab.surroundings().journal.began()).min().unwrap_or(failure.at)
}

pub(super) fn markup(failure: &Failure, zero: Instant) -> Markup {
    let mut events = all(failure);
    events.sort_by_key(|event| event.at);
    let left_out = events.len().saturating_sub(MOST);
    html! {
        p.note {
            "All times on this page are since the lab was made."
            @if left_out > 0 { " " (left_out) " earlier events are left out." }
        }
        table.events {
            thead { tr { th scope="col" { "time" } th scope="col" { "kind" } th scope="col" { "what" } } }
            tbody {
                @for event in &events[left_out..] {
                    tr.(event.kind).failed[event.failed] {
                        td.when { (format!("+{:.3} s", event.at.saturating_duration_since(zero).as_secs_f64())) }
                        td.kind { (event.kind) }
                        td.what { (event.what) }
                    }
                }
            }
        }
    }
}

fn all(failure: &Failure) -> Vec<Event> {
    let mut events = Vec::new();
    for told in &failure.state.events {
        let told = match told {
            Ok(told) => told,
            Err(why) => {
                let what = format!("what has happened is not known: {why}");
                events.push(Event { at: Instant::now(), kind: "unknown", what, failed: true });
                continue;
            }
        };
        events.push(Event { at: told.began, kind: "lab", what: "the lab was made".to_owned(), failed: false });
        for change in &told.changes {
            let at = told.began + change.at;
            // What happens by the clock is a change, which is told with its clock.
            let by_the_clock = told.happenings.iter().any(|(began, happening)| {
                happening.what == change.what && *began <= at && at <= *began + happening.took
            });
            if !by_the_clock {
                let failed = change.error.as_ref().map(|error| format!(": failed: {error}")).unwrap_or_default();
                let what = format!("{}, took {:.1?}{failed}", change.what, change.took);
                events.push(Event { at, kind: "change", what, failed: change.error.is_some() });
            }
        }
        for (at, happening) in &told.happenings {
            let failed = happening.error.is_some();
            events.push(Event { at: *at, kind: "clock", what: happening.to_string(), failed });
        }
    }
    for program in failure.state.programs.iter().flatten() {
        for said in &program.said {
            let what = format!("{}: {} said: {}", program.host, harmless(&program.command), harmless(&said.line));
            events.push(Event { at: said.at, kind: "output", what, failed: false });
        }
    }
    for lab in &failure.labs {
        for question in lab.surroundings().followed.all() {
            let from = lab.hosts()[question.from].name();
            let what = format!("{from} asked {} {}", question.asking.to, question.asking.asked);
            events.push(Event { at: question.asking.since, kind: "question", what: what.clone(), failed: false });
            events.push(Event {
                at: question.failed,
                kind: "question",
                what: format!("{what}, and {}", question.told()),
                failed: true,
            });
        }
    }
    let first = failure.said.lines().find(|line| !line.is_empty()).map_or("it failed".to_owned(), harmless);
    events.push(Event { at: failure.at, kind: "failure", what: first, failed: true });
    events
}
