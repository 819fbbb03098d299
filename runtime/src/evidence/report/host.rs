//! The state of the hosts, those first that had to do with the failure.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::evidence::files::Artifact;
use crate::evidence::state::{HostState, LabState, Part, harmless, nothing_known, parts};

/// All that there is room for, in bytes; `concerned` are the names of hosts that are shown open.
pub(super) fn all(state: &LabState, concerned: &BTreeSet<String>, mut room: usize) -> Markup {
    let (first, others): (Vec<_>, Vec<_>) = state.hosts.iter().partition(|host| concerned.contains(&host.name));
    let mut shown = Vec::new();
    for host in first.iter().chain(&others) {
        let markup = one(host, concerned.contains(&host.name));
        let Some(left) = room.checked_sub(markup.0.len()) else { break };
        room = left;
        shown.push(markup);
    }
    let left_out = state.hosts.len() - shown.len();
    let common = common(state);
    html! {
        @for host in &shown { (host) }
        @if left_out > 0 {
            p.note { (left_out) " more hosts are in " a href=(Artifact::State.file_name()) { (Artifact::State.file_name()) } "." }
        }
        @if common.0.len() <= room { (common) }
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
                        Ok(lines) => { h4 { (name) } pre { (lines.join("\n")) } }
                        Err(why) => { h4 { (name) } p.note { "unknown: " (why) } }
                    }
                }
            }
        }
    }
}

/// What is no single host's.
fn common(state: &LabState) -> Markup {
    html! {
        @for switches in &state.switches {
            @if let Ok(ports) = switches && !ports.is_empty() {
                details.host {
                    summary { "the switches" }
                    pre { @for port in ports { (port) "\n" } }
                }
            }
        }
        @for events in state.events.iter().flatten().filter(|events| !events.weather.is_empty()) {
            details.host open {
                summary { "what is done to frames and hosts" }
                pre { (events.weather.lines().map(harmless).collect::<Vec<_>>().join("\n")) }
            }
        }
        @if let Ok(programs) = &state.programs && !programs.is_empty() {
            details.host open {
                summary { "the programs" }
                pre {
                    @for program in programs {
                        (program) "\n"
                        @for said in &program.said { "  | " (harmless(&said.line)) "\n" }
                    }
                }
            }
        }
    }
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
        assert!(page.contains("host7") && page.contains("7 more hosts are in <a href=\"state.txt\">"), "{page}");
    }
}
