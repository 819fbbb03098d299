//! Rules about a host as a whole.

use super::network::{Found, Network};
use super::report::Report;
use crate::HostPart;

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    for host in 0..network.hosts.len() {
        joins(network, host, report);
        isolated(network, host, report);
    }
}

fn joins(network: &Network<'_>, host: usize, report: &mut Report) {
    let drawn = network.hosts[host].drawn;
    let about = |message: &str| network.about_host(host, HostPart::Whole, message);
    match (drawn.interfaces.as_slice(), network.hosts[host].is_router()) {
        ([], false) if !drawn.isolated => {
            let help = "if this is meant, say so: `#[host(alone)]`";
            report.add(about("it is on no segment").help(help));
        }
        ([], true) => {
            let help = "a router joins segments: `#[router(lan, wan)]`";
            report.add(about("it is a router, and on no segment").help(help));
        }
        ([only], true) => {
            let message = format!("it is a router, and only on `{}`: there is nowhere to forward to", only.segment);
            let help = format!("draw it as a host, `#[host({})]`, or put it on another segment, too", only.segment);
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
