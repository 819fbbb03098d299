//! Causes on the way to a neighbour: nobody answers for its address, or the wrong one does.

use std::net::IpAddr;

use super::{Cause, Scene, dotted};
use crate::lab::Member;
use crate::trail::map;

impl Scene<'_> {
    /// Nobody has answered who has an address.
    pub(super) fn no_neighbour(&self, host: usize, interface: u32, target: IpAddr) -> Cause {
        let asked = self.packets.unanswered_questions(host, interface, target);
        let how = if target.is_ipv4() { "ARP" } else { "neighbour discovery" };
        let how = match asked {
            0 => how.to_owned(),
            1 => format!("{how}, asked once"),
            asked => format!("{how}, asked {asked} times"),
        };
        let place = self.map.place(host, interface);
        let own = self.map.member(host, interface);
        let segment = own.map_or_else(|| "the link".to_owned(), |member| format!("`{}`", self.map.segment(member)));
        let cause = Cause::new(format!("nobody on {segment} answers {place} for {target} ({how})"));
        match self.why_nobody(host, interface, own, target) {
            Some(hint) => cause.hint(hint),
            None => cause,
        }
    }

    /// A host looks for a neighbour in vain: whom it would pass on to what is for itself until it has translated that.
    pub(super) fn looks_in_vain(&self, host: usize) -> Option<Cause> {
        let unanswered =
            |&(interface, target): &(u32, IpAddr)| self.packets.unanswered_questions(host, interface, target) > 0;
        let (interface, target) = self.packets.questions_of(host).find(unanswered)?;
        Some(self.no_neighbour(host, interface, target))
    }

    fn why_nobody(&self, host: usize, interface: u32, own: Option<Member>, target: IpAddr) -> Option<String> {
        if let Some(trouble) = own.and_then(|member| self.link_trouble(member)) {
            return Some(format!("hint: {trouble}"));
        }
        let owners = self.map.with_address(target);
        // Where two have it on segments of their own, the one here is meant.
        let is_here =
            |owner: &&Member| own.is_some_and(|own| self.map.segment_number(**owner) == self.map.segment_number(own));
        let Some(&owner) = owners.iter().find(is_here).or(owners.first()) else {
            let as_gateway = self.way_to(host, self.question.asking.to)?.ok()?.gateway == Some(target);
            let role = if as_gateway { ", the gateway," } else { "" };
            return Some(format!("hint: no host of this lab was given {target}{role}"));
        };
        // One that was made since is on no segment that was drawn.
        if own.is_none_or(|own| self.map.segment_number(owner) == self.map.segment_number(own))
            && let Some(other) = self.in_another_vlan((host, interface), owner, target)
        {
            return Some(format!("hint: {other}"));
        }
        let own = own?;
        let name = self.map.place(owner.0, self.map.0.hub.index(owner));
        if self.map.segment_number(owner) != self.map.segment_number(own) {
            return Some(self.elsewhere(host, interface, own, target, owner));
        }
        if let Some(trouble) = self.link_trouble(owner) {
            return Some(format!("hint: {target} is {name}: {trouble}"));
        }
        if let Some(lost) = self.lost_address(owner.0, target) {
            return Some(format!("hint: {lost}"));
        }
        let heard = self.packets.heard_question(target).into_iter().find(|&(heard_by, ..)| heard_by == owner.0);
        if let Some((_, came_in, from)) = heard {
            let came = format!("hint: {target} is {name}, where the question came in, and no answer left");
            return Some(match self.why_no_answer(owner.0, came_in, from) {
                Some(why) => format!("{came}: {why}"),
                None => came,
            });
        }
        if let Some(filtered) = self.filtered_by_the_switch(own, None, &[owner]) {
            return Some(format!("hint: {target} is {name}, which has not heard the question: {filtered}"));
        }
        let weather = self.weather_of(self.map.segment_number(own));
        Some(match weather {
            Some(weather) => format!("hint: {target} is {name}, which has not heard the question; {weather}"),
            None => format!("hint: {target} is {name}, which has not heard the question"),
        })
    }

    /// Why a host does not answer a question for one of its own addresses.
    fn why_no_answer(&self, host: usize, came_in: u32, from: IpAddr) -> Option<String> {
        let interface = self.map.interface(host, came_in);
        let paths = ["all", &interface].map(|of| format!("ipv4/conf/{of}/arp_ignore"));
        let ignores = paths.iter().find_map(|path| {
            let value = self.number(host, path).filter(|value| *value > 0)?;
            from.is_ipv4().then(|| dotted(path, value))
        });
        ignores.or_else(|| self.filters(host, came_in, from))
    }

    /// The address is somebody's on another segment.
    fn elsewhere(&self, host: usize, interface: u32, own: Member, target: IpAddr, owner: Member) -> String {
        let (here, there) = (self.map.segment(own), self.map.segment(owner));
        let whose = self.map.host(owner.0);
        let vlans = self.map.vlan(own).zip(self.map.vlan(owner)).filter(|(ours, theirs)| ours.0 == theirs.0);
        if let Some(((_, ours), (_, theirs))) = vlans {
            return format!(
                "hint: {target} is {whose}, in the VLAN {theirs} (`{there}`); {} is in the VLAN {ours} (`{here}`)",
                self.map.place(host, interface)
            );
        }
        let prefix = self.prefix_over(host, interface, target);
        let taken = prefix.map_or_else(String::new, |prefix| {
            format!(", which {} takes for its own by its prefix {prefix}", self.map.place(host, interface))
        });
        format!("hint: {target} is {whose}, on `{there}` and not on `{here}`{taken}")
    }

    /// Several have answered for an address.
    pub(super) fn several_answer(&self, host: usize, target: IpAddr) -> Option<String> {
        let macs = self.packets.answers_for(host, target);
        let names: Vec<_> = macs
            .iter()
            .map(|&mac| match self.map.with_mac(mac).next() {
                Some(member) => format!("{} ({})", self.map.host(member.0), map::mac(mac)),
                None => map::mac(mac).to_string(),
            })
            .collect();
        (names.len() > 1).then(|| format!("{target} is answered for by several: {}", names.join(" and ")))
    }
}
