//! One ping from its first request to its end, on the runtime of the host that asks.

use std::time::{Duration, Instant};

use super::asker::{Asker, Options, local};
use super::judge::NoAnswer;
use super::ping::{PingError, PingReport};
use super::rtts::Rtts;
use super::schedule::{Plan, Schedule, until};
use super::silence::Room;
use crate::Host;

/// Sends requests and listens, as planned.
pub(super) async fn run(host: Host, options: Options, plan: Plan) -> Result<PingReport, PingError> {
    let wants_answer = options.wants_answer;
    let asker = Asker::new(&host, options)?;
    // After the socket, whose absence is the plainer word, and before anything is sent.
    let room = (!wants_answer).then(|| Room::watch(&host)).transpose();
    let room = room.map_err(local("ask whether there is room for what is sent"))?;
    let schedule = Schedule::new(plan);
    Session { asker, room, schedule, sent: Vec::new(), rtts: Vec::new(), duplicates: 0, last_error: None }
        .follow()
        .await
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent then, unanswered.
    Pending(Instant),
    Answered,
    /// Sent then, and an ICMP error came back.
    Failed(Instant),
}

struct Session {
    asker: Asker,
    room: Option<Room>,
    schedule: Schedule,
    sent: Vec<Fate>,
    rtts: Vec<Duration>,
    duplicates: u32,
    last_error: Option<PingError>,
}

impl Session {
    async fn follow(mut self) -> Result<PingReport, PingError> {
        loop {
            // The clock first, then what has arrived by then, by a system call: tokio may not have been told of it yet.
            let now = Instant::now();
            self.drain()?;
            if self.is_decided() || self.schedule.is_over(now) {
                return self.conclude();
            }
            if self.schedule.is_due(now) {
                if let Err(error) = self.send().await {
                    let goes_on = matches!(self.schedule.plan(), Plan::Until { .. }) && !error.is_broken();
                    self.last_error = Some(error);
                    if !goes_on {
                        return self.conclude();
                    }
                }
                continue;
            }
            let wake = self.schedule.wake(now);
            let woken = tokio::select! {
                readable = self.asker.readable() => readable,
                woken = until(wake) => woken,
            };
            woken.map_err(local("wait for answers"))?;
        }
    }

    /// Whether it is over because of what has come.
    fn is_decided(&self) -> bool {
        match self.schedule.plan() {
            Plan::Fixed { count, .. } => {
                self.sent.len() == usize::from(count) && !self.sent.iter().any(|fate| matches!(fate, Fate::Pending(_)))
            }
            Plan::Until { answers, .. } => self.rtts.len() >= usize::from(answers),
            Plan::Silence { .. } => !self.rtts.is_empty() || self.last_error.is_some(),
        }
    }

    async fn send(&mut self) -> Result<(), PingError> {
        let sequence = u16::try_from(self.sent.len()).expect("there are no more than sequence numbers");
        self.schedule.note_try(Instant::now());
        let sent = match self.asker.send(sequence).await {
            // Over IPv6 a kernel without room for neighbours says that it cannot, and not why (`ip6_finish_output2`).
            Err(PingError::Local { what, source }) => {
                return Err(local(what)(match &self.room {
                    Some(room) => room.explain(source),
                    None => source,
                }));
            }
            other => other?,
        };
        self.sent.push(Fate::Pending(sent));
        Ok(())
    }

    /// Takes in everything that has arrived.
    fn drain(&mut self) -> Result<(), PingError> {
        let Self { asker, sent, rtts, duplicates, last_error, .. } = self;
        asker.drain(|sequence, outcome| {
            let Some(fate) = sent.get_mut(usize::from(sequence)) else { return };
            match (outcome, *fate) {
                // Somebody may refuse what somebody else answers.
                (Ok(arrival), Fate::Pending(sent) | Fate::Failed(sent)) => {
                    rtts.push(arrival.since(sent));
                    *fate = Fate::Answered;
                }
                (Ok(_), Fate::Answered) => *duplicates += 1,
                (Err(error), before) => {
                    if let Fate::Pending(sent) = before {
                        *fate = Fate::Failed(sent);
                    }
                    *last_error = Some(error);
                }
            }
        })
    }

    /// Answered if any request was; otherwise the last thing that was said, or silence.
    fn conclude(self) -> Result<PingReport, PingError> {
        let sent = u32::try_from(self.sent.len()).expect("there are no more than sequence numbers");
        if !self.rtts.is_empty() {
            return Ok(PingReport { sent, duplicates: self.duplicates, rtts: Rtts(self.rtts) });
        }
        let to = self.asker.destination();
        let room_was_there = || self.room.as_ref().map_or(Ok(()), Room::was_there).map_err(local(format!("ask {to}")));
        if let Some(error) = self.last_error {
            // Whoever asks for a neighbour gives up after three seconds; one without room for it does not answer.
            if let PingError::Unreachable { code, .. } = &error
                && code.is_about_a_neighbour()
            {
                room_was_there()?;
            }
            return Err(error);
        }
        self.asker.check_nothing_was_lost()?;
        room_was_there()?;
        Err(PingError::Timeout { to, sent, waited: self.schedule.elapsed() })
    }
}
