//! One question, and all of them at once.

use std::fmt::Write;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::Connectivity;
use super::traffic::{Kind, Ports, PortsError, Traffic};
use crate::Host;
use crate::flow::{CutReason, FlowError, Open};
use crate::probe::{
    ArpError, CannotRun, Family, NoAnswer, PingError, Target, UnreachableCode, all_on_hosts, on_host, refuse_to_block,
    wait_on_host,
};
use crate::trail::{self, Trail};
use crate::transport::Transport;

/// Why there is no connection between two hosts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectivityError {
    /// Over ICMP.
    #[error(transparent)]
    Ping(#[from] PingError),
    /// Over ARP, or by neighbour discovery.
    #[error(transparent)]
    Arp(#[from] ArpError),
    /// Over TCP, UDP or SCTP.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// These are no ports that could be asked for. The question was never asked.
    #[error(transparent)]
    Ports(#[from] PortsError),
}

/// A question over a port takes a server's socket, and two files for each of the attempts that may be under way at once.
const FILES: usize = 16;

/// In one direction, and for one port if it has ports.
#[derive(Clone, Debug)]
struct Question {
    from: Host,
    to: Host,
    family: Option<Family>,
    probe: Probe,
}

#[derive(Clone, Copy, Debug)]
enum Probe {
    Icmp,
    Arp,
    Port(Port),
}

#[derive(Clone, Copy, Debug)]
struct Port {
    transport: Transport,
    number: u16,
    source: u16,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// An answer, for so long.
    Answer(Duration),
    /// An answer or a refusal; silence if there is neither in a window.
    Word(Duration),
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Answer {
    /// Which question.
    pub(super) name: String,
    pub(super) outcome: Result<String, ConnectivityError>,
    /// What was asked, if an error does not know where its packets went.
    asked: Option<trail::Question>,
}

impl Answer {
    pub(super) fn new(name: String, outcome: Result<String, ConnectivityError>) -> Self {
        Self { name, outcome, asked: None }
    }

    /// Why there was no answer: some lines, each behind a newline. For an assertion that fails: it asks once more.
    pub(super) fn why(&self) -> String {
        let Err(error) = &self.outcome else { return String::new() };
        let of_flow = error.trail().map(Trail::explain);
        of_flow.or_else(|| self.asked.as_ref().map(trail::explain)).unwrap_or_default()
    }
}

pub(super) type Answers = Vec<Answer>;

/// What is asked, of a connectivity.
#[derive(Clone, Debug)]
pub(super) struct Inquiry {
    pub(super) connectivity: Connectivity,
    pub(super) traffic: Traffic,
}

impl Inquiry {
    /// Asks everything at once.
    pub(super) async fn ask(&self, wanted: Wanted) -> Result<Answers, ConnectivityError> {
        on_host(self.host(), self.describe(), self.clone().session(wanted)).await
    }

    #[track_caller]
    pub(super) fn ask_and_wait(&self, wanted: Wanted) -> Result<Answers, ConnectivityError> {
        refuse_to_block(self.peer());
        wait_on_host(self.host(), self.describe(), self.clone().session(wanted))
    }

    /// A flow to be opened for each question, by whom. There is one only where there are ports.
    pub(super) fn opens(&self) -> Result<Vec<(Host, Open<()>)>, ConnectivityError> {
        let opens = self.questions()?.into_iter().filter_map(|question| match question.probe {
            Probe::Port(port) => Some((question.from.clone(), question.open(port))),
            Probe::Icmp | Probe::Arp => None,
        });
        Ok(opens.collect())
    }

    /// Asks everything at once. To be run on the runtime of either host.
    pub(super) async fn session(self, wanted: Wanted) -> Result<Answers, ConnectivityError> {
        let questions = self.questions()?;
        let names: Vec<_> = questions.iter().map(Question::name).collect();
        let asked = questions.into_iter().map(|question| (question.from.clone(), question.ask(wanted)));
        let answers = all_on_hosts(self.describe(), asked.collect::<Vec<_>>()).await;
        let answer = |(name, answer): (String, Result<String, Unanswered>)| match answer {
            Ok(report) => Answer::new(name, Ok(report)),
            Err(Unanswered { error, asked }) => Answer { name, outcome: Err(error), asked },
        };
        Ok(names.into_iter().zip(answers).map(answer).collect())
    }

    pub(super) fn host(&self) -> &Host {
        &self.connectivity.host
    }

    pub(super) fn peer(&self) -> &Host {
        &self.connectivity.peer
    }

    pub(super) fn describe(&self) -> String {
        let (host, peer, _) = self.connectivity.names();
        format!("what gets through over {} between {host} and {peer}", self.traffic)
    }

    fn questions(&self) -> Result<Vec<Question>, ConnectivityError> {
        if matches!(self.traffic.0, Kind::Arp) && self.host() == self.peer() {
            let source = io::Error::other("a host does not ask itself who it is");
            let what = format!("ask host `{}` for its own address", self.host().name());
            return Err(ArpError::Local { what, source }.into());
        }
        let probes = match self.traffic.0 {
            Kind::Icmp => vec![Probe::Icmp],
            Kind::Arp => vec![Probe::Arp],
            Kind::Ports(ports @ Ports { transport, source_port, .. }) => {
                let numbers = ports.numbers(self.connectivity.goes_both_ways())?;
                numbers.map(|number| Probe::Port(Port { transport, number, source: source_port })).collect()
            }
        };
        let families = self.connectivity.families();
        let mut questions = Vec::new();
        for (from, to) in self.connectivity.directions() {
            for &family in &families {
                let ask = |&probe| Question { from: from.clone(), to: to.clone(), family, probe };
                questions.extend(probes.iter().map(ask));
            }
        }
        // A few fit into any limit.
        if questions.len() > 8 {
            make_room_for_files(questions.len() * FILES);
        }
        Ok(questions)
    }
}

/// Lets this process, and the programs that it starts from now on, open so many more files, as far as it may. What is short then is told by whoever
/// needs it.
fn make_room_for_files(more: usize) {
    static CHANGING: Mutex<()> = Mutex::new(());
    let _alone = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let needed = (open + more) as u64;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < needed
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard);
    }
}

/// Has a builder aim at the address of a family.
macro_rules! of_family {
    ($family:expr, $builder:expr) => {
        match $family {
            None => $builder,
            Some(Family::V4) => $builder.ipv4(),
            Some(Family::V6) => $builder.ipv6(),
        }
    };
}

/// Why there was no answer, and what was asked if the error does not know where packets went.
struct Unanswered {
    error: ConnectivityError,
    asked: Option<trail::Question>,
}

impl Unanswered {
    fn new(error: impl Into<ConnectivityError>, asked: Option<trail::Question>) -> Self {
        Self { error: error.into(), asked }
    }
}

impl From<CannotRun> for Unanswered {
    fn from(cannot: CannotRun) -> Self {
        Self::new(cannot, None)
    }
}

/// What came of an assertion.
macro_rules! told {
    ($assertion:expr) => {{
        let assertion = $assertion;
        let asked = assertion.question(Instant::now());
        let outcome = assertion.session().await;
        outcome.map(|report| report.to_string()).map_err(|error| Unanswered::new(error, asked))
    }};
}

impl Question {
    fn name(&self) -> String {
        let mut name = format!("{} → {}", self.from.name(), self.to.name());
        // Writing to a string cannot fail.
        if let Ok(address) = Target::from(&self.to).resolve(&self.from, self.family) {
            let _ = write!(name, " ({address})");
        }
        if let Probe::Port(Port { transport, number: number @ 1.., .. }) = self.probe {
            let _ = write!(name, ", {transport} port {number}");
        }
        name
    }

    /// On the runtime of whoever asks.
    async fn ask(self, wanted: Wanted) -> Result<String, Unanswered> {
        let Self { from, to, family, probe } = &self;
        match (*probe, wanted) {
            (Probe::Icmp, Wanted::Answer(timeout)) => {
                told!(of_family!(family, from.assert_ping(to).timeout(timeout)))
            }
            (Probe::Icmp, Wanted::Word(window)) => {
                told!(of_family!(family, from.assert_no_ping(to).window(window)))
            }
            (Probe::Arp, Wanted::Answer(timeout)) => {
                told!(of_family!(family, from.assert_arping(to).timeout(timeout)))
            }
            (Probe::Arp, Wanted::Word(window)) => {
                told!(of_family!(family, from.assert_no_arping(to).window(window)))
            }
            (Probe::Port(port), wanted) => {
                let open = self.open(port);
                let flow = match wanted {
                    Wanted::Answer(timeout) => open.timeout(timeout).at_last().await,
                    Wanted::Word(window) => open.in_window(window).await,
                };
                flow.map(|flow| format!("there is a {}", flow.what())).map_err(|error| Unanswered::new(error, None))
            }
        }
    }

    fn open(&self, Port { transport, number, source }: Port) -> Open<()> {
        let open = Open::new(&self.from, &self.to, transport).port(number).source_port(source);
        of_family!(self.family, open)
    }
}

impl ConnectivityError {
    /// Whether it is a result: the question was refused, or met with silence. Otherwise it was never asked, or what came back says
    /// nothing about whether anything gets through.
    pub fn is_negative(&self) -> bool {
        self.no_answer().is_some_and(NoAnswer::is_negative)
    }

    /// Whether somebody said that there is no way: with this code, if one is wanted. The own host's lack of a route has none.
    pub(super) fn says_unreachable(&self, wanted: Option<UnreachableCode>) -> bool {
        let cut = if let Self::Flow(error) = self { error.cut_reason() } else { None };
        let said = match (self, cut) {
            (Self::Ping(PingError::NoRoute { .. }), _) | (_, Some(CutReason::NoRoute)) => return wanted.is_none(),
            (Self::Ping(PingError::Unreachable { code, .. } | PingError::Prohibited { code, .. }), _)
            | (_, Some(CutReason::Unreachable { code, .. } | CutReason::Prohibited { code, .. })) => *code,
            _ => return false,
        };
        let by_itself = matches!(said, UnreachableCode::V4(2 | 3) | UnreachableCode::V6(4));
        wanted.map_or(!said.is_prohibited() && !by_itself, |wanted| wanted == said)
    }

    /// Where packets died, if the error knows.
    pub(crate) fn trail(&self) -> Option<&Trail> {
        if let Self::Flow(error) = self { error.trail() } else { None }
    }

    fn no_answer(&self) -> Option<&dyn NoAnswer> {
        match self {
            Self::Ping(error) => Some(error),
            Self::Arp(error) => Some(error),
            Self::Flow(error) => Some(error),
            Self::Ports(_) => None,
        }
    }
}

impl NoAnswer for ConnectivityError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn is_broken(&self) -> bool {
        self.no_answer().is_none_or(NoAnswer::is_broken)
    }

    fn is_answered(&self) -> bool {
        self.no_answer().is_some_and(NoAnswer::is_answered)
    }
}

impl From<CannotRun> for ConnectivityError {
    fn from(cannot: CannotRun) -> Self {
        Self::Flow(cannot.into())
    }
}
