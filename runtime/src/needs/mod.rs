//! What a test requires of its machine: tried out before its lab is built, where that will be.
//!
//! No list of modules and no configuration is read: whatever the kernel is asked for here, it will be asked for by the test.

mod device;
mod error;
mod nftables;
mod socket;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::thread;

use netns_test_topology::{Feature, Need};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use once_cell::sync::OnceCell;
use rtnetlink::packet_route::link::{
    InfoBridge, InfoData, InfoGre, InfoIpTunnel, InfoKind, InfoVlan, InfoVrf, InfoVxlan,
};

use device::{alone, on_veth};
pub(crate) use error::Unmet;
use error::{Attempt, NeedError, Obstacle};

use crate::{fault, path};

/// What was tried out is in these namespaces, and in no other. To be kept until the lab is built: the kernel takes devices apart under
/// the lock that makes them, and takes its time.
#[must_use = "the kernel is busy when this is dropped"]
pub(crate) struct Tried(#[expect(dead_code, reason = "open is all that they have to be")] Vec<OwnedFd>);

/// Tries out everything that is required. The error has all that is missing.
pub(crate) fn check(needs: &[Need]) -> Result<Tried, Unmet> {
    let mut namespaces = Vec::new();
    let mut errors = Vec::new();
    // A struct may require what its test does, too.
    let first_time = |(nth, need): &(usize, &Need)| !needs[..*nth].contains(need);
    for (_, need) in needs.iter().enumerate().filter(first_time) {
        let met = match *need {
            Need::Feature(feature) => in_scratch_namespace(feature).map(|namespace| namespaces.push(namespace)),
            Need::Program(name) => {
                path::find(name).map(|_| ()).map_err(|missing| NeedError::NoProgram { name, missing })
            }
        };
        errors.extend(met.err());
    }
    if errors.is_empty() { Ok(Tried(namespaces)) } else { Err(Unmet(errors)) }
}

/// Whether this kernel has netem, tried out once.
pub(crate) fn has_netem() -> bool {
    /// Where it was tried out, kept for the reason that [`Tried`] has.
    static TRIED: OnceCell<Option<OwnedFd>> = OnceCell::new();
    TRIED.get_or_init(|| in_scratch_namespace(Feature::Netem).ok()).is_some()
}

/// Tries out a feature on a thread in a network namespace of its own, where nothing else is. Answers with the namespace.
fn in_scratch_namespace(feature: Feature) -> Result<OwnedFd, NeedError> {
    let failed = |source| NeedError::Namespace { feature, source };
    let work = || {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| failed(error.into()))?;
        let namespace = File::open("/proc/thread-self/ns/net").map_err(failed)?;
        try_out(feature).map_err(|obstacle| NeedError::new(feature, obstacle))?;
        Ok(namespace.into())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, work);
        let thread = thread.map_err(|source| NeedError::Thread { feature, source })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn try_out(feature: Feature) -> Result<(), Obstacle> {
    const LOCAL: std::net::Ipv4Addr = std::net::Ipv4Addr::new(192, 0, 2, 1);
    const REMOTE: std::net::Ipv4Addr = std::net::Ipv4Addr::new(192, 0, 2, 2);
    match feature {
        Feature::Veth => device::veth_pair(),
        Feature::Bridge => alone("make a bridge", InfoKind::Bridge, None),
        Feature::VlanFiltering => {
            let data = InfoData::Bridge(vec![InfoBridge::VlanFiltering(true)]);
            alone("make a bridge that filters VLANs", InfoKind::Bridge, Some(data))
        }
        Feature::Vlan => on_veth("make a VLAN on a veth", InfoKind::Vlan, Some(InfoData::Vlan(vec![InfoVlan::Id(1)]))),
        Feature::Vxlan => {
            let data = vec![InfoVxlan::Id(1), InfoVxlan::Port(4789)];
            alone("make a VXLAN device", InfoKind::Vxlan, Some(InfoData::Vxlan(data)))
        }
        Feature::Macvlan => on_veth("make a macvlan on a veth", InfoKind::MacVlan, None),
        Feature::Ipvlan => on_veth("make an ipvlan on a veth", InfoKind::IpVlan, None),
        Feature::Macvtap => on_veth("make a macvtap on a veth", InfoKind::MacVtap, None),
        Feature::Tap => device::tap(),
        Feature::Dummy => alone("make a dummy device", InfoKind::Dummy, None),
        Feature::Bond => alone("make a bond", InfoKind::Bond, None),
        Feature::Vrf => alone("make a VRF", InfoKind::Vrf, Some(InfoData::Vrf(vec![InfoVrf::TableId(1000)]))),
        Feature::Wireguard => alone("make a WireGuard device", InfoKind::Wireguard, None),
        // A tunnel from anywhere to anywhere may be there already: the module's fallback device.
        Feature::Gre => {
            let data = vec![InfoGre::Local(LOCAL), InfoGre::Remote(REMOTE)];
            alone("make a GRE tunnel", InfoKind::GreTun, Some(InfoData::GreTun(data)))
        }
        Feature::Ipip => {
            let data = vec![InfoIpTunnel::Local(LOCAL.into()), InfoIpTunnel::Remote(REMOTE.into())];
            alone("make an IPIP tunnel", InfoKind::IpIp, Some(InfoData::IpTunnel(data)))
        }
        Feature::Ifb => alone("make an ifb device", InfoKind::Ifb, None),
        Feature::Netem => device::netem(),
        Feature::Sctp => socket::sctp(),
        Feature::Nftables => nftables::table(),
        Feature::Ipv6 => socket::ipv6(),
        // What unshare(2) says to a flag that it does not know, and the file that is there with time namespaces.
        Feature::TimeNamespace => fault::try_out_clock()
            .map_err(|error| failed("make a time namespace")(error).lacking_if(&[Errno::EINVAL, Errno::ENOENT])),
    }
}

/// Something that was asked of the kernel and failed.
fn failed(what: &'static str) -> impl Fn(io::Error) -> Attempt {
    move |source| Attempt { what, source }
}
