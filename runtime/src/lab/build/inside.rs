//! What can be done only by a thread that is inside a host's namespace.

use std::fs;
use std::os::fd::AsFd;

use netns_test_topology::{HostPlan, InterfacePlan, Plan, SysctlPlan};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::configure::of_the_kernel;
use super::indices::Indices;
use super::place;
use super::site::Site;
use super::switch::{HUB, ports_without_offload};
use crate::lab::LabError;
use crate::lab::hub::inside;
use crate::sys;

/// In the middle of a path: what new interfaces have for their neighbours.
const NEIGHBOURS: &str = "/neigh/default/";

/// Sets what was written for the hosts: offloads and sysctls. Most have none of either, and cost nothing. This thread is inside the
/// namespace of the switches.
pub(super) fn settle(plan: &Plan, indices: &Indices, sites: &[Site<'_>]) -> Result<(), LabError> {
    switch_offloads_off(HUB, ports_without_offload(plan, indices).iter().map(String::as_str))?;
    let wanted = |host: &HostPlan| !host.sysctls.is_empty() || without_offload(host).next().is_some();
    sites.iter().filter(|site| wanted(site.host)).try_for_each(|site| {
        inside(site.netns.as_fd(), || {
            let names = without_offload(site.host).map(|interface| interface.name.as_str());
            switch_offloads_off(&place(site.host), names)?;
            set_defaults_of_neighbours(site.host)?;
            set_sysctls(site.host, |path| !is_of_neighbours(path))
        })
    })
}

fn without_offload(host: &HostPlan) -> impl Iterator<Item = &InterfacePlan> {
    of_the_kernel(host).map(|(_, interface)| interface).filter(|interface| !interface.offload)
}

fn switch_offloads_off<'a>(place: &str, names: impl Iterator<Item = &'a str>) -> Result<(), LabError> {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let failed = |what: &str, source| LabError::Offload { place: place.to_owned(), interface: what.to_owned(), source };
    // Any will do: it stands for the namespace that it was made in.
    let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    let any = any.map_err(|error| failed("all interfaces", error.into()))?;
    names.try_for_each(|name| sys::switch_offloads_off(any.as_fd(), name).map_err(|source| failed(name, source)))
}

/// Sets those of the host's sysctls that are wanted, in the order of the drawing.
pub(super) fn set_sysctls(host: &HostPlan, wanted: impl Fn(&str) -> bool) -> Result<(), LabError> {
    let sysctls = host.sysctls.iter().filter(|sysctl| wanted(&sysctl.path));
    sysctls.into_iter().try_for_each(|sysctl| set_sysctl(host, sysctl, format!("/proc/sys/{}", sysctl.path)))
}

fn set_sysctl(host: &HostPlan, sysctl: &SysctlPlan, path: String) -> Result<(), LabError> {
    fs::write(&path, &sysctl.value).map_err(|source| {
        let (host, value) = (host.name.clone(), sysctl.value.clone());
        LabError::WrittenSysctl { host, path, value, source }
    })
}

/// Whether it is what new interfaces have for their neighbours: `net/ipv4/neigh/default/…`.
pub(super) fn is_of_neighbours(path: &str) -> bool {
    path.contains(NEIGHBOURS)
}

/// Only the machine's own namespace has these (`arp_init`), so every interface is given them; before those that are written for one.
fn set_defaults_of_neighbours(host: &HostPlan) -> Result<(), LabError> {
    for sysctl in host.sysctls.iter().filter(|sysctl| is_of_neighbours(&sysctl.path)) {
        let path = format!("/proc/sys/{}", sysctl.path);
        let Some((family, name)) = path.split_once(NEIGHBOURS) else { continue };
        let family = format!("{family}/neigh");
        let failed = |source| LabError::File { path: family.clone(), source };
        for interface in fs::read_dir(&family).map_err(failed)? {
            let interface = interface.map_err(failed)?.path();
            set_sysctl(host, sysctl, interface.join(name).display().to_string())?;
        }
    }
    Ok(())
}
