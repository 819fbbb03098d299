//! The picture in the language of Graphviz (<https://graphviz.org/doc/info/lang.html>).

use super::layout::Layout;
use super::scene::{Place, Scene};
use super::words::{self, CROSS};

pub(super) fn draw(scene: &Scene) -> String {
    let mut lines = vec![
        "graph network {".to_owned(),
        "  rankdir=LR".to_owned(),
        "  node [fontname=\"monospace\", fontsize=11]".to_owned(),
        "  edge [fontname=\"monospace\", fontsize=9]".to_owned(),
    ];
    if !scene.notes.is_empty() {
        lines.push(format!("  label={}", quoted(&scene.notes, "\\l")));
    }
    for (index, host) in scene.hosts.iter().enumerate() {
        let mut label = host_lines(scene, index);
        let is_dead = death(scene, &mut label, Place::Host(index));
        let numbers = 0..host.interfaces.len();
        let is_dead =
            numbers.fold(is_dead, |dead, number| dead | death(scene, &mut label, Place::Interface(index, number)));
        let style = if is_dead { ", color=red, penwidth=2" } else { "" };
        lines.push(format!("  h{index} [shape=box, style=rounded, label={}{style}]", quoted(&label, "\\l")));
    }
    for (index, segment) in scene.segments.iter().enumerate() {
        let mut label = segment_lines(scene, index);
        let style = if death(scene, &mut label, Place::Segment(index)) { ", color=red, penwidth=2" } else { "" };
        let line = if segment.over.is_some() { "filled,dashed" } else { "filled" };
        lines.push(format!(
            "  s{index} [shape=box, style=\"{line}\", fillcolor=aliceblue, label={}{style}]",
            quoted(&label, "\\n")
        ));
    }
    for wire in wires(scene) {
        let mut style = if wire.is_over { ", style=dashed" } else { "" }.to_owned();
        if wire.is_way {
            style += ", color=blue, penwidth=3";
        }
        let (from, to) = wire.ends;
        lines.push(format!("  {from} -- {to} [label={}{style}]", quoted(&[wire.label], "")));
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}

/// A wire between a host and a segment.
pub(super) struct Edge {
    /// `h` or `s` and their number: first the one that is on the left in the picture.
    pub(super) ends: (String, String),
    /// The interface, and its places on the way.
    pub(super) label: String,
    pub(super) is_way: bool,
    /// Whether the segment is over another.
    pub(super) is_over: bool,
}

/// All wires, segment by segment.
pub(super) fn wires(scene: &Scene) -> Vec<Edge> {
    let (layout, steps) = (Layout::of(scene), scene.steps());
    let mut edges = Vec::new();
    for (index, segment) in scene.segments.iter().enumerate() {
        for &member in &segment.members {
            let mut label = scene.interface(member).name.clone();
            let steps = steps.get(&member);
            if let Some(steps) = steps {
                label = format!("{label} ({})", words::steps(steps));
            }
            let (host, segment_name) = (format!("h{}", member.0), format!("s{index}"));
            let leads_left = layout.wires[member.0][member.1].leads_left();
            let ends = if leads_left { (segment_name, host) } else { (host, segment_name) };
            edges.push(Edge { ends, label, is_way: steps.is_some(), is_over: segment.over.is_some() });
        }
    }
    edges
}

/// The lines of a host: its name, what it does, and its interfaces.
pub(super) fn host_lines(scene: &Scene, index: usize) -> Vec<String> {
    let host = &scene.hosts[index];
    let mut lines = vec![if host.is_router { format!("{} (router)", host.name) } else { host.name.clone() }];
    lines.extend(host.remarks.iter().cloned());
    for interface in &host.interfaces {
        let remarks = interface.remarks.join(", ");
        let remarks = if remarks.is_empty() { remarks } else { format!("({remarks})") };
        let words = std::iter::once(&interface.name).chain(&interface.addresses).chain(std::iter::once(&remarks));
        lines.push(words.map(String::as_str).collect::<Vec<_>>().join(" ").trim_end().to_owned());
    }
    lines
}

/// The lines of a segment: its name, what it is made of, its subnets, and what is special about it.
pub(super) fn segment_lines(scene: &Scene, index: usize) -> Vec<String> {
    let segment = &scene.segments[index];
    let over = segment.over.iter().map(|over| format!(" over {over}"));
    let mut lines = vec![segment.name.clone(), over.fold(segment.kind.clone(), |kind, over| kind + &over)];
    lines.extend(segment.subnets.iter().chain(&segment.remarks).cloned());
    lines
}

/// Says how somebody died here. Answers with whether somebody did.
pub(super) fn death(scene: &Scene, lines: &mut Vec<String>, place: Place) -> bool {
    let words = scene.death_at(place);
    lines.extend(words.map(|words| format!("{CROSS} {}: {words}", scene.place_name(place))));
    words.is_some()
}

/// Lines in a quoted string, each with this end. What looks like an entity of HTML would be taken for one.
fn quoted(lines: &[String], end: &str) -> String {
    let escaped = lines.iter().map(|line| {
        let line = line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
        line + end
    });
    format!("\"{}\"", escaped.collect::<String>())
}
