//! The hosts' namespaces, and work in many of them at once.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::thread::{Scope, ScopedJoinHandle};

use netns_test_topology::{HostPlan, Plan};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use once_cell::sync::OnceCell;

use super::at_host;
use super::inside::{is_of_neighbours, set_sysctls};
use crate::capture::PacketSocket;
use crate::lab::LabError;
use crate::lab::baseline::{Baseline, forward};
use crate::lab::netlink::Netlink;
use crate::settings::Capture;

/// A host in the making.
pub(super) struct Site<'a> {
    pub(super) number: usize,
    pub(super) host: &'a HostPlan,
    pub(super) netns: OwnedFd,
    pub(super) netlink: Netlink,
    /// What hears its frames from now on, or why nothing does.
    pub(super) ear: io::Result<PacketSocket>,
}

/// Of all labs of a test: three files for each host while the lab is built; eight for one that is used afterwards (namespaces and a runtime), and five for
/// its lab. So the limit goes as high as it may.
pub(super) fn allow_open_files(hosts: usize) -> Result<(), LabError> {
    let (building, using) = (3 * hosts as u64 + 100, 13 * hosts as u64 + 100);
    let failed = |source: nix::Error| LabError::File { path: "RLIMIT_NOFILE".to_owned(), source: source.into() };
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if using <= soft {
        return Ok(());
    }
    if building > hard {
        return Err(LabError::OpenFiles { hosts, needed: using, limit: hard });
    }
    setrlimit(Resource::RLIMIT_NOFILE, using.min(hard), hard).map_err(failed)
}

/// The namespaces of all hosts, each with its sysctls and a socket in it; and meanwhile, on this thread, something else.
///
/// The baseline is read in this thread's namespace, which is as fresh as theirs, while the kernel makes the first of them.
pub(super) fn make<T>(
    plan: &Plan,
    capture: Capture,
    meanwhile: impl FnOnce() -> Result<T, LabError>,
) -> Result<(Vec<Site<'_>>, T), LabError> {
    let baselines = [OnceCell::new(), OnceCell::new()];
    let share = share_of(plan.hosts.len(), 1);
    // Also for a single host: the thread that makes a namespace ends up in it.
    std::thread::scope(|scope| {
        let shares = plan.hosts.chunks(share).enumerate().map(|(nth, hosts)| {
            let baselines = &baselines;
            let work = move || -> Result<Vec<_>, _> {
                (nth * share..).zip(hosts).map(|(number, host)| make_one(number, host, baselines, capture)).collect()
            };
            start(scope, work)
        });
        let threads = shares.collect::<Result<Vec<_>, _>>()?;
        for ipv6 in plan.hosts.iter().map(HostPlan::has_ipv6).collect::<BTreeSet<_>>() {
            baseline(&baselines, ipv6)?;
        }
        let value = meanwhile();
        let mut sites = Vec::with_capacity(plan.hosts.len());
        for thread in threads {
            sites.extend(join(thread)?);
        }
        Ok((sites, value?))
    })
}

fn make_one<'a>(
    number: usize,
    host: &'a HostPlan,
    baselines: &[OnceCell<Baseline>; 2],
    capture: Capture,
) -> Result<Site<'a>, LabError> {
    let failed = |source| LabError::Namespace { host: host.name.clone(), source };
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| failed(error.into()))?;
    let netns = File::open("/proc/thread-self/ns/net").map_err(failed)?.into();
    baseline(baselines, host.has_ipv6())?.apply()?;
    if host.forwarding {
        forward(host.has_ipv6())?;
    }
    // Interfaces copy what is there when they are made.
    set_sysctls(host, |path| path.contains("/default/") && !is_of_neighbours(path))?;
    let netlink = Netlink::open().map_err(|source| at_host(host, source))?;
    let ear = match capture {
        Capture::Never => Err(io::Error::other("the setting `capture` is `never`")),
        Capture::OnFailure | Capture::Always => PacketSocket::open(),
    };
    Ok(Site { number, host, netns, netlink, ear })
}

/// The baseline of hosts with or without IPv6, read by whichever thread is first, in its fresh namespace.
fn baseline(baselines: &[OnceCell<Baseline>; 2], ipv6: bool) -> Result<&Baseline, LabError> {
    baselines[usize::from(ipv6)].get_or_try_init(|| Baseline::of_hosts(ipv6))
}

/// How many hosts are worth starting a thread for, to send them their requests: the kernel takes those one at a time anyway.
const WORTH_A_THREAD: usize = 64;

/// Does something for each host, on several threads where there are many.
pub(super) fn in_shares(
    sites: &mut [Site<'_>],
    work: impl Fn(&mut Site<'_>) -> Result<(), LabError> + Sync,
) -> Result<(), LabError> {
    let share = share_of(sites.len(), WORTH_A_THREAD);
    if sites.len() <= share {
        return sites.iter_mut().try_for_each(work);
    }
    let work = &work;
    std::thread::scope(|scope| {
        let shares = sites.chunks_mut(share).map(|sites| start(scope, move || sites.iter_mut().try_for_each(work)));
        let threads = shares.collect::<Result<Vec<_>, _>>()?;
        threads.into_iter().try_for_each(join)
    })
}

/// How many hosts each thread gets, if a thread should have so many at least.
fn share_of(hosts: usize, least: usize) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    hosts.div_ceil(processors).max(least)
}

pub(super) fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, LabError> {
    std::thread::Builder::new().spawn_scoped(scope, work).map_err(|source| LabError::Thread { source })
}

pub(super) fn join<T>(thread: ScopedJoinHandle<'_, Result<T, LabError>>) -> Result<T, LabError> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
