//! A ping that goes on in the background.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::asker::{Asker, Options, local};
use super::judge::NoAnswer;
use super::ping::PingError;
use super::rtts::Rtts;
use super::schedule::until;
use super::{on_host, runtime, wait_on_host};
use crate::Host;

/// The least interval: a request every millisecond is what a timer of tokio's can do.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);

/// How many refusals are kept as they were said; more are counted.
const REFUSALS: usize = 1000;

/// How many sequence numbers there are: one has 16 bits (RFC 792), and comes again.
const SEQUENCE_NUMBERS: usize = 1 << 16;

/// A ping that goes on in the background, until it is stopped, or dropped.
#[derive(Debug)]
#[must_use = "a pinger ends when it is dropped"]
pub struct Pinger {
    host: Host,
    what: String,
    stop: oneshot::Sender<()>,
    /// Dropped with the pinger, which ends it.
    log: oneshot::Receiver<Result<PingLog, PingError>>,
}

/// The end of a [`Pinger`]. `.await` it, or `.wait()` for it.
#[derive(Debug)]
#[must_use = "a pinger is not stopped until this is awaited or waited for"]
pub struct StopPinger(Pinger);

/// What came of a ping in the background. Requests are numbered from 0.
#[derive(Debug)]
pub struct PingLog {
    sent: u32,
    lost: Vec<u32>,
    duplicates: u32,
    rtts: Rtts,
    refused: u32,
    refusals: Vec<PingError>,
    longest_gap: Duration,
}

impl Pinger {
    pub(super) fn start(host: Host, options: Options, interval: Duration, last_words: Duration) -> Self {
        let what = format!("the end of a ping of {} from host `{}`", options.target, host.name());
        let (stop, stopped) = oneshot::channel();
        let (mut tell, log) = oneshot::channel();
        let same = host.clone();
        let work = async move {
            let outcome = tokio::select! {
                outcome = run(&same, options, interval.max(LEAST_INTERVAL), last_words, stopped) => outcome,
                () = tell.closed() => return,
            };
            // Whoever is to hear it may have gone.
            let _ = tell.send(outcome);
        };
        match runtime(&host) {
            Ok(runtime) => drop(runtime.spawn(work)),
            Err(error) => {
                let (tell, log) = oneshot::channel();
                let _ = tell.send(Err(error.into()));
                return Self { host, what, stop, log };
            }
        }
        Self { host, what, stop, log }
    }

    /// Sends no more requests, and waits for the answers to the last ones: until the timeout of the ping has passed since the last was
    /// sent, at most.
    ///
    /// # Errors
    /// [`PingError::Target`] or [`PingError::Local`] if it could not ask, or not go on asking; what was refused is in the log.
    pub fn stop(self) -> StopPinger {
        StopPinger(self)
    }
}

impl StopPinger {
    /// Blocks this thread until it has ended. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on the host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Result<PingLog, PingError> {
        let (host, what) = (self.0.host.clone(), self.0.what.clone());
        wait_on_host(&host, what, self.finish())
    }

    async fn finish(self) -> Result<PingLog, PingError> {
        let Pinger { stop, log, .. } = self.0;
        // It may have ended by itself, which its log tells.
        let _ = stop.send(());
        let ended =
            |_| Err(local("go on asking")(std::io::Error::other("its task has panicked; its message is above")));
        log.await.unwrap_or_else(ended)
    }
}

impl IntoFuture for StopPinger {
    type Output = Result<PingLog, PingError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let (host, what) = (self.0.host.clone(), self.0.what.clone());
        Box::pin(async move { on_host(&host, what, self.finish()).await })
    }
}

async fn run(
    host: &Host,
    options: Options,
    interval: Duration,
    last_words: Duration,
    stopped: oneshot::Receiver<()>,
) -> Result<PingLog, PingError> {
    let asker = Asker::new(host, options)?;
    let begun = Instant::now();
    let mut session = Session {
        asker,
        fates: Vec::new(),
        next: begun,
        last_sent: begun,
        last_answer: begun,
        stopped: false,
        log: PingLog {
            sent: 0,
            lost: Vec::new(),
            duplicates: 0,
            rtts: Rtts::default(),
            refused: 0,
            refusals: Vec::new(),
            longest_gap: Duration::ZERO,
        },
    };
    session.ask_until(stopped, interval).await?;
    session.drain()?;
    session.note_gap(Instant::now());
    session.hear_last_words(last_words).await?;
    session.conclude()
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Sent then, and neither answered nor refused.
    Pending(Instant),
    /// Sent then, and an ICMP error came back.
    Refused(Instant),
    /// The host's own kernel did not send it.
    NotSent,
    Answered,
}

struct Session {
    asker: Asker,
    /// Of all requests that were sent.
    fates: Vec<Fate>,
    /// When the next request is due.
    next: Instant,
    last_sent: Instant,
    last_answer: Instant,
    stopped: bool,
    log: PingLog,
}

impl Session {
    async fn ask_until(&mut self, mut stopped: oneshot::Receiver<()>, interval: Duration) -> Result<(), PingError> {
        loop {
            self.drain()?;
            if Instant::now() >= self.next {
                self.send().await?;
                // A request that was late is not made up for by a burst of others.
                self.next = (self.next + interval).max(Instant::now());
            }
            let next = self.next;
            let woken = tokio::select! {
                // Stopped, or nobody is there any more who could.
                _ = &mut stopped => return Ok(()),
                readable = self.asker.readable() => readable,
                woken = until(next) => woken,
            };
            woken.map_err(local("wait for answers"))?;
        }
    }

