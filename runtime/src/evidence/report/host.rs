//! The state of the hosts, those first that had to do with the failure.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::error::harmless;
use crate::evidence::files::Artifact;
use crate::evidence::state::{HostState, LabState, Part, nothing_known, parts};

/// All that there is room for, in bytes; `concerned` are the names of hosts that are shown open.
pub(super) fn all(state: &LabState, concerned: &BTreeSet<String>, mut room: usize) -> Markup {
    let (first, others): (Vec<_>, Vec<_>) = state.hosts.iter().partition(|host| concerned.contains(&host.name));
    let hosts = first.into_iter().chain(others).map(|host| one(host, concerned.contains(&host.name)));
    let common = common(state);
    let is_of_all = common.len();
    let mut left_out = (0, 0);
    let mut shown = Vec::new();
    // What is no single host's has its room first, and its place last.
    for (nth, markup) in common.into_iter().chain(hosts).enumerate() {
        match room.checked_sub(markup.0.len()) {
            Some(left) => {
                room = left;
                shown.push((nth < is_of_all, markup));
            }
            None if nth < is_of_all => left_out.0 += 1,
            None => left_out.1 += 1,
        }
    }
    shown.sort_by_key(|(is_of_all, _)| *is_of_all);
    html! {
        @for (_, markup) in &shown { (markup) }
        @if left_out != (0, 0) {
            p.note {
                "What is not here (" (left_out.1) " hosts, " (left_out.0) " other parts) is in "
                a href=(Artifact::State.file_name()) { (Artifact::State.file_name()) } "."
            }
        }
    }
}

fn one(host: &HostState, open: bool) -> Markup {
    html! {
        details.host open[open] {
            summary { (host.name) }
            @if let Some(why) = nothing_known(host) {
                p.note { "unknown: " (why) }
            } @else {
                @for Part { name, lines } in &parts(host) {
                    @match lines {
                        Ok(lines) if lines.is_empty() => {}
                        Ok(lines) => { h3 { (name) } pre { (lines.join("\n")) } }
                        Err(why) => { h3 { (name) } p.note { "unknown: " (why) } }
                    }
                }
            }
        }
    }
}

/// What is no single host's.
fn common(state: &LabState) -> Vec<Markup> {
    let titled = |name: &str, open: bool, content: Markup| {
        html! { details.host open[open] { summary { (name) } (content) } }
    };
    let unknown = |why: &String| html! { p.note { "unknown: " (why) } };
    let mut parts = Vec::new();
    for switches in &state.switches {
        parts.extend(match switches {
            Ok(all) if all.is_empty() => None,
            Ok(all) => Some(titled("the switches", false, html! { pre { @for port in all { (port) "\n" } } })),
            Err(why) => Some(titled("the switches", true, unknown(why))),
        });
    }
    for events in state.events.iter().flatten().filter(|events| !events.weather.is_empty()) {
        let lines: Vec<_> = events.weather.lines().map(harmless).collect();
        parts.push(titled("what is done to frames and hosts", true, html! { pre { (lines.join("\n")) } }));
    }
    parts.extend(match &state.programs {
        Ok(programs) if programs.is_empty() => None,
        Ok(programs) => Some(titled(
            "the programs",
            true,
            html! {
                pre {
                    @for program in programs {
                        (program) "\n"
                        @for said in &program.said { "  | " (harmless(&said.line)) "\n" }
                    }
                }
            },
        )),
        Err(why) => Some(titled("the programs", true, unknown(why))),
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(hosts: usize) -> LabState {
        let hosts = (0..hosts).map(|nth| HostState::unknown(&format!("host{nth}"), "a test"));
        LabState { hosts: hosts.collect(), switches: Vec::new(), programs: Ok(Vec::new()), events: Vec::new() }
    }

    #[test]
    fn those_concerned_are_first_and_open_and_the_others_are_there_as_far_as_there_is_room() {
        let concerned = BTreeSet::from(["host7".to_owned()]);
        let page = all(&state(10), &concerned, usize::MAX).0;
        assert!(page.starts_with("<details class=\"host\" open><summary>host7</summary>"), "{page}");
        assert_eq!((page.matches("<details").count(), page.matches(" open>").count()), (10, 1));
        let one = page.len() / 10;
        let page = all(&state(10), &concerned, one * 3 + one / 2).0;
        assert_eq!(page.matches("<details").count(), 3);
        assert!(
            page.contains("host7") && page.contains("(7 hosts, 0 other parts) is in <a href=\"state.txt\">"),
            "{page}"
        );
    }
}
