//! Why a question got no answer: the way of its packets through the lab, and what the kernel at their end says about it.

mod again;
mod cause;
mod map;
mod packet;
mod question;
mod way;

pub(crate) use question::{Asked, Asking, Fingerprint, Fingerprints, Question};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use again::Again;
use cause::Cause;
use map::Map;
use way::{End, Packets, Way};

use crate::capture::{Interface, Recorded, Recorder};
use crate::host::Surroundings;

/// Where the packets of a question went that got no answer, and why no further. It is looked for when it is shown, by [`Debug`](fmt::Debug) or
/// [`Display`](fmt::Display), and not before: that takes up to two seconds, enters the hosts that the packets have passed, and may ask the question once more. As text it
/// is some lines, each behind a newline, or nothing where nothing is known.
#[derive(Clone)]
pub struct Trail(Arc<(Question, OnceLock<String>)>);

impl Trail {
    pub(crate) fn of(question: Question) -> Self {
        Self(Arc::new((question, OnceLock::new())))
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (question, told) = &*self.0;
        f.write_str(told.get_or_init(|| explain(question)))
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How long it may take to find out, stretched: a failure is told without, then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the packets of a question went that got no answer, and why no further: some lines behind a newline, or nothing if nothing is known.
pub(crate) fn explain(question: &Question) -> String {
    let unanswered = &question.from.surroundings().unanswered;
    let from = question.from.machine().number();
    unanswered.lock().unwrap_or_else(PoisonError::into_inner).push((from, question.asking.clone()));
    soon(question, look)
}

/// Where the packets of a question went that was answered, and was not to be.
pub(crate) fn way(question: &Question) -> String {
    soon(question, |question| {
        let recorder = question.from.surroundings().recorder.as_ref();
        let frames = recorder.map(Recorder::recorded).unwrap_or_default();
        let packets = Packets::of(&frames, question.asking.since_1970());
        let way = packets.furthest(question.from.machine().number(), question.asking.is_asked_by());
        way.map(|way| way.tell(Map(question.from.surroundings()))).into_iter().collect()
    })
}

/// On a thread that is left behind if it takes too long: what has failed is more important than why.
fn soon(question: &Question, look: impl FnOnce(&Question) -> Vec<String> + Send + 'static) -> String {
    let patience = question.from.scaled(PATIENCE);
    let (tell, told) = mpsc::channel();
    let asked = question.clone();
    let started = std::thread::Builder::new().name("netns-test".to_owned()).spawn(move || {
        // Whoever waits may have stopped.
        let _ = tell.send(look(&asked));
    });
    if started.is_err() {
        return String::new();
    }
    let lines = told.recv_timeout(patience).unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => vec![format!("where it died was not found out within {patience:?}")],
        mpsc::RecvTimeoutError::Disconnected => vec!["where it died was not found out: a bug".to_owned()],
    });
    let indented: Vec<_> = lines.iter().map(|line| format!("\n  {}", line.replace('\n', "\n  "))).collect();
    indented.concat()
}

/// What is to be said of the frames of a lab, by their numbers: those by which was asked what got no answer, and what answered to them.
pub(crate) fn comments(surroundings: &Surroundings, recorded: &Recorded) -> BTreeMap<usize, String> {
    let mut comments = BTreeMap::new();
    let questions = surroundings.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
    for (from, asking) in &*questions {
        let packets = Packets::of(recorded, asking.since_1970());
        packets.mark(asking.is_asked_by(), |number, role| {
            let (from, to) = (Map(surroundings).host(*from), asking.to);
            comments.insert(number, format!("{role} of {from} to {to}, which failed"));
        });
    }
    comments
}

/// What an interface of a host is called, by the kernel's index of it.
pub(crate) fn interface(surroundings: &Surroundings, host: usize, index: u32) -> Interface {
    let map = Map(surroundings);
    Interface { name: map.place(host, index), mac: map.member(host, index).map(|member| map.mac(member)) }
}

fn look(question: &Question) -> Vec<String> {
    let surroundings = question.from.surroundings();
    let map = Map(surroundings);
    let recorder = match &surroundings.recorder {
        Ok(recorder) => recorder,
        Err(error) => return vec![format!("where it died is not known: no frames were recorded: {error}")],
    };
    let frames = recorder.recorded();
    let packets = Packets::of(&frames, question.asking.since_1970());
    let from = question.from.machine().number();
    let way = packets.furthest(from, question.asking.is_asked_by());
    let again = match &way {
        Some(way) => packets.again(way),
        // What went before in the same connection meets what it would have met.
        None => Packets::of(&frames, Duration::ZERO).last_again(from, question.asking.is_of_its_connection()),
    };
    let again = again.unwrap_or_else(|| Again::Like(question.asking.clone()));
    let scene = cause::Scene { map, packets: &packets, question, again, counted: OnceLock::new() };
    let mut lines = match &way {
        Some(way) => vec![way.tell(map), why(&scene, way).to_string()],
        None if question.asking.asked == Asked::Neighbour => vec![scene.not_sent().to_string()],
        None => vec![format!("nothing of it left {}", map.host(from)), scene.not_sent().to_string()],
    };
    if frames.forgotten > 0 && frames.frames.first().is_some_and(|oldest| oldest.time > question.asking.since_1970()) {
        lines.push("note: so much was recorded that its beginning has been forgotten".to_owned());
    }
    let lost: u64 = frames.lost.iter().sum();
    if lost > 0 {
        lines.push(format!(
            "note: {lost} frames came faster than they were recorded; it may have gone further than was seen"
        ));
    }
    lines
}

/// Why it went no further.
fn why(scene: &cause::Scene<'_>, way: &Way) -> Cause {
    if let Some((refusal, said)) = way.refusals.first() {
        return scene.refused(way, refusal, *said);
    }
    let (leg, sightings) =
        if way.back.is_empty() { (cause::Leg::There, &way.there) } else { (cause::Leg::Back, &way.back) };
    match End::of(sightings, |host, address| scene.owns(host, address)) {
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
