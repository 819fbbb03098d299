//! The frames of a conversation from host to host, the first at the top.

use std::fmt::Write;
use std::time::Duration;

use maud::{Markup, html};

use crate::Lab;
use crate::capture::{Frame, Recorded};
use crate::trail::{Conversation, Passage, Place, Role, Unseen};

/// How wide the lane of a host is, and how high a frame's row, in pixels.
const LANE: usize = 110;
const ROW: usize = 26;

/// Where arrows are in a row.
const Y: usize = ROW / 2;

/// How many hosts have a lane.
const LANES: usize = 12;

/// At how many places a frame is told to have been: a broadcast comes to all.
const PLACES: usize = 8;

/// `died` is where it ended and how, if that was in a host; times are since `zero`, which is since 1970.
pub(super) fn markup(
    lab: &Lab,
    recorded: &Recorded,
    said: &Conversation,
    died: Option<&(usize, String)>,
    zero: Duration,
) -> Markup {
    let Conversation { passages, left_out, .. } = said;
    let (lanes, without) = lanes(said, died.map(|(host, _)| *host));
    let name = |host: usize| lab.hosts()[host].name();
    let lost = recorded.lost_in_all();
    html! {
        @if without > 0 { p.note { (without) " more hosts have seen some of it, and have no lane here." } }
        @if lost > 0 { p.note { (lost) " frames came faster than they were recorded: some of these may be missing." } }
        @if recorded.was_in_a_rush() { p.note { "For a while so much came that only some of TCP was recorded: of what is in a connection, most is missing then." } }
        @if *left_out > 0 { p.note { (left_out) " earlier frames are left out." } }
        div.ladder {
            div.lanes {
                span.when { "time" }
                span.names { @for &lane in &lanes { span.lane { (name(lane)) } } }
            }
            @for passage in passages {
                (frame(passage, &lanes, zero, &name, recorded))
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

/// The hosts with a lane: who asked first, who was asked last, and between them those on the way; and how many have none.
fn lanes(said: &Conversation, died: Option<usize>) -> (Vec<usize>, usize) {
    let (on_the_way, others): (Vec<_>, Vec<_>) =
        said.passages.iter().partition(|passage| passage.role != Role::Neighbour);
    let hosts =
        |passages: Vec<&Passage>| passages.into_iter().flat_map(places).map(|place| place.host).collect::<Vec<_>>();
    let mut lanes = Vec::new();
    // A broadcast is heard by many.
    let all = said.from.into_iter().chain(hosts(on_the_way)).chain(died).chain(said.to.iter().copied());
    for host in all.chain(hosts(others)) {
        if !lanes.contains(&host) {
            lanes.push(host);
        }
    }
    let without = lanes.len().saturating_sub(LANES);
    lanes.truncate(LANES);
    // Whoever was asked is at the other end.
    let (asked, mut lanes): (Vec<usize>, Vec<usize>) =
        lanes.into_iter().partition(|host| said.to.contains(host) && Some(*host) != said.from);
    lanes.extend(asked);
    (lanes, without)
}

/// A frame, to be opened; `recorded` has its bytes.
fn frame<'a>(
    passage: &Passage,
    lanes: &[usize],
    zero: Duration,
    name: &impl Fn(usize) -> &'a str,
    recorded: &Recorded,
) -> Markup {
    let shown = || seen(passage).take(PLACES);
    let more = seen(passage).count().saturating_sub(PLACES);
    let wires: Vec<_> = shown().map(|(_, place)| format!("{} {}", name(place.host), place.interface)).collect();
    let unseen = unseen(passage);
    html! {
        details.frame.(class(passage.role)).lost[unseen == Some(Unseen::Lost)] data-places=(wires.join("\n")) {
            summary {
                span.when { (since(time(passage), zero)) }
                (row(passage, lanes))
                span.role { (role(passage.role)) }
                span.says { (passage.says) }
                @match unseen {
                    None => {}
                    Some(Unseen::Lost) => span.fate { "not seen again" },
                    Some(Unseen::Sampled) => span.note { "only some frames like this were recorded" },
                    Some(Unseen::UnderWay) => span.note { "may have been under way when the frames were looked at" },
                }
            }
            @for (did, place) in shown() {
                p { (did) " " (name(place.host)) ":" (place.interface) " at " (since(place.time, zero)) }
            }
            @if more > 0 { p { "and entered " (more) " more" } }
            @if let Some(place) = places(passage).next() {
                pre.bytes { (bytes(&recorded.frames[place.frame])) }
            }
        }
    }
}

/// What it means that it was seen nowhere again, if that is so.
fn unseen(passage: &Passage) -> Option<Unseen> {
    passage.entered.is_empty().then_some(passage.unseen)
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

fn since(time: Duration, zero: Duration) -> String {
    format!("+{:.6} s", time.saturating_sub(zero).as_secs_f64())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Question => "question",
        Role::Answer => "answer",
        Role::Refusal => "refusal",
        Role::Again => "once more",
        Role::Neighbour => "neighbour",
        Role::Other => "",
    }
}

fn class(role: Role) -> &'static str {
    match role {
        Role::Question => "asks",
        Role::Answer => "answers",
        Role::Refusal => "refuses",
        Role::Again => "again",
        Role::Neighbour => "neighbour",
        Role::Other => "other",
    }
}

/// Where the lane of a host is.
fn middle(host: usize, lanes: &[usize]) -> Option<usize> {
    lanes.iter().position(|lane| *lane == host).map(|lane| LANE * lane + LANE / 2)
}

/// The lanes, with an arrow from one to others.
fn row(passage: &Passage, lanes: &[usize]) -> Markup {
    let from = passage.left.as_ref().and_then(|place| middle(place.host, lanes));
    let to: Vec<usize> = passage.entered.iter().take(LANES).filter_map(|place| middle(place.host, lanes)).collect();
    let arrows = to.iter().filter_map(|&to| {
        let from = from.filter(|from| *from != to)?;
        let back = if from < to { -7 } else { 7 };
        Some(format!("M{from} {Y}H{to}m{back} -4l{} 4l{back} 4", -back))
    });
    // It went towards the next lane, as far as anybody knows.
    let lost = from.filter(|_| unseen(passage) == Some(Unseen::Lost)).map(|from| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Direction, LinkLayer};

    /// The markup of a passage that left alice, and of what it means that it came in nowhere.
    fn shown(unseen: Unseen, entered: &[Place]) -> String {
        let (time, direction, link) = (Duration::ZERO, Direction::Out, LinkLayer::Ethernet);
        let frame_of_alice = Frame { host: 0, interface: 2, direction, link, time, length: 1, bytes: [1].into() };
        let recorded = Recorded { frames: vec![frame_of_alice], ..Recorded::default() };
        let left = Some(Place { frame: 0, host: 0, interface: "eth0".to_owned(), time });
        let passage = Passage { role: Role::Question, says: String::new(), left, entered: entered.to_vec(), unseen };
        frame(&passage, &[0, 1], time, &|host| ["alice", "bob"][host], &recorded).into_string()
    }

    #[test]
    fn only_what_was_lost_has_a_cross() {
        let says = |markup: &str| {
            let cross = cross(LANE);
            ["frame asks lost", &cross, "not seen again", "only some", "may have been under way"]
                .map(|some| markup.contains(some))
        };
        assert_eq!(says(&shown(Unseen::Lost, &[])), [true, true, true, false, false]);
        assert_eq!(says(&shown(Unseen::Sampled, &[])), [false, false, false, true, false]);
        assert_eq!(says(&shown(Unseen::UnderWay, &[])), [false, false, false, false, true]);
        let bob = Place { frame: 0, host: 1, interface: "eth0".to_owned(), time: Duration::ZERO };
        for unseen in [Unseen::Lost, Unseen::Sampled, Unseen::UnderWay] {
            assert_eq!(says(&shown(unseen, std::slice::from_ref(&bob))), [false; 5]);
        }
    }
}
