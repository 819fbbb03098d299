//! The network of one test: built by [`Lab::build`], gone with the process.

mod baseline;
mod build;
mod builder;
mod carrier;
mod error;
mod hub;
mod labs;
mod netlink;
mod tap;
pub(crate) mod world;

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use netns_test_topology::{Picture, Plan};

pub(crate) use baseline::{Baseline, pinned};
pub(crate) use build::message::{MAIN_TABLE, address as address_message, link as link_message, route as route_message};
pub use builder::{BuildError, LabBuilder};
pub(crate) use carrier::{Awaited, Carrier, Patience, operational};
pub(crate) use error::{LabError, quota};
pub(crate) use hub::{Hub, Member, NoCable, inside, wait_for_addresses_in_host, wait_in_host, with_netlink};
pub(crate) use labs::Labs;
pub(crate) use netlink::{Netlink, NetlinkError};
pub(crate) use world::{cover, cover_file};

use crate::host::{Machine, Surroundings};
use crate::settings::Settings;
use crate::{Host, Segment, fault, firewall, harness, impair};

/// The whole network of a test.
///
/// Cheap to clone; every clone is the same network.
#[derive(Clone)]
pub struct Lab(Arc<Network>);

thread_local! {
    static CURRENT: RefCell<Option<Lab>> = const { RefCell::new(None) };
}

struct Network {
    hosts: Vec<Host>,
    segments: Vec<Segment>,
    surroundings: Arc<Surroundings>,
}

impl Lab {
    /// Makes the network real. The calling thread is in a [`world`] of its own and stays there.
    pub(crate) fn build(plan: Plan, settings: &Settings, labs: Arc<Labs>) -> Result<Self, LabError> {
        let built = build::build(&plan, settings, labs.hosts())?;
        let hub = Hub::new(built.hub, built.indices, built.taps);
        let surroundings = Arc::new(Surroundings::new(plan, settings.clone(), hub, labs, built.recorder));
        let machines = built.namespaces.into_iter().enumerate();
        let machines = machines.map(|(number, netns)| Machine::new(number, Arc::clone(&surroundings), netns));
        let hosts: Vec<Host> = machines.map(Host::new).collect();
        firewall::translate(&surroundings.plan, &hosts)?;
        world::name_hosts(&hosts)?;
        let segments = 0..surroundings.plan.segments.len();
        let segments = segments.map(|number| Segment::new(number, Arc::clone(&surroundings))).collect();
        let lab = Self(Arc::new(Network { hosts, segments, surroundings }));
        let surroundings = &lab.0.surroundings;
        surroundings.labs.add(lab.clone());
        world::write_hosts(&surroundings.labs)?;
        impair::draw(surroundings)?;
        Ok(lab)
    }

    /// A lab whose shape is known at run time only.
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    /// The settings of its test.
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.surroundings.settings
    }

    /// Panics at the line of whoever asked for what cannot be done, and remembers it.
    pub(crate) fn could_not(&self, at: &Location<'_>, message: String) -> ! {
        self.0.surroundings.could_not(at, message)
    }

    /// All labs of the same test.
    pub(crate) fn all(&self) -> &Arc<Labs> {
        &self.0.surroundings.labs
    }

    pub(crate) fn surroundings(&self) -> &Arc<Surroundings> {
        &self.0.surroundings
    }

    /// What its segments do to frames, what befalls its hosts, and what has happened by the clock: some lines, for the evidence.
    pub(crate) fn weather(&self) -> String {
        let surroundings = &self.0.surroundings;
        let segments = surroundings.impairments.describe(surroundings);
        segments + &fault::describe(self.hosts()) + &surroundings.chronicle.describe()
    }

    /// The lab of the test whose body this thread runs.
    ///
    /// For fixtures that are no parameters of the test function, as those of `rstest` are.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Calls `f` with this lab as [`Lab::current`].
    pub(crate) fn as_current<T>(&self, f: impl FnOnce(&Self) -> T) -> T {
        CURRENT.set(Some(self.clone()));
        f(self)
    }

    /// Holds the test until somebody lets it go on, and tells on the real standard error how to enter its lab meanwhile.
    ///
    /// The deadline waits. This blocks its thread, and so an `async` body with the tasks on its runtime; hosts, the futures in them and
    /// programs run on, and so does what happens by the clock. It is for a person who looks at a lab, and to be removed after.
    ///
    /// # Panics
    /// Where the variable `CI` is set, to whatever, as nobody would let it go on; with `isolation = "inline"`, which has no process that is
    /// the test's alone; where the kernel cannot be asked to wait. As with [`Lab::host`], a panic that is expected is another.
    #[track_caller]
    pub fn pause(&self) {
        let at = Location::caller();
        if let Err(error) = harness::pause(format!("is at {at}"), self) {
            let error = crate::error::chain(&error);
            self.could_not(at, format!("could not pause the test: {error}; remove this call of `pause`"))
        }
    }

    /// All hosts, in the order in which they were drawn.
    pub fn hosts(&self) -> &[Host] {
        &self.0.hosts
    }

    /// The host with this name.
    ///
    /// # Panics
    /// If there is none; the message lists the names there are. The test has not been asked what it was to be asked, and a panic that it
    /// expects (`#[should_panic]`) is another.
    #[track_caller]
    pub fn host(&self, name: &str) -> &Host {
        let at = Location::caller();
        self.find_host(name).unwrap_or_else(|complaint| self.0.surroundings.could_not(at, complaint))
    }

    /// All segments, in the order in which they were drawn.
    pub fn segments(&self) -> &[Segment] {
        &self.0.segments
    }

    /// The segment with this name; the one of a test that draws none is called `lan`.
    ///
    /// # Panics
    /// If there is none, as [`Lab::host`] does.
    #[track_caller]
    pub fn segment(&self, name: &str) -> &Segment {
        let at = Location::caller();
        self.find_segment(name).unwrap_or_else(|complaint| self.0.surroundings.could_not(at, complaint))
    }

    /// A picture of it as it was drawn: as text with `{}`, as SVG, or for Graphviz or Mermaid.
    pub fn draw(&self) -> Picture {
        Picture::of(&self.0.surroundings.plan)
    }

    fn find_host(&self, name: &str) -> Result<&Host, String> {
        self.hosts().iter().find(|host| host.name() == name).ok_or_else(|| {
            let known: Vec<_> = self.hosts().iter().map(Host::name).collect();
            format!("there is no host `{name}` in this lab; {}", there_are(&known))
        })
    }

    fn find_segment(&self, name: &str) -> Result<&Segment, String> {
        self.segments().iter().find(|segment| segment.name() == name).ok_or_else(|| {
            let known: Vec<_> = self.segments().iter().map(Segment::name).collect();
            format!("there is no segment `{name}` in this lab; {}", there_are(&known))
        })
    }
}

fn there_are(names: &[&str]) -> String {
    if names.is_empty() { "there are none at all".to_owned() } else { format!("there are `{}`", names.join("`, `")) }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("hosts", &self.hosts()).finish()
    }
}
