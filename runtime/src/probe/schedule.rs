//! When a probe asks, and when it is over.

use std::io;
use std::time::{Duration, Instant};

/// The longest interval: one that can be added to any instant.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many requests are sent, and when it is over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// So many requests; over when each has its answer or after the last words.
    Fixed { count: u16, interval: Duration, last_words: Duration },
    /// As many as it takes until so many have been answered; nothing but the deadline or a broken probe ends it.
    Until { answers: u16, interval: Duration, deadline: Duration },
    /// So many requests spread over the window; over at the first answer or refusal, or with the window.
    Silence { count: u16, window: Duration },
}

/// A plan that is being followed.
#[derive(Debug)]
pub(crate) struct Schedule {
    plan: Plan,
    begun: Instant,
    /// Requests that were sent, or refused by the host's own kernel, and when the last one was.
    tries: u32,
    last_try: Instant,
}

impl Schedule {
    /// From now on.
    pub(crate) fn new(plan: Plan) -> Self {
        let begun = Instant::now();
        Self { plan, begun, tries: 0, last_try: begun }
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    /// For how long it has been followed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Requests that were sent, or refused by the host's own kernel.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// Notes that a request is being sent.
    pub(crate) fn note_try(&mut self, at: Instant) {
        self.tries += 1;
        self.last_try = at;
    }

    /// When the next request is due, if there is to be one.
    pub(crate) fn next_send(&self) -> Option<Instant> {
        let (count, interval) = match self.plan {
            Plan::Fixed { count, interval, .. } => (u32::from(count), interval.min(LONGEST)),
            // A sequence number has 16 bits.
            Plan::Until { interval, .. } => (u32::from(u16::MAX), interval.min(LONGEST)),
            Plan::Silence { count, window } => (u32::from(count), window / (u32::from(count) + 1)),
        };
        (self.tries < count).then(|| if self.tries == 0 { self.begun } else { self.last_try + interval })
    }

    /// When it is over whatever has come, if that is known already.
    pub(crate) fn end(&self) -> Option<Instant> {
        let is_known = matches!(self.plan, Plan::Until { .. }) || self.next_send().is_none();
        is_known.then(|| self.end_of(self.last_try))
    }

    /// Until when an answer to what is sent at some time is waited for.
    pub(crate) fn end_of(&self, sent: Instant) -> Instant {
        match self.plan {
            Plan::Fixed { last_words, .. } => sent + last_words,
            Plan::Until { deadline, .. } => self.begun + deadline,
            // The last request is given its share even if it was sent late.
            Plan::Silence { count, window } => (self.begun + window).max(sent + window / (u32::from(count) + 1)),
        }
    }

    /// Whether the time is over. However short it is, one request is tried.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.tries > 0 && self.end().is_some_and(|end| now >= end)
    }

    /// Whether a request is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next_send().is_some_and(|next| now >= next)
    }

    /// Until when there is nothing to be done: until the next request is due or the time is over, whichever comes first.
    pub(crate) fn wake(&self, now: Instant) -> Instant {
        [self.next_send(), self.end()].into_iter().flatten().min().unwrap_or(now)
    }
}

/// Waits until then: until the next request is due or a time is over, with what may arrive before in the other arms of a `select!`. All that
/// probes and flows ever wait for without an event is in here.
///
/// A pause of tokio's clock in a future of this host would end it before its time, and silence would mean nothing: that is an error.
pub(crate) async fn until(wake: Instant) -> io::Result<()> {
    tokio::time::sleep_until(wake.into()).await;
    // tokio's timers have a resolution of a millisecond.
    if Instant::now() + Duration::from_millis(2) >= wake {
        return Ok(());
    }
    Err(io::Error::other("tokio's clock is paused on the runtime of this host"))
}
