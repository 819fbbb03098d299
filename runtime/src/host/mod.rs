//! A machine of the lab.

mod machine;
mod sockets;
mod surroundings;
mod tap;

pub(crate) use machine::Machine;
pub(crate) use surroundings::Surroundings;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use netns_test_topology::{HostPlan, Plan};
use tokio::task::JoinHandle;

use crate::{Command, Segment};

/// A machine of the lab: a network namespace with a name, addresses, and threads and programs inside it.
///
/// Cheap to clone; every clone is the same machine.
#[derive(Clone)]
pub struct Host(Arc<Machine>);

impl Host {
    pub(crate) fn new(machine: Machine) -> Self {
        Self(Arc::new(machine))
    }

    /// Its name: what the test function calls it, or the topology.
    pub fn name(&self) -> &str {
        self.0.plan().name.as_str()
    }

    /// Its first address, v4 before v6.
    ///
    /// # Panics
    /// If it has none, as in a lab without a wire.
    #[track_caller]
    pub fn addr(&self) -> IpAddr {
        match self.try_addr() {
            Some(address) => address,
            None => self.has_no("address"),
        }
    }

    /// Its first IPv4 address.
    ///
    /// # Panics
    /// If it has none.
    #[track_caller]
    pub fn addr_v4(&self) -> Ipv4Addr {
        match self.try_addr_v4() {
            Some(address) => address,
            None => self.has_no("IPv4 address"),
        }
    }

    /// Its first IPv6 address.
    ///
    /// # Panics
    /// If it has none.
    #[track_caller]
    pub fn addr_v6(&self) -> Ipv6Addr {
        match self.try_addr_v6() {
            Some(address) => address,
            None => self.has_no("IPv6 address"),
        }
    }

    /// Its first address, v4 before v6, if it has one.
    pub fn try_addr(&self) -> Option<IpAddr> {
        first_v4_before_v6(self.addresses())
    }

    /// Its first IPv4 address, if it has one.
    pub fn try_addr_v4(&self) -> Option<Ipv4Addr> {
        first_v4(self.addresses())
    }

    /// Its first IPv6 address, if it has one.
    pub fn try_addr_v6(&self) -> Option<Ipv6Addr> {
        first_v6(self.addresses())
    }

