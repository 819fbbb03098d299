//! A relay in the place of a segment's bridge.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use netns_test_topology::{Crossing, Device, Plan, SegmentKind};

use super::force::{ImpairError, Wanted};
use crate::error::chain;
use crate::host::Surroundings;
use crate::lab::Member;
use crate::relay::{Bridge, Relay, Selector};

/// For how long a bridge knows a host that sends nothing, if nobody says otherwise (IEEE 802.1D table 7-5).
const AGEING: Duration = Duration::from_secs(300);

/// Why a relay cannot take the place of what joins the hosts of a segment.
pub(super) fn relay_can(plan: &Plan, segment: usize) -> Result<(), &'static str> {
    match &plan.segments[segment].kind {
        SegmentKind::Switch(bridge) if bridge.stp => Err("a relay does not speak the spanning tree protocol"),
        SegmentKind::Switch(bridge) if bridge.vlan_filtering => Err("a relay does not filter VLANs"),
        SegmentKind::Switch(_) => Ok(()),
        SegmentKind::Wire => Err(
            "nothing is between the two ends of a veth pair; a switch joins two as well (leave out `veth` in `#[segment]`, or write `engine = \"relay\"` in `#[netns_test]`)",
        ),
        _ => Err("only a switch can be impaired: impair the one that it is over"),
    }
}

/// An error if some frames of a segment do not cross its switch.
pub(super) fn all_cross(surroundings: &Surroundings, segment: usize) -> Result<(), ImpairError> {
    let plan = &surroundings.plan;
    let members = surroundings.hub.members(plan, segment);
    let devices = members.map(|(host, nth)| plan.hosts[host].interfaces[nth].device);
    if Device::beside_the_switch(devices).is_some() {
        return Err(ImpairError::Impossible(
            "its macvlans and macvtaps, or its ipvlans, reach each other without its switch: not all that crosses the segment can be had",
        ));
    }
    Ok(())
}

/// A relay in the place of the segment's bridge.
pub(super) fn start_relay(surroundings: &Arc<Surroundings>, segment: usize) -> Result<Relay, ImpairError> {
    let ports = surroundings.hub.ports(&surroundings.plan, segment);
    let (watch, name) = (Arc::downgrade(surroundings), surroundings.plan.segments[segment].name.to_string());
    let failed = move |why: String| {
        if let Some(surroundings) = watch.upgrade() {
            let _ = surroundings.spoiled.set(format!("the relay of segment `{name}` has failed: {why}"));
        }
    };
    let close = || surroundings.hub.isolate_ports(&ports).map_err(|error| io::Error::other(chain(&error)));
    let hosts = surroundings.hub.owners(&surroundings.plan, segment);
    let ageing = match &surroundings.plan.segments[segment].kind {
        SegmentKind::Switch(bridge) => bridge.ageing,
        _ => None,
    };
    let bridge = Bridge { ports: ports.clone(), hosts, ageing: ageing.unwrap_or(AGEING) };
    let relay = surroundings.hub.inside(|| Ok(Relay::start(bridge, close, failed)))?;
    let relay = relay.map_err(|error| ImpairError::Relay("start a relay", error))?;
    surroundings.impairments.keep_ledger(segment, relay.ledger());
    Ok(relay)
}

/// Has a relay impair what is selected.
pub(super) fn impair(
    relay: &Relay,
    selectors: impl IntoIterator<Item = (u64, Selector)>,
    wanted: &BTreeMap<u64, Wanted>,
) -> Result<(), ImpairError> {
    for (number, selector) in selectors {
        let Wanted { impairment, seed, .. } = wanted[&number];
        let put = relay.impair(number, selector, impairment, seed);
        put.map_err(|error| ImpairError::Relay("put an impairment in force", error))?;
    }
    Ok(())
}

/// The ports that impairments are about.
pub(super) fn selectors(
    surroundings: &Surroundings,
    segment: usize,
    wanted: &BTreeMap<u64, Wanted>,
) -> Result<BTreeMap<u64, Selector>, ImpairError> {
    if wanted.values().any(|wanted| matches!(wanted.crossing, Crossing::All)) {
        all_cross(surroundings, segment)?;
    }
    wanted.iter().map(|(&number, wanted)| Ok((number, selector(surroundings, wanted.crossing)?))).collect()
}

/// The ports that a crossing is about.
fn selector(surroundings: &Surroundings, crossing: Crossing) -> Result<Selector, ImpairError> {
    let ports = |member: Member| {
        let ports = surroundings.hub.cables(&surroundings.plan, member);
        ports.map(Some).map_err(ImpairError::NoCable)
    };
    Ok(match crossing {
        Crossing::All => Selector::default(),
        Crossing::From(member) => Selector { from: ports(member)?, to: None },
        Crossing::To(member) => Selector { from: None, to: ports(member)? },
        Crossing::Between(from, to) => Selector { from: ports(from)?, to: ports(to)? },
        other => unreachable!("there is no crossing {other:?}"),
    })
}
