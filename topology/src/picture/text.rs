//! The picture as text: the segments one after the other, with what is on each.

use std::collections::HashMap;
use std::fmt::{self, Write};

use super::scene::{Place, Scene, Segment};
use super::words::{self, CROSS, few, wrap};

/// How long a line is where names allow.
const WIDTH: usize = 100;

pub(super) fn draw(scene: &Scene) -> String {
    let steps: HashMap<_, _> =
        scene.steps().into_iter().map(|(member, steps)| (member, words::steps(&steps))).collect();
    let longest = steps.values().map(|steps| steps.chars().count()).max().unwrap_or(0);
    let margin = if scene.is_marked() { longest.max(3) + 1 } else { 0 };
    let mut page = Page { scene, steps, margin, text: String::new() };
    if scene.hosts.is_empty() && scene.segments.is_empty() {
        page.line("", "no hosts and no segments");
    }
    for index in 0..scene.segments.len() {
        page.gap();
        page.segment(index);
    }
    page.alone();
    page.marks();
    page.text
}

struct Page<'a> {
    scene: &'a Scene,
    steps: HashMap<(usize, usize), String>,
    /// How much room there is for marks in front of each line.
    margin: usize,
    text: String,
}

impl<'a> Page<'a> {
    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("there is room in a string");
    }

    /// How long the rest of a line is.
    fn room(&self) -> usize {
        WIDTH - self.margin
    }

    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn line(&mut self, mark: &str, line: &str) {
        if self.margin > 0 {
            self.put(format_args!("{mark:>width$} ", width = self.margin - 1));
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn segment(&mut self, index: usize) {
        let segment = &self.scene.segments[index];
        let over = segment.over.iter().map(|over| format!("over {over}"));
        let kind = std::iter::once(segment.kind.clone()).chain(over).collect::<Vec<_>>().join(" ");
        let words: Vec<_> =
            std::iter::once(&kind).chain(&segment.subnets).chain(&segment.remarks).map(String::as_str).collect();
        let (branch, below) = if segment.members.is_empty() { ("", "   ") } else { ("", "│  ") };
        self.flow("", branch, &format!("{}  ", segment.name), words.join(", ").as_str(), below);
        if let Some(words) = self.scene.death_at(Place::Segment(index)) {
            self.death(below, words);
        }
        let columns = Columns::of(self.scene, segment);
        for (number, &member) in segment.members.iter().enumerate() {
            let is_last = number + 1 == segment.members.len();
            self.member(member, &columns, is_last);
        }
    }

    fn member(&mut self, member: (usize, usize), columns: &Columns, is_last: bool) {
        let (host, interface) = (&self.scene.hosts[member.0], self.scene.interface(member));
        let mut head =
            format!("{:name$}  {:port$}  ", host.name, interface.name, name = columns.host, port = columns.interface);
        for (address, width) in interface.addresses.iter().zip(&columns.addresses) {
            head = format!("{head}{address:width$}  ");
        }
        let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let step = self.steps.get(&member).cloned().unwrap_or_default();
        self.flow(&step, branch, &head, &self.remarks(member), below);
        if let Some(words) = self.death_of(member) {
            self.death(below, words);
        }
    }

    fn remarks(&self, member: (usize, usize)) -> String {
        let (host, interface) = (&self.scene.hosts[member.0], self.scene.interface(member));
        let mut remarks = Vec::new();
        remarks.extend(host.is_router.then(|| "router".to_owned()));
        remarks.extend(interface.remarks.iter().cloned());
        if member.1 == 0 {
            remarks.extend(host.remarks.iter().cloned());
        }
        let others = host.interfaces.iter().enumerate().filter(|(number, _)| *number != member.1);
        let others: Vec<_> = others.map(|(_, other)| self.scene.segments[other.segment].name.clone()).collect();
        if !others.is_empty() {
            remarks.push(format!("also on {}", few(others, 4, "segments").join(", ")));
        }
        remarks.join(", ")
    }

    /// How somebody died at this interface, or in its host: that is said where the way came to it.
    fn death_of(&self, member: (usize, usize)) -> Option<&'a str> {
        let here = self.scene.death_at(Place::Interface(member.0, member.1));
        here.or_else(|| {
            let came_by = self.scene.way.iter().rev().find(|(host, _)| *host == member.0);
            let shown = came_by.copied().unwrap_or((member.0, 0));
            self.scene.death_at(Place::Host(member.0)).filter(|_| shown == member)
        })
    }

    fn death(&mut self, below: &str, words: &str) {
        let lines = wrap(words, self.room() - 8);
        self.line(CROSS, &format!("{below}  {CROSS} {}", lines.first().map_or("", String::as_str)));
        for line in lines.iter().skip(1) {
            self.line("", &format!("{below}    {line}"));
        }
    }

    /// A head, and words behind it or, where that is too long, below.
    fn flow(&mut self, mark: &str, branch: &str, head: &str, words: &str, below: &str) {
        let width = self.room();
        let line = format!("{branch}{head}{words}");
        if line.trim_end().chars().count() <= width {
            self.line(mark, &line);
            return;
        }
        let indent = format!("{below}    ");
        let head = format!("{branch}{head}");
        let mut parts = Vec::new();
        if head.trim_end().chars().count() <= width {
            parts.push(head.clone());
        } else {
            // Addresses of many subnets.
            let mut lines = wrap(&head, width - indent.chars().count()).into_iter();
            parts.extend(lines.next());
            parts.extend(lines.map(|line| format!("{indent}{line}")));
        }
        parts.extend(wrap(words, width - indent.chars().count()).iter().map(|line| format!("{indent}{line}")));
        for (number, part) in parts.iter().enumerate() {
            self.line(if number == 0 { mark } else { "" }, part);
        }
    }

    /// The hosts that are on no segment.
    fn alone(&mut self) {
        let scene = self.scene;
        let alone: Vec<_> = (0..scene.hosts.len()).filter(|&host| scene.hosts[host].interfaces.is_empty()).collect();
        if alone.is_empty() {
            return;
        }
        self.gap();
        self.line("", "on no segment");
        for (number, &host) in alone.iter().enumerate() {
            let (branch, below) = if number + 1 == alone.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let router = if scene.hosts[host].is_router { "  router" } else { "" };
            self.line("", &format!("{branch}{}{router}", scene.hosts[host].name));
            if let Some(words) = scene.death_at(Place::Host(host)) {
                self.death(below, words);
            }
        }
    }

    /// The way, from its beginning to its end.
    fn marks(&mut self) {
        let scene = self.scene;
        let mut way: Vec<_> = scene.way.iter().map(|&member| scene.member_name(member)).collect();
        way.extend(scene.death.iter().map(|(place, _)| format!("{CROSS} {}", scene.place_name(*place))));
        if scene.is_marked() {
            self.text.push('\n');
        }
        if !way.is_empty() {
            for (number, line) in wrap(&way.join(" → "), WIDTH - 5).iter().enumerate() {
                self.put(format_args!("{:5}{line}\n", if number == 0 { "way" } else { "" }));
            }
        }
        for note in &scene.notes {
            self.put(format_args!("{note}\n"));
        }
    }
}

/// How wide the columns of a segment's members are.
struct Columns {
    host: usize,
    interface: usize,
    addresses: Vec<usize>,
}

impl Columns {
    fn of(scene: &Scene, segment: &Segment) -> Self {
        let mut columns = Self { host: 0, interface: 0, addresses: Vec::new() };
        for &member in &segment.members {
            let interface = scene.interface(member);
            columns.host = columns.host.max(scene.hosts[member.0].name.len());
            columns.interface = columns.interface.max(interface.name.len());
            columns.addresses.resize(columns.addresses.len().max(interface.addresses.len()), 0);
            for (width, address) in columns.addresses.iter_mut().zip(&interface.addresses) {
                *width = (*width).max(address.len());
            }
        }
        columns
    }
}
