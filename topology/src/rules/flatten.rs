//! Nested topologies and arrays: one list of segments, one of hosts, and what their names lead to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::HOSTS;
use super::network::{Found, Host, Machine, Named, Network, Scope, Segment, Unseen, meant};
use super::report::Report;
use crate::{
    Complaint, Drawing, DrawnHost, DrawnNested, DrawnSegment, HostName, HostPart, NestedPart, Place, SegmentName,
    SegmentPart,
};

/// Segments of a nested topology that are segments outside: by their names inside.
type Shared<'d> = HashMap<&'d str, Option<usize>>;

pub(super) fn flatten<'d>(drawing: &'d Drawing, report: &mut Report) -> Network<'d> {
    let mut network = Network { routes: drawing.routes, ..Network::default() };
    network.scopes.push(Scope { prefix: String::new(), nested: None, drawing });
    Flattening { network: &mut network, report, machines: 0 }.scope(0, &Shared::new());
    network
}

struct Flattening<'n, 'd> {
    network: &'n mut Network<'d>,
    report: &'n mut Report,
    /// How many hosts there are so far.
    machines: usize,
}

impl<'d> Flattening<'_, 'd> {
    fn scope(&mut self, scope: usize, shared: &Shared<'d>) {
        let drawing = self.network.scopes[scope].drawing;
        for (index, segment) in drawing.segments.iter().enumerate() {
            match shared.get(segment.name.as_str()) {
                Some(&outer) => {
                    let name = self.network.full_name(scope, &segment.name);
                    self.network.segment_names.entry(name).or_insert(outer);
                }
                None => self.segment(scope, index, segment),
            }
        }
        for (index, host) in drawing.hosts.iter().enumerate() {
            self.host(scope, index, host);
        }
        for (index, nested) in drawing.nested.iter().enumerate() {
            self.nested(scope, index, nested);
        }
    }

    fn segment(&mut self, scope: usize, drawn_as: usize, drawn: &'d DrawnSegment) {
        let name = self.network.full_name(scope, &drawn.name);
        let segment = self.network.segments.len();
        self.network.segments.push(Segment::new(name.clone(), scope, drawn_as, drawn));
        let place = self.network.segment_place(segment, SegmentPart::Whole);
        if let Err(error) = name.parse::<SegmentName>() {
            self.report.add(Complaint::new(place, error.to_string()));
        }
        match self.network.segment_names.entry(name) {
            Entry::Vacant(vacant) => drop(vacant.insert(Some(segment))),
            Entry::Occupied(taken) => {
                let message = format!("there are two segments named `{}`", taken.key());
                self.report.add(Complaint::new(place, message).help("give one of them another name"));
                // Who joins that name joins the first; the second is not to be blamed for being alone.
                self.network.segments[segment].members_in_doubt = true;
            }
        }
    }

    fn host(&mut self, scope: usize, drawn_as: usize, drawn: &'d DrawnHost) {
        let name = self.network.full_name(scope, &drawn.name);
        let host = self.network.hosts.len();
        self.network.hosts.push(Host::new(name.clone(), scope, drawn_as, drawn));
        let count = self.count(host, drawn.count.unwrap_or(1));
        self.network.hosts[host].count = count;
        let longest = match drawn.count {
            Some(count) => Cow::Owned(format!("{name}-{}", count.saturating_sub(1))),
            None => name.clone(),
        };
        self.host_names(host, name, drawn.count.map(|_| count));
        if let Err(error) = longest.parse::<HostName>() {
            let place = self.network.host_place(host, HostPart::Whole);
            self.report.add(Complaint::new(place, error.to_string()));
        }
    }

    /// How many hosts an array may have. What is left of one that is too large is still an array.
    fn count(&mut self, host: usize, count: usize) -> usize {
        self.machines = self.machines.saturating_add(count);
        if self.machines <= HOSTS {
            return count;
        }
        self.machines -= count;
        let message = format!("{count} more hosts are too many: there are at most {HOSTS}");
        self.report.add(self.network.about_host(host, HostPart::Count, &message));
        count.min(2)
    }

    fn host_names(&mut self, host: usize, name: Cow<'d, str>, count: Option<usize>) {
        let mut names = Vec::new();
        if let Some(count) = count {
            let machine = |number| Named::One(Machine { host, number });
            names.extend((0..count).map(|number| (Cow::Owned(format!("{name}-{number}")), machine(number))));
            names.push((name, Named::Array(host)));
        } else {
            names.push((name, Named::One(Machine { host, number: 0 })));
        }
        let mut twice = None;
        for (name, named) in names {
            match self.network.host_names.entry(name) {
                Entry::Vacant(vacant) => drop(vacant.insert(named)),
                Entry::Occupied(taken) => twice = twice.or(Some(taken.key().clone())),
            }
        }
        if let Some(name) = twice {
            let place = self.network.host_place(host, HostPart::Whole);
            let complaint = Complaint::new(place, format!("there are two hosts named `{name}`"));
            self.report.add(complaint.help("give one of them another name"));
        }
    }

    fn nested(&mut self, scope: usize, index: usize, nested: &'d DrawnNested) {
        let outermost = self.network.scopes[scope].nested;
        let place = |part| outermost.map_or(Place::Nested(index, part), |n| Place::Nested(n, NestedPart::Whole));
        let name = self.network.full_name(scope, &nested.name);
        let prefix = format!("{name}-");
        let well_named = self.nested_name(scope, index, &name, place(NestedPart::Whole));
        let mut shared = Shared::new();
        for (number, (inner, outer)) in nested.shares.iter().enumerate() {
            let outer = self.outer(scope, &name, outer, place(NestedPart::Outer(number)));
            if let Some(drawing) = &nested.drawing {
                self.inner(&name, inner, drawing, place(NestedPart::Inner(number)));
            }
            if shared.insert(inner.as_str(), outer).is_some() {
                let message = format!("`{name}`: its segment `{inner}` is shared twice");
                self.report.add(Complaint::new(place(NestedPart::Inner(number)), message));
            }
        }
        match &nested.drawing {
            // With a name that cannot be used, everything in it would be accused of that.
            Some(drawing) if well_named => {
                self.network.scopes.push(Scope { prefix, nested: outermost.or(Some(index)), drawing });
                self.scope(self.network.scopes.len() - 1, &shared);
            }
            _ => {
                let place = well_named.then(|| place(NestedPart::Whole));
                self.unseen(Unseen { place, prefix, shares: shared.into_values().flatten().collect() });
            }
        }
    }

    fn nested_name(&mut self, scope: usize, index: usize, name: &str, place: Place) -> bool {
        let drawing = self.network.scopes[scope].drawing;
        let written = &drawing.nested[index].name;
        let complaint = if drawing.nested[..index].iter().any(|other| other.name == *written) {
            Complaint::new(place, format!("there are two nested topologies named `{name}`"))
                .help("give one of them another name")
        } else if name.parse::<SegmentName>().is_err() {
            let message = format!("{name:?} cannot be the name of a nested topology");
            let help = "its hosts' names begin with it: up to 63 letters, digits, `-` and `_`";
            Complaint::new(place, message).help(help)
        } else {
            return true;
        };
        self.report.add(complaint);
        false
    }

    fn outer(&mut self, scope: usize, nested: &str, outer: &str, place: Place) -> Option<usize> {
        match self.network.find_segment(scope, outer) {
            Found::Known(segment) => Some(segment),
            Found::Doubtful => None,
            Found::Unknown => {
                let message = format!("`{nested}` shares `{outer}`, which is no segment");
                self.report.add(self.network.meant_segment(scope, outer, Complaint::new(place, message)));
                self.network.doubt_members(scope, outer);
                self.network.joints_in_doubt = true;
                None
            }
        }
    }

    fn inner(&mut self, nested: &str, inner: &str, drawing: &Drawing, place: Place) {
        let names: Vec<_> = drawing.segments.iter().map(|segment| segment.name.as_str()).collect();
        if names.contains(&inner) {
            return;
        }
        let complaint = Complaint::new(place, format!("`{nested}` has no segment `{inner}`"));
        self.report.add(Complaint { help: meant("segments", inner, &names), ..complaint });
        self.network.joints_in_doubt = true;
    }

    fn unseen(&mut self, unseen: Unseen) {
        for &segment in &unseen.shares {
            self.network.segments[segment].members_in_doubt = true;
        }
        self.network.unseen.push(unseen);
    }
}

/// Whether everything can be built: nobody knows how many machines there are in what nobody has seen.
pub(super) fn all_is_seen(network: &Network<'_>, report: &mut Report) {
    for Unseen { place, prefix, .. } in &network.unseen {
        let Some(place) = *place else { continue };
        let name = prefix.strip_suffix('-').unwrap_or(prefix);
        let complaint = Complaint::new(place, format!("nobody has seen what is in `{name}`"));
        report.add(complaint.help("say what its `drawing` is"));
    }
}
