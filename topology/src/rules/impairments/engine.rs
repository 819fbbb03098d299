//! What carries out the impairments of a segment, and what it cannot.

use super::words_of;
use crate::rules::network::{Interface, Network, meant};
use crate::rules::report::Report;
use crate::{Complaint, Device, Engine, ImpairmentPart, InterfacePart, MOST_JITTER, Medium, PairPart, SegmentPart};

const JITTER: &str = "the kernel has no jitter of more than 2.147 s";

/// Reads which engine it is, and checks that it can do what is asked for.
pub(super) fn resolve(network: &mut Network<'_>, segment: usize, report: &mut Report) {
    let on = &network.segments[segment];
    let Some(engine) = read(network, segment, report).filter(|_| on.drawn.medium == Medium::Switch) else { return };
    match engine {
        Engine::Kernel => kernel(network, segment, report),
        Engine::Relay | Engine::Automatic => relay(network, segment, engine, report),
    }
    network.segments[segment].engine = engine;
}

fn read(network: &Network<'_>, segment: usize, report: &mut Report) -> Option<Engine> {
    const ENGINES: [Engine; 3] = [Engine::Kernel, Engine::Relay, Engine::Automatic];
    let Some(text) = network.segments[segment].drawn.engine.as_deref() else { return Some(Engine::default()) };
    let names = ENGINES.map(|engine| engine.to_string());
    let found = ENGINES.into_iter().zip(&names).find(|(_, name)| *name == text);
    if found.is_none() {
        let message = format!("there is no engine `{text}`");
        let complaint = network.about_segment(segment, SegmentPart::Engine, &message);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        report.add(Complaint { help: meant("engines", text, &names), ..complaint });
    }
    found.map(|(engine, _)| engine)
}

/// Has what the kernel cannot do refused.
fn kernel(network: &Network<'_>, segment: usize, report: &mut Report) {
    let help = match relay_lacks(network, segment) {
        None => "write `engine = \"relay\"`, which can".to_owned(),
        Some((does, knob)) => {
            format!("leave out this, or `{knob}` and write `engine = \"relay\"`, which does not {does}")
        }
    };
    for complaint in beyond_kernel(network, segment) {
        report.add(complaint.help(&*help));
    }
}

/// Has a switch refused whose impairments a relay may have to carry out, if a relay is no such switch.
fn relay(network: &Network<'_>, segment: usize, engine: Engine, report: &mut Report) {
    let Some((does, knob)) =
        relay_lacks(network, segment).filter(|_| engine == Engine::Relay || is_impaired(network, segment))
    else {
        return;
    };
    let (part, message) = if engine == Engine::Relay {
        (SegmentPart::Engine, format!("a relay does not {does}"))
    } else {
        (SegmentPart::Bridge, format!("this switch may be impaired by a relay, which does not {does}"))
    };
    let help = if beyond_kernel(network, segment).is_empty() {
        format!("write `engine = \"kernel\"`, or leave out `{knob}`")
    } else {
        format!("leave out `{knob}`: the kernel cannot do all of what is asked for")
    };
    report.add(network.about_segment(segment, part, &message).help(help));
}

/// What a relay does not do and this switch does, and the knob that says so.
fn relay_lacks(network: &Network<'_>, segment: usize) -> Option<(&'static str, &'static str)> {
    let bridge = &network.segments[segment].drawn.bridge;
    if bridge.stp == Some(true) {
        Some(("speak STP", "stp = true"))
    } else if bridge.vlan_filtering == Some(true) {
        Some(("filter VLANs", "vlan_filtering = true"))
    } else {
        None
    }
}

/// Whether anything is written that happens to frames on a segment.
fn is_impaired(network: &Network<'_>, segment: usize) -> bool {
    let on = &network.segments[segment];
    let mut interfaces = on.members.iter().map(|&member| network.interface(member));
    !on.drawn.impairment.is_empty()
        || !on.drawn.pairs.is_empty()
        || interfaces.any(|interface| words_of(interface.drawn).next().is_some())
}

/// What of all that is asked for on a segment the kernel cannot do.
fn beyond_kernel(network: &Network<'_>, segment: usize) -> Vec<Complaint> {
    let on = &network.segments[segment];
    let size = "the kernel cannot drop packets by their size";
    let mut complaints = Vec::new();
    if on.drawn.impairment.mtu_black_hole.is_some() {
        let part = SegmentPart::Impairment(ImpairmentPart::MtuBlackHole);
        complaints.push(network.about_segment(segment, part, size));
    }
    if on.impairment.jitter > MOST_JITTER {
        let part = SegmentPart::Impairment(ImpairmentPart::Jitter);
        complaints.push(network.about_segment(segment, part, JITTER));
    }
    // All that crosses a segment waits at the ports that it leaves by.
    let several = on.members.iter().find_map(|&member| network.interface(member).device.without_a_queue(false));
    if let Some((why, word)) = several.zip(on.drawn.impairment.written().next()) {
        complaints.push(network.about_segment(segment, SegmentPart::Impairment(word), why));
    }
    for (index, _) in on.drawn.pairs.iter().enumerate() {
        let message = "the kernel cannot tell what one host sends to another from what others send to it";
        complaints.push(network.about_segment(segment, SegmentPart::Pair(index, PairPart::Whole), message));
    }
    for &member in &on.members {
        let Interface { drawn, drawn_as, egress, ingress, device, .. } = network.interface(member);
        let about = |part, message: &str| network.about_interface(member.host, *drawn_as, part, message);
        let black_holes = words_of(drawn).filter(|(word, _)| *word == ImpairmentPart::MtuBlackHole);
        complaints.extend(black_holes.map(|(_, part)| about(part, size)));
        if egress.jitter.max(ingress.jitter) > MOST_JITTER {
            let jitters = words_of(drawn).filter(|(word, _)| *word == ImpairmentPart::Jitter);
            complaints.extend(jitters.map(|(_, part)| about(part, JITTER)));
        }
        if let Some((why, (_, part))) = device.without_a_queue(false).zip(words_of(drawn).next()) {
            complaints.push(about(part, why));
        }
        let sent = words_of(drawn).find(|(_, part)| !matches!(part, InterfacePart::Ingress(_)));
        if let (Device::Tap, Some(why), Some((_, part))) = (device, device.without_a_queue(true), sent)
            && !egress.is_none()
        {
            complaints.push(about(part, why));
        }
        let arriving = words_of(drawn).find(|(_, part)| !matches!(part, InterfacePart::Egress(_)));
        if let Some((_, part)) = arriving.filter(|_| !ingress.is_none() && !on.impairment.is_none()) {
            let message = format!(
                "the kernel has one queue for what arrives at a host, which is that of all of `{}` already",
                on.name
            );
            complaints.push(about(part, &message));
        }
    }
    complaints
}
