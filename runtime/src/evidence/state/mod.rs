//! The state of a lab as values, which are printed or become a page: what the kernel says of each host and of the switches, what runs there,
//! and what has happened.

mod collect;
mod links;
mod programs;
mod routes;
mod switches;
mod sysctls;
mod traffic;
mod words;

pub(super) use collect::{collect, until};
pub(crate) use links::{Address, Link, Neighbour, Qdisc};
pub(crate) use programs::Program;
pub(crate) use routes::{Route, Rule};
pub(crate) use switches::Port;
pub(crate) use sysctls::Sysctl;
pub(crate) use traffic::Traffic;
pub(super) use words::{Part, all, brief, nothing_known, parts};

use std::time::Instant;

use crate::change::Changed;
use crate::kernel::Counter;
use crate::timeline::Happening;

/// Part of a state, or why it is not known.
pub(crate) type Section<T> = Result<T, String>;

/// The state of all labs of a test.
#[derive(Debug)]
pub(crate) struct LabState {
    pub(crate) hosts: Vec<HostState>,
    /// The ports of the switches, lab by lab.
    pub(crate) switches: Vec<Section<Vec<Port>>>,
    pub(crate) programs: Section<Vec<Program>>,
    /// What has happened, lab by lab.
    pub(crate) events: Vec<Section<Events>>,
}

/// What has happened in a lab.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    /// When it was made.
    pub(crate) began: Instant,
    pub(crate) changes: Vec<Changed>,
    /// By the clock of a timeline, each with when it began.
    pub(crate) happenings: Vec<(Instant, Happening)>,
    /// What its segments do to frames, what befalls its hosts and what has happened by the clock: lines, each with its end.
    pub(crate) weather: String,
}

/// The state of a host.
#[derive(Clone, Debug)]
pub(crate) struct HostState {
    pub(crate) name: String,
    pub(crate) links: Section<Vec<Link>>,
    /// Of all tables, without what the kernel keeps for itself.
    pub(crate) routes: Section<Vec<Route>>,
    /// Those that are not there from the beginning.
    pub(crate) rules: Section<Vec<Rule>>,
    /// Those that somebody had to ask for, or has written.
    pub(crate) neighbours: Section<Vec<Neighbour>>,
    /// Those that somebody has set.
    pub(crate) qdiscs: Section<Vec<Qdisc>>,
    /// Those that tell of losses.
    pub(crate) counters: Section<Vec<Counter>>,
    /// Those that are not as they were pinned or drawn.
    pub(crate) sysctls: Section<Vec<Sysctl>>,
    pub(crate) traffic: Traffic,
}

impl HostState {
    /// One of which nothing is known, for this reason.
    pub(super) fn unknown(name: &str, why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            name: name.to_owned(),
            links: Err(why()),
            routes: Err(why()),
            rules: Err(why()),
            neighbours: Err(why()),
            qdiscs: Err(why()),
            counters: Err(why()),
            sysctls: Err(why()),
            traffic: Traffic { sockets: Err(why()), connections: Err(why()), firewall: Err(why()) },
        }
    }
}
