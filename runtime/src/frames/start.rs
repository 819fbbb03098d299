//! How a capture is begun, and what it is asked for.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::listening::{Listening, Subject, host};
use super::{CaptureError, Frame, Frames};
use crate::error::chain;
use crate::harness::Waiting;
use crate::host::Surroundings;
use crate::{Host, Segment};

/// How many bytes of frames a capture keeps, unless its test says otherwise.
const BUDGET: usize = 64 << 20;

/// A capture that is being described: `.await` it, or `.wait()` for it in a plain function. Then it has begun.
#[must_use = "nothing is captured until this is awaited, or `wait()` is called"]
#[derive(Clone)]
pub struct StartCapture {
    surroundings: Arc<Surroundings>,
    subject: Subject,
    of: String,
    budget: usize,
}

/// What crosses a segment, or a host's interfaces, from when this was begun until it is dropped.
///
/// Everything is in it that is sent after [`StartCapture`] was awaited, whole, and until it is asked for: the kernel shows a frame to it before whoever
/// sends it goes on. If a single one is missing, [`Capture::frames`] and [`Capture::arrivals`] are errors, for good. What waits in a queue of its own host, or for a neighbour to answer, is not
/// sent yet, and what a relay or the kernel still holds (a delay, a rate) has not arrived yet: wait for what shows that it has, such as an answer.
///
/// An interface is heard whether it is up or down. A cable that is moved to another segment ([`Segment::move_host`]) is followed: what its host sends
/// while it is being moved is in the captures of both segments. An interface that was deleted, or moved to another network namespace, is an error, also
/// if it is back by then: what it sent meanwhile is not known. Not seen is what a program sends past the kernel's queues (`PACKET_QDISC_BYPASS` in packet(7)); where it arrives it is.
#[must_use = "a capture ends when it is dropped"]
pub struct Capture {
    listening: Arc<Listening>,
    surroundings: Arc<Surroundings>,
}

impl Segment {
    /// Captures what crosses this segment, from when this has been awaited until the capture is dropped.
    ///
    /// [`Capture::frames`] are those that hosts have put onto it, each once, by whom and when; [`Capture::arrivals`] are those that came out at the
    /// others. Of a VLAN or a tunnel it is what is inside, without tag and envelope: those are on the segment that it is over.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// # #[netns_test(namespaces = 2, veth = true)]
    /// # async fn doc(client: Host, server: Host, lan: Segment) -> TestResult {
    /// let capture = lan.capture().await?;
    /// let listener = server.tcp_listener()?;
    /// let _connection = client.tcp_connect(listener.local_addr()?)?;
    /// capture.frames()?.filter(|frame| frame.is_syn()).assert_count(1);
    /// capture.frames()?.udp().port(53).assert_none();
    /// # Ok(())
    /// # }
    /// ```
    pub fn capture(&self) -> StartCapture {
        let of = format!("segment `{}`", self.name());
        StartCapture::new(self.surroundings(), Subject::Segment(self.number()), of)
    }
}

impl Host {
    /// Captures what leaves this host, and what enters it, from when this has been awaited until the capture is dropped.
    ///
    /// It is heard where the host ends: at the interfaces that were drawn, but for those that are in a VLAN or a tunnel, whose frames leave by the one that
    /// this is over. So a packet that goes through a VPN is there as it leaves; and what stays within the host, on its loopback, is not.
    pub fn capture(&self) -> StartCapture {
        let of = format!("host `{}`", self.name());
        StartCapture::new(self.surroundings(), Subject::Host(self.machine().number()), of)
    }

    /// Captures what all interfaces of this host send and receive: its loopback, those within tunnels, and those that programs add. A packet that crosses
    /// several of them is there several times.
    pub fn capture_everywhere(&self) -> StartCapture {
        let of = format!("all interfaces of host `{}`", self.name());
        StartCapture::new(self.surroundings(), Subject::Everywhere(self.machine().number()), of)
    }
}

impl StartCapture {
    fn new(surroundings: &Arc<Surroundings>, subject: Subject, of: String) -> Self {
        Self { surroundings: Arc::clone(surroundings), subject, of, budget: BUDGET }
    }

    /// How many bytes of frames it keeps, with some hundred bytes for each; 64 MiB unless this is said. One more frame, and it is
    /// [`CaptureError::Incomplete`].
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Begins, and returns when everything is heard.
    pub fn wait(self) -> Result<Capture, CaptureError> {
        let Self { surroundings, subject, of, budget } = self;
        let _waiting = Waiting::new(format!("a capture of {of}"));
        let started = surroundings.captures.start(&surroundings, subject, of, budget);
        let listening = started.map_err(|error| noted(&surroundings, error))?;
        Ok(Capture { listening, surroundings })
    }
}

impl IntoFuture for StartCapture {
    type Output = Result<Capture, CaptureError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// It is begun on a thread of its own: whatever else runs on this one goes on.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let of = self.of.clone();
            let (tell, told) = tokio::sync::oneshot::channel();
            // Nobody is told who has dropped the future, and then nothing is captured.
            let thread = std::thread::Builder::new().spawn(move || _ = tell.send(self.wait()));
            let failed = |source| CaptureError::Failed { of, source };
            match thread {
                Ok(_) => told.await.unwrap_or_else(|_| Err(failed(std::io::Error::other("its thread has panicked")))),
                Err(error) => Err(failed(error)),
            }
        })
    }
}

impl Capture {
    /// What has been sent until now, in the order of time: on a segment, what hosts have put onto it; of a host, what it has sent and what it has received.
    ///
    /// # Errors
    /// If one frame was missed, or may have been, or if fragments cannot be relied on ([`CaptureError::Fragments`]). The test is broken then, whatever becomes
    /// of the error.
    pub fn frames(&self) -> Result<Frames, CaptureError> {
        let of = self.listening.of.clone();
        match self.listening.subject {
            Subject::Segment(_) => self.ask(of, Frame::is_sent),
            Subject::Host(_) | Subject::Everywhere(_) => self.ask(of, |_| true),
        }
    }

    /// What has arrived until now, in the order of time: on a segment, whatever came out at its hosts, at each of them; of a host, what it has received.
    ///
    /// What was put onto a segment and is not here was lost on it, or is under way. What is here and was not put onto it by a host was made by
    /// the segment: a copy, a frame that a test has injected. TCP may arrive in other pieces than it was sent in.
    ///
    /// # Errors
    /// As for [`Capture::frames`].
    pub fn arrivals(&self) -> Result<Frames, CaptureError> {
        self.ask(format!("arrivals at {}", self.listening.of), Frame::is_received)
    }

    fn ask(&self, of: String, wanted: impl Fn(&Frame) -> bool) -> Result<Frames, CaptureError> {
        let all = self.listening.frames();
        let certain = |all: &Vec<_>| self.listening.is_certain(&self.surroundings, all);
        let all = all.and_then(|all| certain(&all).map(|()| all)).map_err(|error| noted(&self.surroundings, error))?;
        let hosts = self.listening.hosts().into_iter().map(|number| host(&self.surroundings, number));
        Ok(Frames::new(of, all.into_iter().filter(|frame| wanted(frame)).collect(), hosts.collect()))
    }
}

/// Nothing is known of what the test wanted to claim, whatever becomes of the error: it may as well be looked at and left.
fn noted(surroundings: &Surroundings, error: CaptureError) -> CaptureError {
    let _ = surroundings.spoiled.set(chain(&error));
    error
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.listening.end();
    }
}

impl fmt::Debug for StartCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartCapture").field("of", &self.of).field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("of", &self.listening.of).finish_non_exhaustive()
    }
}
