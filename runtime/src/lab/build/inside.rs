//! What can be done only by a thread that is inside a host's namespace.

use std::fs;
use std::os::fd::AsFd;

use netns_test_topology::{HostPlan, InterfacePlan};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::configure::of_the_kernel;
use super::site::Site;
use crate::lab::LabError;
use crate::lab::hub::inside;
use crate::sys;

/// Sets what was written for the hosts: offloads and sysctls. Most have none of either, and cost nothing.
pub(super) fn settle(sites: &[Site<'_>]) -> Result<(), LabError> {
    let wanted = |host: &HostPlan| !host.sysctls.is_empty() || without_offload(host).next().is_some();
    sites.iter().filter(|site| wanted(site.host)).try_for_each(|site| {
        inside(site.netns.as_fd(), || {
            switch_offloads_off(site.host)?;
            set_sysctls(site.host)
        })
    })
}

fn without_offload(host: &HostPlan) -> impl Iterator<Item = &InterfacePlan> {
    of_the_kernel(host).map(|(_, interface)| interface).filter(|interface| !interface.offload)
}

fn switch_offloads_off(host: &HostPlan) -> Result<(), LabError> {
    if without_offload(host).next().is_none() {
        return Ok(());
    }
    let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    let any = any.map_err(|error| LabError::Enter { source: error.into() })?;
    without_offload(host).try_for_each(|interface| {
        sys::switch_offloads_off(any.as_fd(), interface.name.as_str()).map_err(|source| LabError::Offload {
            host: host.name.clone(),
            interface: interface.name.clone(),
            source,
        })
    })
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
