//! What happens to frames that cross a segment, and what carries that out.

mod engine;
mod pairs;
mod words;

use super::network::{Interface, Member, Network};
use super::report::{Refusal, Report};
use crate::{
    Complaint, Device, DrawnInterface, Impairment, ImpairmentPart, InterfacePart, Medium, PairPart, SegmentPart,
};
pub(super) use pairs::{End, Pair};

/// Reads all impairments, and checks that they are where something can carry them out.
pub(super) fn resolve(network: &mut Network<'_>, report: &mut Report) {
    for segment in 0..network.segments.len() {
        all_of(network, segment, report);
        pairs::resolve(network, segment, report);
    }
    for host in 0..network.hosts.len() {
        for interface in 0..network.hosts[host].interfaces.len() {
            of_interface(network, Member { host, interface }, report);
        }
    }
    for segment in 0..network.segments.len() {
        beside_the_switch(network, segment, report);
        engine::resolve(network, segment, report);
    }
}

/// Has a segment refused that is to be impaired, and some of whose hosts reach each other without its switch.
fn beside_the_switch(network: &Network<'_>, segment: usize, report: &mut Report) {
    let on = &network.segments[segment];
    let Some(word) = on.drawn.impairment.written().next().filter(|_| on.drawn.medium == Medium::Switch) else { return };
    let devices = on.members.iter().map(|&member| network.interface(member).device);
    if let Some(kind) = Device::beside_the_switch(devices) {
        let message = format!("the {kind} of `{}` reach each other without its switch, which alone impairs", on.name);
        let help = format!("leave out `{}`, or have no more than one of them", word.word());
        report.add(network.about_segment(segment, SegmentPart::Impairment(word), &message).help(help));
    }
}

/// Reads what happens to all that crosses a segment.
fn all_of(network: &mut Network<'_>, segment: usize, report: &mut Report) {
    let drawn = network.segments[segment].drawn;
    let mut refuse = |part, (message, help): Refusal| {
        let complaint = network.about_segment(segment, SegmentPart::Impairment(part), &message);
        report.add(Complaint { help, ..complaint });
    };
    let impairment = words::read(&drawn.impairment, Impairment::new(), &mut refuse);
    for (part, message) in nonsense(&impairment) {
        refuse(part, (message, None));
    }
    network.segments[segment].impairment = impairment;
    let word = drawn.impairment.written().next().map(|part| (part.word(), SegmentPart::Impairment(part)));
    let engine = drawn.engine.is_some().then_some(("engine", SegmentPart::Engine));
    let pair = drawn.pairs.first().map(|pair| (pairs::word(pair), SegmentPart::Pair(0, PairPart::Whole)));
    if let Some((word, part)) = word.or(engine).or(pair)
        && let Some(help) = instead(network, segment)
    {
        let message = format!("`{word}` needs a switch, and this is {}", drawn.medium.phrase());
        report.add(network.about_segment(segment, part, &message).help(help));
    }
}

/// Reads what happens on the cable of one interface.
fn of_interface(network: &mut Network<'_>, member: Member, report: &mut Report) {
    let Interface { drawn, drawn_as, segment, .. } = *network.interface(member);
    let Some((word, first)) = words_of(drawn).next() else { return };
    let about = |part, message: &str| network.about_interface(member.host, drawn_as, part, message);
    let mut read = |words, without, of: fn(ImpairmentPart) -> InterfacePart| {
        words::read(words, without, &mut |part, (message, help)| {
            report.add(Complaint { help, ..about(of(part), &message) });
        })
    };
    let both = read(&drawn.impairment, Impairment::new(), InterfacePart::Impairment);
    let egress = read(&drawn.egress, both, InterfacePart::Egress);
    let ingress = read(&drawn.ingress, both, InterfacePart::Ingress);
    let of_egress = nonsense(&egress).map(|(part, message)| {
        let here = drawn.egress.written().any(|written| written == part);
        (if here { InterfacePart::Egress(part) } else { InterfacePart::Impairment(part) }, message)
    });
    let of_ingress = nonsense(&ingress).map(|(part, message)| {
        let here = drawn.ingress.written().any(|written| written == part);
        (if here { InterfacePart::Ingress(part) } else { InterfacePart::Impairment(part) }, message)
    });
    let mut refused: Vec<_> = of_egress.chain(of_ingress).collect();
    // What is written for both directions makes no sense in both.
    refused.sort();
    refused.dedup();
    for (part, message) in refused {
        report.add(about(part, &message));
    }
    let on = &network.segments[segment];
    if let Some(help) = instead(network, segment) {
        let message = format!("`{word}` needs a switch, and `{}` is {}", on.name, on.drawn.medium.phrase());
        report.add(about(first, &message).help(help));
    } else if let Some(devices) = sharing_a_port(network.interface(member).device) {
        let message =
            format!("the {devices}s on `{}` share a port of the switch, so none is impaired by itself", on.name);
        let help = format!("leave out `{devices}`");
        report.add(about(first, &message).help(help));
    }
    let interface = &mut network.hosts[member.host].interfaces[member.interface];
    (interface.egress, interface.ingress) = (egress, ingress);
}

/// The words about an interface, and where they are.
fn words_of(drawn: &DrawnInterface) -> impl Iterator<Item = (ImpairmentPart, InterfacePart)> + use<> {
    let both = drawn.impairment.written().map(|part| (part, InterfacePart::Impairment(part)));
    let egress = drawn.egress.written().map(|part| (part, InterfacePart::Egress(part)));
    let ingress = drawn.ingress.written().map(|part| (part, InterfacePart::Ingress(part)));
    both.chain(egress).chain(ingress)
}

/// What makes no sense in an impairment, and at which word.
fn nonsense(impairment: &Impairment) -> impl Iterator<Item = (ImpairmentPart, String)> + use<> {
    let complaints = impairment.complaints().into_iter();
    complaints.filter_map(|(word, message)| {
        let part = ImpairmentPart::ALL.iter().find(|part| part.word() == word)?;
        Some((*part, message))
    })
}

/// What to write instead where there is no switch, which alone can impair what crosses it.
fn instead(network: &Network<'_>, segment: usize) -> Option<String> {
    let segment = &network.segments[segment];
    Some(match segment.drawn.medium {
        Medium::Switch => return None,
        Medium::Veth => "leave out `veth`: a switch joins two as well".to_owned(),
        Medium::Dummy => "nothing crosses a dummy: leave out one of the two".to_owned(),
        _ => match segment.over {
            Some(over) => format!("write it at `{}`, the segment that it is over", network.segments[over].name),
            None => "write it at the segment that it is over".to_owned(),
        },
    })
}

/// What is called so, if all of its kind on a segment are on one port of the switch.
fn sharing_a_port(device: Device) -> Option<&'static str> {
    match device {
        Device::Macvlan => Some("macvlan"),
        Device::Ipvlan => Some("ipvlan"),
        Device::Macvtap => Some("macvtap"),
        Device::Plain | Device::Tap | Device::Bond { .. } => None,
    }
}
