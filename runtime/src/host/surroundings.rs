//! What all hosts and segments of a lab know.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::panic::{Location, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use netns_test_topology::{HostPlan, IpNet, Plan};
use once_cell::sync::OnceCell;

use crate::capture::Recorder;
use crate::change::Journal;
use crate::error::show_panic;
use crate::frames::Captures;
use crate::harness::Broken;
use crate::impair::Impairments;
use crate::lab::{Hub, Labs, Member};
use crate::settings::Settings;
use crate::timeline::Chronicle;
use crate::trail::Questions;

/// What all hosts and segments of a lab know.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) plan: Plan,
    pub(crate) settings: Settings,
    pub(crate) hub: Hub,
    /// What its segments do to frames.
    pub(crate) impairments: Impairments,
    /// What records the frames of its hosts, or why nothing does.
    pub(crate) recorder: io::Result<Recorder>,
    /// The captures that tests have asked for.
    pub(crate) captures: Captures,
    /// The questions that were not answered as they were to be.
    pub(crate) followed: Questions,
    /// What has happened by the clock.
    pub(crate) chronicle: Chronicle,
    /// What has been changed.
    pub(crate) journal: Journal,
    /// The labs of the same test.
    pub(crate) labs: Arc<Labs>,
    /// The first thing that a test could not do or ask.
    pub(crate) broken: OnceCell<String>,
    /// The first thing that made the network another than the test thinks: it is red, however it ends.
    pub(crate) spoiled: OnceCell<String>,
    /// The addresses that hosts have now: of each host, of each of its interfaces.
    addresses: RwLock<Vec<Vec<Vec<IpNet>>>>,
    /// The interfaces whose cables guards have out.
    outages: Mutex<BTreeSet<Member>>,
    /// Held from when it is known that nobody has an address until somebody has it.
    addressing: Mutex<()>,
}

impl Surroundings {
    pub(crate) fn new(
        plan: Plan,
        settings: Settings,
        hub: Hub,
        labs: Arc<Labs>,
        recorder: io::Result<Recorder>,
    ) -> Self {
        let of_host = |host: &HostPlan| host.interfaces.iter().map(|interface| interface.addresses.clone()).collect();
        let addresses = RwLock::new(plan.hosts.iter().map(of_host).collect());
        let (impairments, chronicle) = (Impairments::default(), Chronicle::default());
        Self {
            plan,
            settings,
            hub,
            impairments,
            recorder,
            captures: Captures::default(),
            followed: Questions::default(),
            chronicle,
            journal: Journal::default(),
            labs,
            broken: OnceCell::new(),
            spoiled: OnceCell::new(),
            addresses,
            outages: Mutex::default(),
            addressing: Mutex::default(),
        }
    }

    /// The addresses that a host has now, interface by interface.
    pub(crate) fn addresses_of(&self, host: usize) -> Vec<Vec<IpNet>> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner)[host].clone()
    }

    /// The interfaces whose cables guards have out.
    pub(crate) fn outages(&self) -> MutexGuard<'_, BTreeSet<Member>> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps others from giving addresses.
    pub(crate) fn addressing(&self) -> MutexGuard<'_, ()> {
        self.addressing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an interface has another address now, in the place of an old one.
    pub(crate) fn replace_address(&self, (host, interface): Member, old: Option<IpNet>, new: IpNet) {
        let mut addresses = self.addresses.write().unwrap_or_else(PoisonError::into_inner);
        let addresses = &mut addresses[host][interface];
        match addresses.iter_mut().find(|address| Some(**address) == old) {
            Some(old) => *old = new,
            None => addresses.push(new),
        }
    }

    /// Every host's name with each of its addresses.
    pub(crate) fn names(&self) -> Vec<(IpAddr, String)> {
        let addresses = self.addresses.read().unwrap_or_else(PoisonError::into_inner);
        let hosts = self.plan.hosts.iter().zip(addresses.iter());
        let named = hosts.flat_map(|(host, interfaces)| {
            interfaces.iter().flatten().map(|subnet| (subnet.addr(), host.name.to_string()))
        });
        named.collect()
    }

    /// Panics at the line of whoever asked for what cannot be done. That is no failure that a test could have expected, and the lab
    /// remembers it, since the panic may arrive as another: the thread it is in may be joined.
    pub(crate) fn could_not(&self, at: &Location<'_>, message: String) -> ! {
        show_panic(at, &message);
        let _ = self.broken.set(message.clone());
        resume_unwind(Box::new(Broken(message)))
    }
}
