//! The sysctls that are written.
//!
//! A name is written in either way of sysctl(8): with dots between its words or, where a word has a dot of its own, with slashes.
//! The first separator tells which.

use std::collections::HashSet;

use super::network::{Host, Network};
use super::report::{Refusal, Report};
use crate::{Complaint, HostPart, IfName, SysctlPlan};

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    for (index, host) in network.hosts.iter().enumerate() {
        let mut paths = HashSet::new();
        for (number, (name, value)) in host.drawn.sysctls.iter().enumerate() {
            let checked = sysctl(name, value).and_then(|sysctl| {
                no_dot_within(host, name)?;
                let twice = || (format!("the sysctl `{name}` is written twice"), None);
                paths.insert(sysctl.path).then_some(()).ok_or_else(twice)
            });
            if let Err((message, help)) = checked {
                let complaint = network.about_host(index, HostPart::Sysctl(number), &message);
                report.add(Complaint { help, ..complaint });
            }
        }
    }
}

/// A sysctl that a network namespace has for itself.
pub(super) fn sysctl(name: &str, value: &str) -> Result<SysctlPlan, Refusal> {
    let printable = |text: &str| !text.chars().any(char::is_control);
    let separator = name.chars().find(|c| ['.', '/'].contains(c)).unwrap_or('.');
    if separator == '.' && name.contains('/') {
        let help =
            "write for example `net.ipv4.ip_default_ttl`, or `net/ipv4/conf/eth0.10/rp_filter` for a name with a dot";
        return Err((format!("the sysctl `{name}` has dots and slashes between its words"), Some(help.to_owned())));
    }
    let mut words = name.split(separator);
    if !printable(name) || name.contains(char::is_whitespace) || words.any(|word| ["", ".", ".."].contains(&word)) {
        let help = "a name looks like `net.ipv4.ip_default_ttl`".to_owned();
        return Err((format!("{name:?} is not the name of a sysctl"), Some(help)));
    }
    let path = name.replace(separator, "/");
    if !path.starts_with("net/") {
        let message = format!("the sysctl `{name}` is not a host's own: those begin with `net.`");
        return Err((message, None));
    }
    if !printable(value) {
        return Err((format!("the value of the sysctl `{name}` is not one line"), None));
    }
    Ok(SysctlPlan { path, value: value.to_owned() })
}

/// Whether dots do no more than separate: the name of an interface may have one.
fn no_dot_within(host: &Host<'_>, name: &str) -> Result<(), Refusal> {
    let interfaces = host.interfaces.iter().filter_map(|interface| interface.name.as_ref());
    let vrfs = host.vrfs.iter().filter_map(|vrf| vrf.name.as_ref());
    for device in interfaces.chain(vrfs).map(IfName::as_str).filter(|device| device.contains('.')) {
        if let Some((before, behind)) = name.split_once(&format!(".{device}.")) {
            let [before, behind] = [before, behind].map(|words| words.replace('.', "/"));
            let message = format!("a dot of `{name}` is one of the name `{device}`");
            return Err((message, Some(format!("write `{before}/{device}/{behind}`"))));
        }
    }
    Ok(())
}
