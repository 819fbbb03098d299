//! One question, and all of them at once.

use std::time::Duration;

use super::Connectivity;
use super::traffic::{Kind, Ports, Traffic};
use crate::Host;
use crate::flow::{FlowError, Open};
use crate::probe::{
    ArpError, CannotRun, Family, NoAnswer, PingError, UnreachableCode, all_on_hosts, on_host, refuse_to_block,
    wait_on_host,
};
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
    #[error("{0}")]
    Ports(String),
}

/// In one direction, and for one port if it has ports.
#[derive(Clone, Debug)]
struct Question {
    from: Host,
    to: Host,
    family: Option<Family>,
    kind: One,
}

#[derive(Clone, Copy, Debug)]
enum One {
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
    AnyWord(Duration),
}

/// Which question, and what came of it.
pub(super) type Answer = (String, Result<String, ConnectivityError>);
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
        let opens = self.questions()?.into_iter().filter_map(|question| match question.kind {
            One::Port(port) => Some((question.from.clone(), question.open(port))),
            One::Icmp | One::Arp => None,
        });
        Ok(opens.collect())
    }

    /// Asks everything at once. To be run on the runtime of either host.
    pub(super) async fn session(self, wanted: Wanted) -> Result<Answers, ConnectivityError> {
        let questions = self.questions()?;
        let names: Vec<_> = questions.iter().map(Question::name).collect();
        let asked = questions.into_iter().map(|question| (question.from.clone(), question.ask(wanted)));
        let answers = all_on_hosts(self.describe(), asked.collect::<Vec<_>>()).await;
        Ok(names.into_iter().zip(answers).collect())
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
        let kinds = match &self.traffic.0 {
            Kind::Icmp => vec![One::Icmp],
            Kind::Arp => vec![One::Arp],
            Kind::Ports(ports) => {
                let Ports { transport, source_port, .. } = *ports;
                let numbers = ports.numbers().map_err(ConnectivityError::Ports)?;
                numbers.map(|number| One::Port(Port { transport, number, source: source_port })).collect()
            }
        };
        let family = self.connectivity.family;
        let of = |(from, to): (&Host, &Host)| {
            let (from, to) = (from.clone(), to.clone());
            kinds.iter().map(move |&kind| Question { from: from.clone(), to: to.clone(), family, kind })
        };
        Ok(self.connectivity.ways().flat_map(of).collect())
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

impl Question {
    fn name(&self) -> String {
        let (from, to) = (self.from.name(), self.to.name());
        match self.kind {
            One::Port(Port { transport, number, .. }) if number != 0 => {
                format!("{from} → {to}, {transport} port {number}")
            }
            One::Icmp | One::Arp | One::Port(_) => format!("{from} → {to}"),
        }
    }

    /// On the runtime of whoever asks.
    async fn ask(self, wanted: Wanted) -> Result<String, ConnectivityError> {
        let Self { from, to, family, kind } = &self;
        Ok(match (*kind, wanted) {
            (One::Icmp, Wanted::Answer(timeout)) => {
                of_family!(family, from.assert_ping(to).timeout(timeout)).session().await?.to_string()
            }
            (One::Icmp, Wanted::AnyWord(window)) => {
                of_family!(family, from.assert_no_ping(to).window(window)).session().await?.to_string()
            }
            (One::Arp, Wanted::Answer(timeout)) => {
                of_family!(family, from.assert_arping(to).timeout(timeout)).session().await?.to_string()
            }
            (One::Arp, Wanted::AnyWord(window)) => {
                of_family!(family, from.assert_no_arping(to).window(window)).session().await?.to_string()
            }
            (One::Port(port), wanted) => {
                let open = self.open(port);
                let flow = match wanted {
                    Wanted::Answer(timeout) => open.timeout(timeout).at_last().await?,
                    Wanted::AnyWord(window) => open.in_window(window).await?,
                };
                format!("there is a {}", flow.what())
            }
        })
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

    /// Whether it will not change by asking again.
    pub(super) fn is_broken(&self) -> bool {
        self.no_answer().is_none_or(NoAnswer::is_broken)
    }

    /// Whether somebody said that there is no way, with this code if one is wanted; the host's own kernel gives none.
    pub(super) fn says_unreachable(&self, wanted: Option<UnreachableCode>) -> bool {
        self.no_answer().is_some_and(|error| error.says_unreachable(wanted))
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

impl From<CannotRun> for ConnectivityError {
    fn from(cannot: CannotRun) -> Self {
        Self::Flow(cannot.into())
    }
}
