//! Whether a host of a lab passes packets on: then it may put fragments together again, and write into them.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use netns_test_topology::HostPlan;

use super::listening::host;
use crate::host::Surroundings;
use crate::lab::inside;

/// A host that passes packets on, as it was drawn or as it is now.
pub(super) fn any(surroundings: &Arc<Surroundings>) -> Option<&str> {
    let mut hosts = surroundings.plan.hosts.iter().enumerate();
    let does = |&(number, of): &(usize, &HostPlan)| of.forwarding || is_set(surroundings, number);
    hosts.find(does).map(|(_, of)| of.name.as_str())
}

/// Of IPv4 each interface has a setting that is asked, of IPv6 all have one (ip-sysctl.rst in the kernel's documentation).
fn is_set(surroundings: &Arc<Surroundings>, number: usize) -> bool {
    let read = || -> io::Result<bool> {
        let is_on = |path: &std::path::Path| std::fs::read_to_string(path).is_ok_and(|value| value.trim() != "0");
        let mut interfaces = std::fs::read_dir("/proc/sys/net/ipv4/conf")?.filter_map(Result::ok);
        let v4 = interfaces.any(|interface| is_on(&interface.path().join("forwarding")));
        Ok(v4 || is_on("/proc/sys/net/ipv6/conf/all/forwarding".as_ref()))
    };
    // Where nobody can look, it is not certain that it does not.
    !matches!(inside(host(surroundings, number).netns().as_fd(), || Ok(read())), Ok(Ok(false)))
}
