//! Why a question got no answer: the way of its packets through the lab, and what the kernel at their end says about it.

mod again;
mod cause;
mod conversation;
mod followed;
mod map;
mod packet;
mod question;
mod way;

pub(crate) use conversation::{Conversation, Passage, Place, Role, Unseen};
pub(crate) use followed::{Fate, Followed, Found, Questions};
pub(crate) use question::{Asked, Asking, Fingerprint, Fingerprints, Question};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use again::Again;
use cause::Cause;
use map::Map;
use netns_test_topology::SegmentKind;
use way::{End, Packets, Sighting, Way};

use crate::aside::{NotDone, aside};
use crate::capture::{Direction, Interface, LONG, Recorded, Recorder};
use crate::host::Surroundings;
use crate::lab::Member;
use crate::transport::Transport;

/// Where the packets of a question went that got no answer, and why no further. It is looked for when it is shown, by [`Debug`](fmt::Debug) or
/// [`Display`](fmt::Display), and not before: that takes up to five seconds, and enters the hosts that the packets have passed. Nothing is sent by that, and what was
/// recorded after the question had failed is not looked at; but hosts are asked as they are when it is shown first, which is said where that is more than a second later. So
/// it knows less than an assertion that fails, which asks the question once more. As text it is some lines, each behind a newline, or nothing where nothing is known.
#[derive(Clone)]
pub struct Trail(Arc<Failed>);

/// A question that got no answer, in a test that may go on.
struct Failed {
    question: Question,
    when: Instant,
    told: OnceLock<String>,
}

impl Trail {
    /// Of a question that has failed now.
    pub(crate) fn of(question: Question) -> Self {
        Self(Arc::new(Failed { question, when: Instant::now(), told: OnceLock::new() }))
    }

