//! The address translation of a plan: each router that translates gets one table, `inet netns-test`.

mod error;
mod kernel;
mod ruleset;

pub(crate) use error::NatError;

use std::path::Path;
use std::process::{Child, Output};

use netns_test_topology::{HostPlan, Plan, Transport};
use nftables::schema::Nftables;

use super::program;
use crate::Host;
use crate::harness::Waiting;
use crate::lab::LabError;

/// Loads the tables of all hosts that translate addresses. From here on they track connections.
pub(crate) fn translate(plan: &Plan, hosts: &[Host]) -> Result<(), LabError> {
    let routers: Vec<_> = hosts.iter().filter(|host| !host.plan().nat.is_empty()).collect();
    let Some(first) = routers.first() else { return Ok(()) };
    let Some(nft) = program::find() else {
        return Err(NatError::NoProgram { host: first.plan().name.clone(), work: work(plan, first.plan()) }.into());
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    for some in routers.chunks(processors) {
        let loading: Vec<_> = some.iter().map(|router| Loading::start(router, &nft)).collect();
        // Each is waited for, even if another has failed.
        let loaded: Vec<_> = loading.into_iter().map(|loading| loading?.end(plan)).collect();
        loaded.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(())
}

/// A table that is being loaded.
struct Loading<'a> {
    router: &'a Host,
    nft: &'a Path,
    process: Child,
    _waiting: Waiting,
}

impl<'a> Loading<'a> {
    fn start(router: &'a Host, nft: &'a Path) -> Result<Self, LabError> {
        if let Some(name) = ruleset::misread(router.plan()) {
            return Err(NatError::Name { host: router.plan().name.clone(), interface: name.clone() }.into());
        }
        let process = start(router, nft, &[], &ruleset::of(router.plan()))?;
        let waiting = Waiting::new(format!("the end of `nft` in host `{}`", router.name()));
        Ok(Self { router, nft, process, _waiting: waiting })
    }

    fn end(self, plan: &Plan) -> Result<(), LabError> {
        let said = output(self.router, self.process)?;
        if said.status.success() {
            return Ok(());
        }
        let host = self.router.plan().name.clone();
        let words = program::words(&said);
        // Only now, since it takes time.
        match kernel::lacks(|sample| check(self.router, self.nft, sample))? {
            Some(lack) => Err(NatError::Lacking { host, work: work(plan, self.router.plan()), lack }.into()),
            None => Err(NatError::Refused { host, words }.into()),
        }
    }
}

/// What `nft` has against a ruleset, if it has anything.
fn check(router: &Host, nft: &Path, ruleset: &Nftables<'_>) -> Result<Option<String>, LabError> {
    let said = output(router, start(router, nft, &["-c"], ruleset)?)?;
    Ok(if said.status.success() { None } else { Some(program::words(&said)) })
}

/// Starts `nft` in a host's network namespace. (The crate's own way to run it keeps its words to itself.)
fn start(router: &Host, nft: &Path, arguments: &[&str], ruleset: &Nftables<'_>) -> Result<Child, LabError> {
    let failed = |source| NatError::Run { host: router.plan().name.clone(), source };
    let json = serde_json::to_string(ruleset).map_err(|error| failed(error.into()))?;
    let stdin = program::file_with(&json).map_err(failed)?;
    let arguments: Vec<&str> = ["-j"].iter().chain(arguments).chain(&program::FROM_STDIN).copied().collect();
    Ok(program::start(nft, router.netns(), &arguments, stdin)?.map_err(failed)?)
}

fn output(router: &Host, process: Child) -> Result<Output, LabError> {
    let failed = |source| NatError::Run { host: router.plan().name.clone(), source };
    Ok(process.wait_with_output().map_err(failed)?)
}

/// What a router translates, in the user's words.
fn work(plan: &Plan, host: &HostPlan) -> String {
    let segment = |interface: usize| &plan.segments[host.interfaces[interface].segment].name;
    let masquerade = host.nat.masquerade.iter().map(|&interface| format!("masquerade on `{}`", segment(interface)));
    let source = host.nat.source.iter();
    let source = source.map(|&(interface, address)| format!("source {address} on `{}`", segment(interface)));
    let forwards = host.nat.forwards.iter().map(|forward| {
        let protocol = if forward.protocol == Transport::Udp { "UDP" } else { "TCP" };
        format!("{protocol} port {}", forward.port)
    });
    masquerade.chain(source).chain(forwards).collect::<Vec<_>>().join(", ")
}
