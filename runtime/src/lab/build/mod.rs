//! From a plan to namespaces and links.
//!
//! Namespaces first, then links, each born in the namespaces where it lives; then addresses; `up` comes last; routes need
//! links that are up. Many hosts are built by as many threads as there are processors: each makes the namespaces of its share, and their
//! sockets, and no other thread touches those until it is done.

mod configure;
mod indices;
mod inside;
pub(crate) mod message;
mod site;
mod switch;
mod upper;
mod wireguard;

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use netns_test_topology::{Feature, HostPlan, Plan, SegmentKind};

pub(super) use indices::{Indices, Uplink};
use message::veth;
use site::Site;
pub(super) use switch::{HUB, Taps, ports_of};

use super::LabError;
use super::carrier::Patience;
use super::error::device;
use super::netlink::NetlinkError;
use crate::capture::Recorder;
use crate::settings::Settings;

/// A network that was built.
pub(super) struct Built {
    /// The hosts' network namespaces, in the order of the plan.
    pub(super) namespaces: Vec<OwnedFd>,
    /// The namespace of the switches.
    pub(super) hub: OwnedFd,
    pub(super) indices: Indices,
    pub(super) taps: Taps,
    /// What records the hosts' frames, or why nothing does.
    pub(super) recorder: io::Result<Recorder>,
}

/// Makes the network.
///
/// The calling thread is in the namespace that will hold the switches, and stays there. `others` is how many hosts the test has in other labs.
pub(super) fn build(plan: &Plan, settings: &Settings, others: usize) -> Result<Built, LabError> {
    site::allow_open_files(others + plan.hosts.len())?;
    let indices = Indices::of(plan);
    let (mut sites, mut hub) = site::make(plan, settings.capture, switch::make_hub)?;
    switch::make_switches(plan, &indices, &mut hub)?;
    make_wires(plan, &indices, &mut sites)?;
    let taps = switch::plug_in(plan, &indices, &sites, &mut hub)?;
    site::in_shares(&mut sites, |site| configure::configure(plan, &indices, site))?;
    let patience = Patience::new(settings, indices.all());
    switch::raise(plan, &indices, &taps, &mut hub, patience)?;
    site::in_shares(&mut sites, |site| configure::wait_for_cables(plan, &indices, site, patience))?;
    site::in_shares(&mut sites, |site| configure::finish(plan, &indices, site, patience))?;
    inside::settle(plan, &indices, &sites)?;
    wireguard::settle(plan, &indices, &sites)?;
    let (namespaces, ears): (_, Vec<_>) = sites.into_iter().map(|site| (site.netns, site.ear)).unzip();
    let recorder = ears.into_iter().collect::<io::Result<_>>().and_then(Recorder::start);
    let path = "/proc/thread-self/ns/net";
    let hub = File::open(path).map_err(|source| LabError::File { path: path.to_owned(), source })?.into();
    Ok(Built { namespaces, hub, indices, taps, recorder })
}

/// Every veth between two hosts, with each end in the namespace where it belongs.
fn make_wires(plan: &Plan, indices: &Indices, sites: &mut [Site<'_>]) -> Result<(), LabError> {
    for segment in plan.segments.iter().filter(|segment| segment.kind == SegmentKind::Wire) {
        let [first, second] = segment.members[..] else { unreachable!("a wire has two ends") };
        let end = |(host, nth): (usize, usize)| {
            switch::host_end(&plan.hosts[host].interfaces[nth], indices.interface(host, nth))
        };
        let link = veth(end(first), end(second).setns_by_fd(sites[second.0].netns.as_raw_fd()));
        let site = &mut sites[first.0];
        site.netlink.create_link("make a veth pair", link).map_err(|source| at_host(site.host, source))?;
        site.netlink.settle().map_err(|source| no_veth(site.host.name.as_str(), source))?;
    }
    Ok(())
}

fn interface_name(host: &HostPlan, interface: usize) -> String {
    format!("{}:{}", host.name, host.interfaces[interface].name)
}

fn place(host: &HostPlan) -> String {
    format!("host {}", host.name)
}

fn at_host(host: &HostPlan, source: NetlinkError) -> LabError {
    request(&place(host), source)
}

/// An error of a request in some place.
pub(super) fn request(place: &str, source: NetlinkError) -> LabError {
    LabError::Netlink { place: place.to_owned(), source }
}

fn no_veth(place: &str, source: NetlinkError) -> LabError {
    device(Feature::Veth, place, source)
}