    /// For an assertion that fails by it: see [`explain`].
    pub(crate) fn explain(&self) -> String {
        explain(&self.0.question)
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failed { question, when, told } = &*self.0;
        f.write_str(told.get_or_init(|| follow(question, Fate::Failed { until: Some(*when) }, look)))
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How long after a question has failed a host is taken for what it was.
const SOON: Duration = Duration::from_secs(1);

/// How long it may take to find out, stretched: a failure is told without, then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the packets of a question went that got no answer, and why no further: some lines behind a newline, or nothing if nothing is known. It may ask once more, so
/// it is for assertions that fail, where a test ends.
pub(crate) fn explain(question: &Question) -> String {
    follow(question, Fate::Failed { until: None }, look)
}

/// Where the packets of a question went that was answered, and was not to be.
pub(crate) fn way(question: &Question) -> String {
    follow(question, Fate::WasAnswered, |question, _| {
        let recorder = question.from.surroundings().recorder.as_ref();
        let frames = recorder.map(Recorder::recorded).unwrap_or_default();
        let packets = Packets::of(&frames, question.asking.since_1970(), None);
        let way = packets.furthest(question.from.machine().number(), question.asking.is_asked_by());
        let Some(way) = way else { return Found::default() };
        let map = Map(question.from.surroundings());
        Found { lines: vec![way.tell(map)], marks: way.mark(map), ..Found::default() }
    })
}

/// What is followed, besides the question.
#[derive(Clone, Copy)]
struct Following {
    /// Its number among those of the lab.
    nth: usize,
    /// When it failed, if the test goes on: nothing is sent then, and nothing later belongs to it.
    until: Option<Instant>,
}

/// Follows a question, and remembers what was found for whoever is told of the lab later.
fn follow(
    question: &Question,
    fate: Fate,
    look: impl FnOnce(&Question, Following) -> Found + Send + 'static,
) -> String {
    let surroundings = question.from.surroundings();
    let (from, asking) = (question.from.machine().number(), question.asking.clone());
    let failed = fate.until().unwrap_or_else(Instant::now);
    let nth = surroundings.followed.begin(Followed { from, asking, failed, fate, asked_again: None, found: None });
    let following = Following { nth, until: fate.until() };
    let found = soon(question, move |question| look(question, following));
    let indented: Vec<_> = found.lines.iter().map(|line| format!("\n  {}", line.replace('\n', "\n  "))).collect();
    surroundings.followed.note(nth, found);
    indented.concat()
}

/// On a thread that is left behind if it takes too long: what has failed is more important than why.
fn soon(question: &Question, look: impl FnOnce(&Question) -> Found + Send + 'static) -> Found {
    let patience = question.from.scaled(PATIENCE);
    let asked = question.clone();
    aside(Instant::now() + patience, move || look(&asked)).unwrap_or_else(|why| match why {
        NotDone::Late => Found::only(format!("where it died was not found out within {patience:?}")),
        why => Found::only(format!("where it died was not found out: {why}")),
    })
}

/// What is to be said of the frames of a lab, by their numbers: those of questions that were followed, and what answered to them.
pub(crate) fn comments(surroundings: &Surroundings, recorded: &Recorded) -> BTreeMap<usize, String> {
    let mut comments = BTreeMap::new();
    for question in surroundings.followed.all() {
        let fate = if question.fate == Fate::WasAnswered { "was not to be answered" } else { "failed" };
        question.mark(&question.packets(recorded), |number, role| {
            let (from, to) = (Map(surroundings).host(question.from), question.asking.to);
            comments.insert(number, format!("{} of {from} to {to}, which {fate}", role.name()));
        });
    }
    comments
}

/// The names of the hosts that the last question was between which was followed.
pub(crate) fn concerned(surroundings: &Surroundings) -> BTreeSet<String> {
    let map = Map(surroundings);
    let of = |question: &Followed| {
        let to = map.with_address(question.asking.to).into_iter().map(|(host, _)| host);
        let died = question.found.iter().filter_map(|found| found.died_in.as_ref()).map(|(host, _)| *host);
        [question.from].into_iter().chain(died).chain(to).map(|host| map.host(host).to_owned()).collect()
    };
    surroundings.followed.all().last().map(of).unwrap_or_default()
}

/// The interfaces that were drawn, but those of tunnels: their hosts and the kernel's indices of them.
pub(crate) fn ethernets(surroundings: &Surroundings) -> Vec<(usize, u32)> {
    let map = Map(surroundings);
    let is_ethernet = |&member: &Member| {
        let segment = &surroundings.plan.segments[map.segment_number(member)];
        !matches!(segment.kind, SegmentKind::WireGuard { .. } | SegmentKind::Gre { .. } | SegmentKind::Ipip { .. })
    };
    let drawn = map.all_interfaces().filter(is_ethernet);
    // A tap's is not in its host.
    drawn.map(|member| (member.0, surroundings.hub.index(member))).filter(|(_, index)| *index > 0).collect()
}

/// What an interface of a host is called, by the kernel's index of it.
pub(crate) fn interface(surroundings: &Surroundings, host: usize, index: u32) -> Interface {
    let map = Map(surroundings);
    Interface { name: map.place(host, index), mac: map.member(host, index).map(|member| map.mac(member)) }
}

fn look(question: &Question, Following { nth, until }: Following) -> Found {
    let surroundings = question.from.surroundings();
    let map = Map(surroundings);
    let recorder = match &surroundings.recorder {
        Ok(recorder) => recorder,
        Err(error) => return Found::only(format!("where it died is not known: no frames were recorded: {error}")),
    };
    let frames = recorder.recorded();
    let ended = until.map(question::no_earlier_since_1970);
    let packets = Packets::of(&frames, question.asking.since_1970(), ended);
    let from = question.from.machine().number();
    let way = packets.furthest(from, question.asking.is_asked_by());
    let again = || {
        let again = match &way {
            Some(way) => packets.again(way),
            // What went before in the same connection meets what it would have met.
            None => Packets::of(&frames, Duration::ZERO, None).last_again(from, question.asking.is_of_its_connection()),
        };
        again.unwrap_or_else(|| Again::Like(question.asking.clone()))
    };
    // A program would hear it, and counters would rise.
    let again = until.is_none().then(again);
    let scene = cause::Scene { map, packets: &packets, question, nth, again, counted: OnceLock::new() };
    let by_chance = is_by_chance(&frames, question, ended, way.as_ref(), map);
    let mut found = match &way {
        Some(way) if by_chance && way.refusal().is_none() => seen_by_chance(way, map),
        Some(way) => {
            let why = why(&scene, way);
            let lines = vec![way.tell(map), why.to_string()];
            let found = Found { lines, marks: way.mark(map), was_refused: way.refusal().is_some(), died_in: None };
            match way.refusal() {
                Some(refusal) => found.died_in(map, refusal.host, why.summary()),
                None => found.died(map, way.last(), why.summary()),
            }
        }
        None if by_chance => {
            let way = packets.furthest_by_chance(question.asking.is_asked_by());
            let host = map.host(from);
            let nothing =
                format!("nothing of it was seen to leave {host}, and so much came that only some of TCP was recorded");
            let unseen = || Found::only(Cause::unknown(nothing).hint(WHOLE).to_string());
            way.map_or_else(unseen, |way| seen_by_chance(&way, map))
        }
        None => {
            let why = scene.not_sent();
            let nothing = format!("nothing of it left {}", map.host(from));
            let nothing = (question.asking.asked != Asked::Neighbour).then_some(nothing);
            let lines = nothing.into_iter().chain([why.to_string()]).collect();
            Found { lines, ..Found::default() }.died_in(map, from, why.summary())
        }
    };
    found.lines.extend(notes(&frames, question, until));
    found
}

/// Where there is more to see.
const WHOLE: &str =
    "hint: ask again when less is transferred, or look at what `Host::capture` hears, which is all of it";

/// The way of a question as it was seen, of which nothing can be concluded.
fn seen_by_chance(way: &Way, map: Map<'_>) -> Found {
    let why =
        Cause::unknown("so much came that only some of TCP was recorded, and it may have gone further").hint(WHOLE);
    Found { lines: vec![way.tell(map), why.to_string()], marks: way.mark(map), ..Found::default() }
}

/// Whether it is by chance what was recorded of a question: it is in a connection over TCP, and its sender, or a host on a segment where it or its answer was seen, was
/// in a rush.
fn is_by_chance(
    frames: &Recorded,
    question: &Question,
    ended: Option<Duration>,
    way: Option<&Way>,
    map: Map<'_>,
) -> bool {
    let was_in_a_rush = |host: usize| {
        frames.rushed.get(host).is_some_and(|rushed| rushed.was_between(question.asking.since_1970(), ended))
    };
    let members = way.into_iter().flat_map(Way::seen).filter_map(|seen| map.member(seen.host, seen.interface));
    let mut near = members.flat_map(|member| map.hosts_on(map.segment_number(member)));
    matches!(question.asking.asked, Asked::Data(Transport::Tcp, _))
        && (was_in_a_rush(question.from.machine().number()) || near.any(was_in_a_rush))
}

/// What whoever reads it should know of how it was found.
fn notes(frames: &Recorded, question: &Question, until: Option<Instant>) -> Vec<String> {
    let mut notes = Vec::new();
    if frames.forgotten > 0 && frames.frames.first().is_some_and(|oldest| oldest.time > question.asking.since_1970()) {
        notes.push("note: so much was recorded that its beginning has been forgotten".to_owned());
    }
    let lost = frames.lost_in_all();
    if lost > 0 {
        notes.push(format!(
            "note: {lost} frames came faster than they were recorded; it may have gone further than was seen"
        ));
    }
    if let Some(since) = until.map(|failed| failed.elapsed()).filter(|since| *since > SOON) {
        notes.push(format!("note: hosts were asked {since:.1?} after it had failed, and said what they were then"));
    }
    notes
}

impl Found {
    /// Marks where a packet was seen last: on the segment that it had left for, or in the host that it had come to.
    fn died(self, map: Map<'_>, last: Option<&Sighting>, why: &str) -> Self {
        let Some(last) = last else { return self };
        match map.member(last.host, last.interface).filter(|_| last.direction == Direction::Out) {
            Some(member) => Self { marks: self.marks.died_on(map.segment(member), why), ..self },
            None => self.died_in(map, last.host, why),
        }
    }

    fn died_in(self, map: Map<'_>, host: usize, why: &str) -> Self {
        Self { marks: self.marks.died_in(map.host(host), why), died_in: Some((host, why.to_owned())), ..self }
    }
}

/// Why it went no further.
fn why(scene: &cause::Scene<'_>, way: &Way) -> Cause {
    if let Some(cause) = scene.answered_from_elsewhere(way) {
        return cause;
    }
    if let Some((refusal, said)) = way.refusals.first() {
        return scene.refused(way, refusal, *said);
    }
    let (leg, sightings) =
        if way.back.is_empty() { (cause::Leg::There, &way.there) } else { (cause::Leg::Back, &way.back) };
    match End::of(sightings, |host, address| scene.owns(host, address)) {
        Some(End::OnTheWire(last) | End::Inside(last)) if last.ip.is_bulk() => Cause::unknown(format!(
            "of TCP and UDP longer than {LONG} bytes only some is recorded, so it may have gone further"
        )),
        Some(End::OnTheWire(last)) => scene.lost_on_the_wire(leg, last),
        Some(End::Inside(last)) => scene.stuck(leg, last),
        Some(End::Delivered(last)) if leg == cause::Leg::There => match scene.untranslated(way) {
            Some(hint) => scene.unanswered(last).hint(hint),
            None => scene.unanswered(last),
        },
        // A router's own address, which it would have translated.
        Some(End::Delivered(last)) if last.host != scene.question.from.machine().number() => scene.stuck(leg, last),
        Some(End::Delivered(last)) => scene.not_taken(way, last),
        None => Cause::unknown("it was seen nowhere"),
    }
}
