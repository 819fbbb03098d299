//! The picture as a flowchart of Mermaid (<https://mermaid.js.org/syntax/flowchart.html>).

use std::fmt::Write;

use super::graphviz::{death, host_lines, segment_lines, wires};
use super::scene::{Place, Scene};

pub(super) fn draw(scene: &Scene) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    let mut dead = None;
    for (index, host) in scene.hosts.iter().enumerate() {
        let mut label = host_lines(scene, index);
        let places = (0..host.interfaces.len()).map(|number| Place::Interface(index, number));
        for place in std::iter::once(Place::Host(index)).chain(places) {
            if death(scene, &mut label, place) {
                dead = Some(format!("h{index}"));
            }
        }
        lines.push(format!("  h{index}({})", quoted(&label)));
    }
    for index in 0..scene.segments.len() {
        let mut label = segment_lines(scene, index);
        if death(scene, &mut label, Place::Segment(index)) {
            dead = Some(format!("s{index}"));
        }
        lines.push(format!("  s{index}[[{}]]", quoted(&label)));
    }
    let mut way = Vec::new();
    for (number, wire) in wires(scene).into_iter().enumerate() {
        let line = if wire.is_over { "-.-" } else { "---" };
        let (from, to) = wire.ends;
        lines.push(format!("  {from} {line}|{}| {to}", quoted(&[wire.label])));
        way.extend(wire.is_way.then(|| number.to_string()));
    }
    if !scene.notes.is_empty() {
        lines.push(format!("  notes[{}]", quoted(&scene.notes)));
    }
    if !way.is_empty() {
        lines.push(format!("  linkStyle {} stroke:#2563eb,stroke-width:4px", way.join(",")));
    }
    if let Some(dead) = dead {
        lines.push(format!("  style {dead} stroke:#dc2626,stroke-width:3px"));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Lines in a quoted string. Whatever could be more than text there is written as its number.
fn quoted(lines: &[String]) -> String {
    let mut quoted = String::from("\"");
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            quoted.push_str("<br/>");
        }
        for c in line.chars() {
            if c.is_alphanumeric() || " .,:/-_()".contains(c) || !c.is_ascii() {
                quoted.push(c);
            } else {
                write!(quoted, "#{};", u32::from(c)).expect("there is room in a string");
            }
        }
    }
    quoted.push('"');
    quoted
}
