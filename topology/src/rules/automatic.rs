//! The routes that follow from the drawing.
//!
//! A host with one router on its segments that leads out, and hides nothing from there, has a default route through it. Others
//! have a route to each subnet that is seen, as routers do: through the fewest routers and, of several ways, the one that was
//! drawn first.
//!
//! There are no loops: each router on the way sees everything that is seen through it, with one router less in between.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::network::{Family, Host, Machine, Member, Network};
use super::paths::{Paths, Table, WayOut, tables};
use super::routes::{Gateway, Route, Towards, default_of};
use crate::{IpNet, Routes};

/// Finds the routes of one host after the other. Hosts on the same segments share the work.
pub(super) struct Automatic<'n, 'd> {
    network: &'n Network<'d>,
    pub(super) paths: [Paths; 2],
    known: HashMap<(Family, Vec<usize>), Rc<[Hop]>>,
}

/// A destination, and the router that is next on the way.
#[derive(Clone, Copy, Debug)]
struct Hop {
    to: IpNet,
    gateway: Member,
    /// The segment that it is reached on.
    on: usize,
}

impl<'n, 'd> Automatic<'n, 'd> {
    pub(super) fn new(network: &'n Network<'d>) -> Self {
        Self { network, paths: Family::BOTH.map(|family| Paths::new(network, family)), known: HashMap::new() }
    }

    /// All routes of a host: those that were written, and those that follow.
    pub(super) fn routes(&mut self, host: usize) -> Vec<Route> {
        let host = (host, &self.network.hosts[host]);
        let mut routes = host.1.routes.clone();
        if self.network.routes == Routes::Automatic {
            let written: HashSet<_> = host.1.routes.iter().map(|route| (vrf(host.1, route), route.to)).collect();
            for family in Family::BOTH {
                for table in tables(self.network, host.1, family) {
                    if !written.contains(&(table.vrf, default_of(family))) {
                        let following = self.of_table(host, family, &table);
                        routes.extend(following.filter(|route| !written.contains(&(table.vrf, route.to))));
                    }
                }
            }
        }
        routes
    }

    fn of_table<'t>(
        &mut self,
        (index, host): (usize, &Host<'_>),
        family: Family,
        table: &'t Table,
    ) -> impl Iterator<Item = Route> + use<'t> {
        let hops = if host.is_router() {
            self.every_subnet(family, &table.segments, Some((index, table.vrf))).into()
        } else {
            self.of_segments(family, &table.segments)
        };
        (0..hops.len()).filter_map(move |index| {
            let Hop { to, gateway, on } = hops[index];
            let gateway = Gateway::Machine(Machine { host: gateway.host, number: 0 }, gateway.interface);
            Some(Route { to, way: Towards::Gateway { gateway, interface: table.on(on)? } })
        })
    }

    fn of_segments(&mut self, family: Family, segments: &[usize]) -> Rc<[Hop]> {
        let key = (family, segments.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Rc::clone(known);
        }
        let paths = self.paths(family);
        let hops: Rc<[Hop]> = match paths.way_out(segments) {
            WayOut::Nobody => Rc::new([]),
            WayOut::One(door) => {
                let (gateway, on) = paths.gateway(door);
                Rc::new([Hop { to: default_of(family), gateway, on }])
            }
            WayOut::Outside | WayOut::Several => self.every_subnet(family, segments, None).into(),
        };
        self.known.insert(key, Rc::clone(&hops));
        hops
    }

    fn every_subnet(&self, family: Family, from: &[usize], viewer: Option<(usize, Option<usize>)>) -> Vec<Hop> {
        let paths = self.paths(family);
        let mut hops = Vec::new();
        for seen in paths.survey(from, viewer) {
            let (gateway, on) = paths.gateway(seen.first);
            hops.extend(self.network.segments[seen.segment].nets(family).map(|to| Hop { to, gateway, on }));
        }
        hops
    }

    pub(super) fn paths(&self, family: Family) -> &Paths {
        let [v4, v6] = &self.paths;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }
}

impl Table {
    /// The interface on a segment.
    fn on(&self, segment: usize) -> Option<usize> {
        self.segments.iter().position(|&on| on == segment).map(|index| self.interfaces[index])
    }
}

/// The VRF that a route is in.
fn vrf(host: &Host<'_>, route: &Route) -> Option<usize> {
    match route.way {
        Towards::Unreachable => None,
        Towards::Gateway { interface, .. } => host.interfaces[interface].vrf,
    }
}
