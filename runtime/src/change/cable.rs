//! Cables: pulled out, plugged in, moved to another switch.

use super::{Change, LinkError, interface_on};
use crate::lab::{Awaited, Carrier, LabError, Member, NoCable, Patience, wait_in_host};
use crate::{Host, Segment};

impl Segment {
    /// Pulls the host's cable out of the switch: its interface loses its carrier, and keeps its addresses and routes.
    ///
    /// A bond loses all its legs. When this is over, the host knows.
    pub fn unplug(&self, host: &Host) -> Change {
        self.set_plugged(host, false)
    }

    /// Plugs the host's cable in again. When this is over, the switch forwards, and the host can use its addresses.
    pub fn plug(&self, host: &Host) -> Change {
        self.set_plugged(host, true)
    }

    fn set_plugged(&self, host: &Host, plugged: bool) -> Change {
        self.turn(None, host, plugged)
    }

    /// The change that pulls a cable or plugs it in: this one, wherever it is by then, or the host's on this segment.
    pub(super) fn turn(&self, cable: Option<Cable>, host: &Host, plugged: bool) -> Change {
        let verb = if plugged { "plug in" } else { "unplug" };
        let what = format!("{verb} host `{}` on segment `{}`", host.name(), self.name());
        let (segment, host) = (self.clone(), host.clone());
        Change::new(what.clone(), &host.clone(), move |patience| {
            let cable = cable.map_or_else(|| Cable::of(&segment, &host), Ok)?;
            cable.set_plugged(&host, plugged, patience).map_err(|error| LinkError::failed(&what, error))
        })
    }

    /// Moves the host's cable from this switch to another; when this is over, that one forwards. A cable that is pulled stays so.
    ///
    /// The interface is the same and keeps its addresses; those of the other segment come with [`Host::set_address`].
    pub fn move_host(&self, host: &Host, to: &Segment) -> Change {
        let what = format!("move host `{}` from segment `{}` to `{}`", host.name(), self.name(), to.name());
        let (from, to, host) = (self.clone(), to.clone(), host.clone());
        Change::new(what.clone(), &host.clone(), move |patience| {
            let cable = Cable::of(&from, &host)?;
            if !to.is_of_the_lab_of(&host) {
                let (host, segment) = (host.name().to_owned(), to.name().to_owned());
                return Err(LinkError::OtherLab { host, segment });
            }
            if !to.is_switch() {
                return Err(no_cable(&host, &to, NoCable::Segment));
            }
            if interface_on(&to, &host).is_ok() {
                let (host, segment) = (host.name().to_owned(), to.name().to_owned());
                return Err(LinkError::AlreadyThere { host, segment });
            }
            let surroundings = host.surroundings();
            let (hub, impairments) = (&surroundings.hub, &surroundings.impairments);
            impairments.leave_ports(from.number(), &cable.ports).map_err(|error| LinkError::failed(&what, error))?;
            // Whoever captures what crosses one of the two follows.
            let following = surroundings.captures.follow(surroundings, cable.member, to.number());
            let moved = hub.move_ports(cable.member, &cable.ports, to.number(), patience);
            drop(following);
            let state =
                if moved.map_err(|error| LinkError::failed(&what, error))? { Carrier::There } else { Carrier::Lost };
            let taken = impairments.take_ports(surroundings, (from.number(), to.number()), &cable.ports);
            taken.map_err(|error| LinkError::failed(&what, error))?;
            cable.wait_for(&host, state, patience).map_err(|error| LinkError::failed(&what, error))
        })
    }
}

/// What an interface is plugged in with.
#[derive(Clone, Debug)]
pub(super) struct Cable {
    pub(super) member: Member,
    pub(super) ports: Vec<u32>,
}

impl Cable {
    pub(super) fn of(segment: &Segment, host: &Host) -> Result<Self, LinkError> {
        let member = (host.machine().number(), interface_on(segment, host)?);
        let surroundings = host.surroundings();
        let ports = surroundings.hub.cables(&surroundings.plan, member);
        Ok(Self { member, ports: ports.map_err(|why| no_cable(host, segment, why))? })
    }

    /// Pulls it or plugs it in, wherever it is; when this is over, the host knows.
    pub(super) fn set_plugged(&self, host: &Host, plugged: bool, patience: Patience) -> Result<(), LabError> {
        host.surroundings().hub.set_ports(&self.ports, plugged, patience)?;
        self.wait_for(host, if plugged { Carrier::There } else { Carrier::Lost }, patience)
    }

    fn wait_for(&self, host: &Host, state: Carrier, patience: Patience) -> Result<(), LabError> {
        let surroundings = host.surroundings();
        if surroundings.hub.tap(self.member).is_some() {
            // The host's kernel has no such interface.
            return Ok(());
        }
        let place = format!("host {}", host.name());
        let awaited = Awaited::interface(&surroundings.plan, self.member);
        wait_in_host(host.netns(), &place, (surroundings.hub.index(self.member), awaited), state, patience)
    }
}

fn no_cable(host: &Host, segment: &Segment, why: NoCable) -> LinkError {
    let why = match why {
        NoCable::Segment => {
            "only a switch has cables that can be pulled (two hosts of `veth = true` are on one with `engine = \"relay\"`)"
        }
        NoCable::Shared => "macvlans share one, and so do ipvlans",
    };
    LinkError::NoCable { host: host.name().to_owned(), segment: segment.name().to_owned(), why }
}