    async fn send(&mut self) -> Result<(), PingError> {
        let sequence = u16::try_from(self.fates.len() % SEQUENCE_NUMBERS).expect("of 16 bits");
        match self.asker.send(sequence).await {
            Ok(sent) => {
                self.fates.push(Fate::Pending(sent));
                self.last_sent = sent;
                Ok(())
            }
            Err(error) if error.is_broken() => Err(error),
            Err(error) => {
                self.fates.push(Fate::NotSent);
                self.log.note_refusal(error);
                Ok(())
            }
        }
    }

    /// Until every request has its answer that can still have one in time.
    async fn hear_last_words(&mut self, last_words: Duration) -> Result<(), PingError> {
        let end = self.last_sent + last_words;
        loop {
            let now = Instant::now();
            self.drain()?;
            let may_come = |fate: &Fate| matches!(fate, Fate::Pending(sent) if *sent + last_words > now);
            if now >= end || !self.fates.iter().any(may_come) {
                return Ok(());
            }
            let woken = tokio::select! {
                readable = self.asker.readable() => readable,
                woken = until(end) => woken,
            };
            woken.map_err(local("wait for answers"))?;
        }
    }

    /// Takes in everything that has arrived.
    fn drain(&mut self) -> Result<(), PingError> {
        let Self { asker, fates, last_answer, stopped, log, .. } = self;
        asker.drain(|sequence, outcome| {
            // The last one with this number.
            let Some(latest) = fates.len().checked_sub(1) else { return };
            let back = (latest + SEQUENCE_NUMBERS - usize::from(sequence)) % SEQUENCE_NUMBERS;
            let Some(fate) = latest.checked_sub(back).map(|number| &mut fates[number]) else { return };
            match (outcome, *fate) {
                (Ok(arrival), Fate::Pending(sent) | Fate::Refused(sent)) => {
                    *fate = Fate::Answered;
                    log.rtts.0.push(arrival.since(sent));
                    // What comes after the end ends no gap: that was noted.
                    if !*stopped {
                        let at = arrival.at(sent);
                        log.longest_gap = log.longest_gap.max(at.saturating_duration_since(*last_answer));
                        *last_answer = at.max(*last_answer);
                    }
                }
                (Ok(_), Fate::Answered | Fate::NotSent) => log.duplicates += 1,
                (Err(error), before) => {
                    if let Fate::Pending(sent) = before {
                        *fate = Fate::Refused(sent);
                    }
                    log.note_refusal(error);
                }
            }
        })
    }

    fn note_gap(&mut self, now: Instant) {
        self.stopped = true;
        self.log.longest_gap = self.log.longest_gap.max(now - self.last_answer);
    }

    fn conclude(self) -> Result<PingLog, PingError> {
        let Self { asker, fates, mut log, .. } = self;
        let numbered = (0..).zip(&fates);
        log.lost = numbered.filter(|(_, fate)| !matches!(fate, Fate::Answered)).map(|(number, _)| number).collect();
        let sent = fates.iter().filter(|fate| !matches!(fate, Fate::NotSent)).count();
        log.sent = u32::try_from(sent).unwrap_or(u32::MAX);
        if !log.lost.is_empty() {
            asker.check_nothing_was_lost()?;
        }
        Ok(log)
    }
}

impl PingLog {
    fn note_refusal(&mut self, error: PingError) {
        self.refused += 1;
        if self.refusals.len() < REFUSALS {
            self.refusals.push(error);
        }
    }

    /// Requests that were sent. One that the host's own kernel refused was not.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Requests that were answered.
    pub fn received(&self) -> u32 {
        self.rtts.count()
    }

    /// The numbers of the requests that were not answered, counted from 0: also of those that the host's own kernel refused to send.
    pub fn lost(&self) -> &[u32] {
        &self.lost
    }

    /// Answers to requests that had been answered before.
    pub fn duplicates(&self) -> u32 {
        self.duplicates
    }

    /// How often it was said that there is no way, or that it is forbidden: by somebody on the way, or by the host's own kernel.
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// What was said then, in that order; the first 1000.
    pub fn refusals(&self) -> &[PingError] {
        &self.refusals
    }

    /// The round trips of the requests that were answered, in the order of the answers.
    pub fn rtts(&self) -> &[Duration] {
        &self.rtts.0
    }

    /// The shortest round trip.
    pub fn rtt_min(&self) -> Duration {
        self.rtts.min()
    }

    /// The mean round trip.
    pub fn rtt_avg(&self) -> Duration {
        self.rtts.avg()
    }

    /// The longest round trip.
    pub fn rtt_max(&self) -> Duration {
        self.rtts.max()
    }

    /// The standard deviation of the round trips: the root of the mean of their squared distances from the mean.
    pub fn rtt_deviation(&self) -> Duration {
        self.rtts.deviation()
    }

    /// The longest time without an answer: between two, from the start to the first, or from the last until it was stopped.
    pub fn longest_gap(&self) -> Duration {
        self.longest_gap
    }
}

impl fmt::Display for PingLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rtts, gap) = (&self.rtts, self.longest_gap);
        write!(f, "{} sent, {} answered, {} refused, ", self.sent, self.received(), self.refused)?;
        write!(f, "{rtts}, longest gap {gap:?}")?;
        if let Some(last) = self.refusals.last() {
            write!(f, ", last refusal: {last}")?;
        }
        Ok(())
    }
}
