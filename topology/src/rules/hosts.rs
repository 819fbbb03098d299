//! Rules about a host as a whole, and its sysctls.

use std::collections::HashSet;

use super::network::{Found, Network};
use super::report::{Refusal, Report};
use crate::{Complaint, HostPart, SysctlPlan};

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        joins(network, host, report);
        isolated(network, host, report);
        sysctls(network, host, report);
    }
}

fn joins(network: &Network<'_>, host: usize, report: &mut Report) {
    let drawn = network.hosts[host].drawn;
    let about = |message: &str| network.about_host(host, HostPart::Whole, message);
    match (drawn.interfaces.as_slice(), network.hosts[host].is_router()) {
        ([], false) if !drawn.isolated => {
            let help = "`#[host(alone)]` says that this is meant";
            report.add(about("it is on no segment").help(help));
        }
        ([], true) => {
            let help = "a router joins segments: `#[router(lan, wan)]`";
            report.add(about("it is a router, and on no segment").help(help));
        }
        ([only], true) => {
            let message = format!("it is a router, and only on `{}`: there is nowhere to forward to", only.segment);
            let help = format!("write `#[host({})]`, or another segment that it joins", only.segment);
            report.add(about(&message).help(help));
        }
        _ => {}
    }
}

fn isolated(network: &Network<'_>, host: usize, report: &mut Report) {
    let (scope, drawn) = (network.hosts[host].scope, network.hosts[host].drawn);
    // What nobody could read stands there as something out of sight.
    let mut written = drawn.interfaces.iter().filter(|on| network.find_segment(scope, &on.segment) != Found::Doubtful);
    if let Some(first) = written.next().filter(|_| drawn.isolated) {
        let message = format!("it is on `{}`, and said to be on no segment", first.segment);
        report.add(network.about_host(host, HostPart::Isolated, &message).help("leave out `alone`"));
    }
}

fn sysctls(network: &Network<'_>, host: usize, report: &mut Report) {
    let mut names = HashSet::new();
    for (index, (name, value)) in network.hosts[host].drawn.sysctls.iter().enumerate() {
        let twice = || (format!("the sysctl `{name}` is written twice"), None);
        let parsed = sysctl(name, value).and_then(|sysctl| names.insert(sysctl.path).then_some(()).ok_or_else(twice));
        if let Err((message, help)) = parsed {
            let complaint = network.about_host(host, HostPart::Sysctl(index), &message);
            report.add(Complaint { help, ..complaint });
        }
    }
}

/// A sysctl that a network namespace has for itself.
pub(super) fn sysctl(name: &str, value: &str) -> Result<SysctlPlan, Refusal> {
    let printable = |text: &str| !text.chars().any(char::is_control);
    if name.contains('/') {
        let help = (!name.contains('.')).then(|| format!("write `{}`", name.replace('/', ".")));
        return Err((format!("the sysctl `{name}` is a path, not a name"), help));
    }
    if !printable(name) || name.contains(char::is_whitespace) || name.split('.').any(str::is_empty) {
        let help = "a name looks like `net.ipv4.ip_default_ttl`".to_owned();
        return Err((format!("{name:?} is not the name of a sysctl"), Some(help)));
    }
    if !name.starts_with("net.") {
        let message = format!("the sysctl `{name}` is not a host's own: those begin with `net.`");
        return Err((message, None));
    }
    if !printable(value) {
        return Err((format!("the value of the sysctl `{name}` is not one line"), None));
    }
    Ok(SysctlPlan { path: name.replace('.', "/"), value: value.to_owned() })
}