    /// All its addresses, interface by interface; the loopback's are not among them.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.addresses_of(self.0.number())
    }

    /// Its first address on a segment, v4 before v6.
    ///
    /// # Panics
    /// If it has none there.
    #[track_caller]
    pub fn addr_on(&self, segment: &Segment) -> IpAddr {
        match self.try_addr_on(segment) {
            Some(address) => address,
            None => self.has_none_on(segment, "address"),
        }
    }

    /// Its first address on a segment, v4 before v6, if it has one there.
    pub fn try_addr_on(&self, segment: &Segment) -> Option<IpAddr> {
        first_v4_before_v6(self.addresses_on(segment))
    }

    /// Its first IPv4 address on a segment.
    ///
    /// # Panics
    /// If it has none there.
    #[track_caller]
    pub fn addr_v4_on(&self, segment: &Segment) -> Ipv4Addr {
        match self.try_addr_v4_on(segment) {
            Some(address) => address,
            None => self.has_none_on(segment, "IPv4 address"),
        }
    }

    /// Its first IPv6 address on a segment.
    ///
    /// # Panics
    /// If it has none there.
    #[track_caller]
    pub fn addr_v6_on(&self, segment: &Segment) -> Ipv6Addr {
        match self.try_addr_v6_on(segment) {
            Some(address) => address,
            None => self.has_none_on(segment, "IPv6 address"),
        }
    }

    /// Its first IPv4 address on a segment, if it has one there.
    pub fn try_addr_v4_on(&self, segment: &Segment) -> Option<Ipv4Addr> {
        first_v4(self.addresses_on(segment))
    }

    /// Its first IPv6 address on a segment, if it has one there.
    pub fn try_addr_v6_on(&self, segment: &Segment) -> Option<Ipv6Addr> {
        first_v6(self.addresses_on(segment))
    }

    fn addresses_on(&self, segment: &Segment) -> Vec<IpAddr> {
        let interfaces = self.0.surroundings().addresses_of(self.0.number());
        let there = segment.interfaces_of(self).into_iter().flat_map(|nth| interfaces[nth].clone());
        there.map(|subnet| subnet.addr()).collect()
    }

    /// Runs a closure on a thread of this host, and answers with what it answers. Threads and programs that it starts, and
    /// sockets that it makes, are in the host; `/proc/net`, `/sys/class/net` and the host name speak of it.
    ///
    /// # Panics
    /// With the closure's panic, or if the kernel does not let a thread be started in the host.
    #[track_caller]
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        match self.0.run(f) {
            Ok(value) => value,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Runs a future on this host's own runtime: one thread of tokio's, in the host, with its own clock.
    ///
    /// The handle is tokio's: a panic of the future is its `JoinError`, and a future whose handle is dropped goes on.
    ///
    /// # Panics
    /// If the kernel does not let a thread be started in the host.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.runtime().spawn(future)
    }

    /// A program to be run in this host. Name and arguments are data: no shell reads them.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        Command::new(self.clone(), program.as_ref())
    }

    pub(crate) fn plan(&self) -> &HostPlan {
        self.0.plan()
    }

    pub(crate) fn surroundings(&self) -> &Arc<Surroundings> {
        self.0.surroundings()
    }

    pub(crate) fn is_in_the_lab_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.surroundings(), other.surroundings())
    }

    /// The plan of the whole lab.
    pub(crate) fn lab_plan(&self) -> &Plan {
        &self.0.surroundings().plan
    }

    /// The addresses of any host of the lab, by its index in the plan.
    pub(crate) fn addresses_of(&self, number: usize) -> Vec<IpAddr> {
        let interfaces = self.0.surroundings().addresses_of(number);
        interfaces.into_iter().flatten().map(|subnet| subnet.addr()).collect()
    }

    /// The addresses of any host of the lab at which this one would ask for it: those on a segment that both are on, or else all. One that
    /// is hidden behind it would not be the question that was meant.
    pub(crate) fn addresses_towards(&self, number: usize, wanted: impl Fn(&IpAddr) -> bool) -> Vec<IpAddr> {
        let Surroundings { plan, hub, .. } = &**self.surroundings();
        let segments =
            |host: usize| (0..plan.hosts[host].interfaces.len()).map(move |nth| hub.segment_of(plan, (host, nth)));
        let mine: Vec<usize> = segments(self.0.number()).collect();
        let interfaces = self.surroundings().addresses_of(number);
        let near = segments(number).zip(interfaces).filter(|(segment, _)| mine.contains(segment));
        let near = near.flat_map(|(_, subnets)| subnets).map(|subnet| subnet.addr());
        let near: Vec<IpAddr> = near.filter(&wanted).collect();
        if near.is_empty() { self.addresses_of(number) } else { near }
    }

    /// A duration, stretched by the settings.
    pub(crate) fn scaled(&self, duration: Duration) -> Duration {
        self.0.surroundings().settings.scaled(duration)
    }

    /// A time for which something must not happen, stretched and never shortened.
    pub(crate) fn stretched(&self, duration: Duration) -> Duration {
        self.0.surroundings().settings.stretched(duration)
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.0
    }

    pub(crate) fn netns(&self) -> BorrowedFd<'_> {
        self.0.netns()
    }

    /// What to say after "has no address".
    pub(crate) fn why_no_address(&self) -> &'static str {
        match (self.plan().interfaces.as_slice(), self.lab_plan().segments.as_slice()) {
            ([], []) => ": without `veth = true` it has a loopback only",
            ([], _) => ": it is on no segment",
            _ => "",
        }
    }

    #[track_caller]
    fn has_no(&self, what: &str) -> ! {
        panic!("host `{}` has no {what}{}", self.name(), self.why_no_address())
    }

    #[track_caller]
    fn has_none_on(&self, segment: &Segment, what: &str) -> ! {
        panic!("host `{}` has no {what} on segment `{}`", self.name(), segment.name())
    }
}

fn first_v4(addresses: Vec<IpAddr>) -> Option<Ipv4Addr> {
    addresses.into_iter().find_map(|address| match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    })
}

fn first_v6(addresses: Vec<IpAddr>) -> Option<Ipv6Addr> {
    addresses.into_iter().find_map(|address| match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6),
    })
}

fn first_v4_before_v6(addresses: Vec<IpAddr>) -> Option<IpAddr> {
    addresses.into_iter().min_by_key(IpAddr::is_ipv6)
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name()).field("addresses", &self.addresses()).finish()
    }
}

/// Two handles are equal when they are of the same machine.
impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Host {}
