//! The frames of a conversation from host to host, the first at the top.

use std::fmt::Write;
use std::time::Duration;

use maud::{Markup, html};

use crate::Lab;
use crate::capture::{Frame, Recorded};
use crate::trail::{Conversation, Passage, Place, Role};

/// How wide the lane of a host is, and how high a frame's row, in pixels.
const LANE: usize = 110;
const ROW: usize = 26;

/// Where arrows are in a row.
const Y: usize = ROW / 2;

/// How many hosts have a lane.
const LANES: usize = 12;

/// How many frames show their bytes.
const OPENED: usize = 60;

/// `died` is where it ended and how, if that was in a host.
pub(super) fn markup(lab: &Lab, recorded: &Recorded, said: &Conversation, died: Option<&(usize, String)>) -> Markup {
    let Conversation { from, to, passages, left_out } = said;
    let mut lanes = vec![*from];
    // Whoever was asked is at the other end.
    let others = passages.iter().flat_map(places).map(|place| place.host).filter(|host| !to.contains(host));
    for host in others.chain(died.map(|(host, _)| *host)).chain(to.iter().copied()) {
        if !lanes.contains(&host) {
            lanes.push(host);
        }
    }
    lanes.truncate(LANES);
    let first = passages.iter().flat_map(places).map(|place| place.time).min().unwrap_or_default();
    let name = |host: usize| lab.hosts()[host].name();
    html! {
            div.ladder {
                div.lanes {
                    span.when {}
                    span.names { @for &lane in &lanes { span.lane { (name(lane)) } } }
                }
                @if *left_out > 0 { p.note { (left_out) " earlier frames are left out." } }
                @for (nth, passage) in passages.iter().enumerate() {
                    details.frame.(class(passage.role)).lost[passage.entered.is_empty()]
                        data-places=(places(passage).map(|place| format!("{} {}", name(place.host), place.interface)).collect::<Vec<_>>().join("\n")) {
                        summary {
                            span.when { (since(time(passage), first)) }
                            (row(passage, &lanes))
                            span.says { (passage.says) }
                            @if passage.entered.is_empty() { span.fate { "not seen again" } }
                        }
                        @for (did, place) in seen(passage) {
                            p { (did) " " (name(place.host)) ":" (place.interface) " at " (since(place.time, first)) }
                        }
                        @if nth < OPENED && let Some(place) = places(passage).next() {
                            pre.bytes { (bytes(&recorded.frames[place.frame])) }
                        }
                    }
                }
                @if let Some((host, why)) = died {
                    div.end {
                        span.when {}
                        (lines(&lanes, &html! { @if let Some(x) = middle(*host, &lanes) { path.arrow d=(cross(x)) {} } }))
                        span.says { (why) }
                    }
                }
            }
    }
}

/// Where it was seen, in order, and what it did there.
fn seen(passage: &Passage) -> impl Iterator<Item = (&'static str, &Place)> {
    let (left, entered) = (passage.left.iter(), passage.entered.iter());
    left.map(|place| ("left", place)).chain(entered.map(|place| ("entered", place)))
}

fn places(passage: &Passage) -> impl Iterator<Item = &Place> {
    seen(passage).map(|(_, place)| place)
}

fn time(passage: &Passage) -> Duration {
    places(passage).map(|place| place.time).min().unwrap_or_default()
}

fn since(time: Duration, first: Duration) -> String {
    format!("+{:.6} s", time.saturating_sub(first).as_secs_f64())
}

fn class(role: Role) -> &'static str {
    match role {
        Role::Question => "asks",
        Role::Answer => "answers",
        Role::Refusal => "refuses",
        Role::Neighbour => "neighbour",
    }
}

/// Where the lane of a host is.
fn middle(host: usize, lanes: &[usize]) -> Option<usize> {
    lanes.iter().position(|lane| *lane == host).map(|lane| LANE * lane + LANE / 2)
}

/// The lanes, with an arrow from one to others.
fn row(passage: &Passage, lanes: &[usize]) -> Markup {
    let from = passage.left.as_ref().and_then(|place| middle(place.host, lanes));
    let to: Vec<usize> = passage.entered.iter().filter_map(|place| middle(place.host, lanes)).collect();
    let arrows = to.iter().filter_map(|&to| {
        let from = from.filter(|from| *from != to)?;
        let back = if from < to { -7 } else { 7 };
        Some(format!("M{from} {Y}H{to}m{back} -4l{} 4l{back} 4", -back))
    });
    // It went towards the next lane, as far as anybody knows.
    let lost = from.filter(|_| passage.entered.is_empty()).map(|from| {
        let end = if from + LANE < LANE * lanes.len() { from + LANE / 2 } else { from - LANE / 2 };
        format!("M{from} {Y}H{end}{}", cross(end))
    });
    let content = html! {
        @for arrow in arrows.chain(lost) { path.arrow d=(arrow) {} }
        @for &x in from.iter().chain(&to) { circle.stop cx=(x) cy=(Y) r="3" {} }
    };
    lines(lanes, &content)
}

/// The lanes, with something on them.
fn lines(lanes: &[usize], content: &Markup) -> Markup {
    html! {
        svg.row width=(LANE * lanes.len()) height=(ROW) aria-hidden="true" {
            @for lane in 0..lanes.len() { path.line d=(format!("M{} 0V{ROW}", LANE * lane + LANE / 2)) {} }
            (content)
        }
    }
}

/// The data of a path.
fn cross(x: usize) -> String {
    format!("M{} {}l10 10m0 -10l-10 10", x - 5, Y - 5)
}

/// Its bytes, as numbers and as characters.
fn bytes(frame: &Frame) -> String {
    let mut text = String::new();
    for (nth, row) in frame.bytes.chunks(16).enumerate() {
        let numbers: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let printable = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let characters: String = row.iter().map(printable).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:04x}  {:<47}  {characters}", nth * 16, numbers.join(" "));
    }
    let rest = frame.length.saturating_sub(frame.bytes.len());
    if rest > 0 {
        let _ = writeln!(text, "and {rest} more bytes");
    }
    text
}
