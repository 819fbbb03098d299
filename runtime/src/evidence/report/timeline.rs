//! What happened in a test, and when.

use std::time::Instant;

use maud::{Markup, html};

use crate::evidence::Failure;
use crate::evidence::state::harmless;

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

pub(super) fn markup(failure: &Failure) -> Markup {
    let mut events = all(failure);
    events.sort_by_key(|event| event.at);
    let Some(first) = events.first().map(|event| event.at) else { return html! { p.note { "Nothing is known." } } };
    let left_out = events.len().saturating_sub(MOST);
    html! {
        @if left_out > 0 { p.note { (left_out) " earlier events are left out." } }
        table.events {
            thead { tr { th scope="col" { "time" } th scope="col" { "kind" } th scope="col" { "what" } } }
            tbody {
                @for event in &events[left_out..] {
                    tr.(event.kind).failed[event.failed] {
                        td.when { (format!("+{:.3} s", event.at.saturating_duration_since(first).as_secs_f64())) }
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
            let what = format!("{} said: {}", program.command, harmless(&said.line));
            events.push(Event {
                at: said.at,
                kind: "output",
                what: format!("{}: {what}", program.host),
                failed: false,
            });
        }
    }
    for lab in &failure.labs {
        for question in lab.surroundings().followed.all() {
            let from = lab.hosts()[question.from].name();
            let what = format!("{from} asked {} {}", question.asking.to, question.asking.asked);
            events.push(Event { at: question.asking.since, kind: "question", what: what.clone(), failed: false });
            let fate = if question.was_answered { "was answered" } else { "got no answer" };
            events.push(Event {
                at: question.failed,
                kind: "question",
                what: format!("{what}, and {fate}"),
                failed: true,
            });
        }
    }
    let first = failure.said.lines().find(|line| !line.is_empty()).unwrap_or("it failed").to_owned();
    events.push(Event { at: failure.at, kind: "failure", what: first, failed: true });
    events
}
