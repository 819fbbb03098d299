//! The picture as SVG.

use std::collections::HashMap;
use std::fmt::{self, Write};

use super::boxes::{self, Block, Line, count};
use super::layout::{Area, Layout, Wire};
use super::scene::{Place, Scene};
use super::words;

/// Around everything.
const BORDER: i64 = 24;
/// The height of a note below the picture.
const NOTE: i64 = 20;

/// Colours are custom properties that a page may set, and ours where it does not.
const STYLE: &str = include_str!("style.css");

pub(super) fn draw(scene: &Scene) -> String {
    let mut sheet = Sheet { scene, layout: &Layout::of(scene), steps: scene.steps(), text: String::new() };
    sheet.draw().expect("there is room in a string");
    sheet.text
}

struct Sheet<'a> {
    scene: &'a Scene,
    layout: &'a Layout,
    steps: HashMap<(usize, usize), Vec<usize>>,
    text: String,
}

/// A text within an element or an attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

impl Sheet<'_> {
    fn draw(&mut self) -> fmt::Result {
        let notes = self.scene.notes.iter().map(|note| boxes::NAME.wide(note)).max().unwrap_or(0);
        let width = self.layout.width.max(notes).max(1) + 2 * BORDER;
        let height = self.layout.height.max(1) + 2 * BORDER + count(self.scene.notes.len()) * NOTE;
        let marked = if self.scene.is_marked() { " marked" } else { "" };
        let title = self.scene.title();
        let title = Escaped(&title);
        writeln!(
            self.text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"netns-picture{marked}\" role=\"img\" aria-label=\"{title}\" \
             viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>"
        )?;
        self.wires(false)?;
        self.wires(true)?;
        for index in 0..self.scene.segments.len() {
            self.segment(index)?;
        }
        for index in 0..self.scene.hosts.len() {
            self.host(index)?;
        }
        for (number, note) in self.scene.notes.iter().enumerate() {
            let y = self.layout.height + 2 * BORDER + NOTE * count(number);
            writeln!(self.text, "<text class=\"note\" x=\"{BORDER}\" y=\"{y}\">{}</text>", Escaped(note))?;
        }
        self.text.push_str("</svg>\n");
        Ok(())
    }

    /// The wires that are on the way of a packet, or those that are not.
    fn wires(&mut self, on_the_way: bool) -> fmt::Result {
        for (host, wires) in self.layout.wires.iter().enumerate() {
            for (number, wire) in wires.iter().enumerate() {
                let steps = self.steps.get(&(host, number));
                if steps.is_some() != on_the_way {
                    continue;
                }
                let (host, interface) = (&self.scene.hosts[host], &self.scene.hosts[host].interfaces[number]);
                let segment = &self.scene.segments[interface.segment];
                let (way, data) = match steps {
                    Some(steps) => (" way", format!(" data-steps=\"{}\"", listed(steps))),
                    None => ("", String::new()),
                };
                let over = if segment.over.is_some() { " over" } else { "" };
                writeln!(
                    self.text,
                    "<path class=\"wire hue-{}{over}{way}\" data-host=\"{}\" data-interface=\"{}\" data-segment=\"{}\"{data} d=\"{}\"/>",
                    interface.segment % 6,
                    Escaped(&host.name),
                    Escaped(&interface.name),
                    Escaped(&segment.name),
                    Drawn(wire),
                )?;
            }
        }
        Ok(())
    }

    fn segment(&mut self, index: usize) -> fmt::Result {
        let (segment, block, area) =
            (&self.scene.segments[index], &self.layout.segment_blocks[index], self.layout.segments[index]);
        let is_dead = self.scene.death_at(Place::Segment(index)).is_some();
        let over = if segment.over.is_some() { " over" } else { "" };
        let death = if is_dead { " death" } else { "" };
        writeln!(
            self.text,
            "<g class=\"segment hue-{}{over}{death}\" data-segment=\"{}\">",
            index % 6,
            Escaped(&segment.name)
        )?;
        let Area { x, y, width, height } = moved(area);
        writeln!(
            self.text,
            "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"12\"/>"
        )?;
        let corner = (x, y + (height - block.height) / 2);
        self.lines(&block.lines, corner)?;
        self.cross(block, corner)?;
        self.text.push_str("</g>\n");
        Ok(())
    }

    fn host(&mut self, index: usize) -> fmt::Result {
        let (host, block) = (&self.scene.hosts[index], &self.layout.host_blocks[index]);
        let Area { x, y, width, height } = moved(self.layout.hosts[index]);
        let death = if self.scene.death_at(Place::Host(index)).is_some() { " death" } else { "" };
        let router = if host.is_router { " router" } else { "" };
        writeln!(self.text, "<g class=\"host{router}{death}\" data-host=\"{}\">", Escaped(&host.name))?;
        writeln!(
            self.text,
            "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"7\"/>"
        )?;
        let first = block.ports.first().map_or(block.lines.len(), |port| port.1);
        self.lines(&block.lines[..first], (x, y))?;
        for (number, &(_, from, to)) in block.ports.iter().enumerate() {
            let interface = &host.interfaces[number];
            let is_dead = self.scene.death_at(Place::Interface(index, number)).is_some();
            let death = if is_dead { " death" } else { "" };
            let (name, segment) = (Escaped(&interface.name), &self.scene.segments[interface.segment].name);
            writeln!(
                self.text,
                "<g class=\"interface hue-{}{death}\" data-host=\"{}\" data-interface=\"{name}\">\
                 <title>{name} of {} on {}, {}</title>",
                interface.segment % 6,
                Escaped(&host.name),
                Escaped(&host.name),
                Escaped(segment),
                interface.mac,
            )?;
            self.lines(&block.lines[from..to], (x, y))?;
            let (cx, cy) = self.layout.wires[index][number].from;
            writeln!(self.text, "<circle class=\"plug\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>", cx + BORDER, cy + BORDER)?;
            if is_dead {
                self.cross(block, (x, y))?;
            }
            self.text.push_str("</g>\n");
            self.badge(index, number)?;
        }
        let last = block.ports.last().map_or(first, |port| port.2);
        self.lines(&block.lines[last..], (x, y))?;
        if !death.is_empty() {
            self.cross(block, (x, y))?;
        }
        self.text.push_str("</g>\n");
        Ok(())
    }

    /// The places that an interface has on the way, beside its wire.
    fn badge(&mut self, host: usize, interface: usize) -> fmt::Result {
        let Some(steps) = self.steps.get(&(host, interface)) else { return Ok(()) };
        let wire = self.layout.wires[host][interface];
        let steps = words::steps(steps);
        let width = 10 + 7 * count(steps.chars().count());
        let (x, y) = (wire.from.0 + BORDER, wire.from.1 + BORDER);
        let left = if wire.leads_left() { x - width - 6 } else { x + 6 };
        writeln!(
            self.text,
            "<g class=\"step\"><rect x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"16\" rx=\"8\"/>\
             <text x=\"{}\" y=\"{}\">{steps}</text></g>",
            y - 8,
            left + width / 2,
            y + 4
        )
    }

    fn lines(&mut self, lines: &[Line], (x, y): (i64, i64)) -> fmt::Result {
        for line in lines.iter().filter(|line| !line.text.is_empty()) {
            let (class, x, y) = (line.face.class, x + line.x, y + line.y);
            writeln!(self.text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", Escaped(&line.text))?;
        }
        Ok(())
    }

    fn cross(&mut self, block: &Block, (x, y): (i64, i64)) -> fmt::Result {
        let Some((left, top)) = block.cross else { return Ok(()) };
        let (x, y) = (x + left, y + top);
        writeln!(self.text, "<path class=\"cross\" d=\"M{x} {y}l10 10m0 -10l-10 10\"/>")
    }
}

fn listed(steps: &[usize]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn moved(area: Area) -> Area {
    Area { x: area.x + BORDER, y: area.y + BORDER, ..area }
}

/// A wire as the data of a path.
struct Drawn<'a>(&'a Wire);

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wire { from, lane, gutter, to } = *self.0;
        write!(f, "M{} {}", from.0 + BORDER, from.1 + BORDER)?;
        if from.1 != lane {
            write!(f, "V{}", lane + BORDER)?;
        }
        if lane != to.1 {
            let middle = i64::midpoint(gutter.0, gutter.1) + BORDER;
            let (start, end) = (gutter.0 + BORDER, gutter.1 + BORDER);
            let (lane, to) = (lane + BORDER, to.1 + BORDER);
            write!(f, "H{start}C{middle} {lane} {middle} {to} {end} {to}")?;
        }
        write!(f, "H{}", to.0 + BORDER)
    }
}
