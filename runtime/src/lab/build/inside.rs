//! What can be done only by a thread that is inside a host's namespace.

use std::fs;
use std::os::fd::AsFd;

use netns_test_topology::{HostPlan, InterfacePlan, Plan};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::configure::of_the_kernel;
use super::indices::Indices;
use super::place;
use super::site::Site;
use super::switch::{HUB, ports_without_offload};
use crate::lab::LabError;
use crate::lab::hub::inside;
use crate::sys;

/// Sets what was written for the hosts: offloads and sysctls. Most have none of either, and cost nothing. This thread is inside the
/// namespace of the switches.
pub(super) fn settle(plan: &Plan, indices: &Indices, sites: &[Site<'_>]) -> Result<(), LabError> {
    switch_offloads_off(HUB, ports_without_offload(plan, indices).iter().map(String::as_str))?;
    let wanted = |host: &HostPlan| !host.sysctls.is_empty() || without_offload(host).next().is_some();
    sites.iter().filter(|site| wanted(site.host)).try_for_each(|site| {
        inside(site.netns.as_fd(), || {
            let names = without_offload(site.host).map(|interface| interface.name.as_str());
            switch_offloads_off(&place(site.host), names)?;
            set_sysctls(site.host)
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

fn set_sysctls(host: &HostPlan) -> Result<(), LabError> {
    host.sysctls.iter().try_for_each(|sysctl| {
        let path = format!("/proc/sys/{}", sysctl.path);
        fs::write(&path, &sysctl.value).map_err(|source| LabError::WrittenSysctl {
            host: host.name.clone(),
            path,
            value: sysctl.value.clone(),
            source,
        })
    })
}
