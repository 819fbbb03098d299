//! The boxes of a drawn picture: lines of text with their places, and how much room they take.

use super::scene::{Place, Scene};
use super::words::{columns, wrap};

/// The widest remark, in columns.
const REMARK: usize = 34;
/// The widest line in a segment's box, in columns.
const LABEL: usize = 26;
/// Between the text of a box and its edge.
const MARGIN: i64 = 10;

/// How a line is set: its class, the height of the line, and how wide 100 columns are. A monospaced font is no wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) class: &'static str,
    height: i64,
    width: i64,
}

pub(super) const NAME: Face = Face { class: "name", height: 21, width: 790 };
const ROLE: Face = Face { class: "role", height: 21, width: 610 };
const PORT: Face = Face { class: "port", height: 16, width: 730 };
const ADDRESS: Face = Face { class: "address", height: 16, width: 730 };
const WORDS: Face = Face { class: "remark", height: 15, width: 670 };
const DEATH: Face = Face { class: "words", height: 16, width: 670 };

impl Face {
    /// How wide a text is.
    pub(super) fn wide(self, text: &str) -> i64 {
        (count(columns(text)) * self.width + 99) / 100
    }
}

/// A number of things as a length.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A box: its size, and what is in it relative to its upper left corner.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) lines: Vec<Line>,
    /// Of a host, where each interface's wire begins, and which lines are the interface's: from, to.
    pub(super) ports: Vec<(i64, usize, usize)>,
    /// Where the cross stands, if somebody died here.
    pub(super) cross: Option<(i64, i64)>,
}

/// A line of text, from its left end on its base line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) face: Face,
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) text: String,
}

impl Block {
    /// Writes below what is there.
    fn write(&mut self, face: Face, x: i64, text: &str) {
        self.height += face.height;
        self.write_beside(face, x, text);
    }

    /// Writes in the last line.
    fn write_beside(&mut self, face: Face, x: i64, text: &str) {
        self.width = self.width.max(x + face.wide(text) + MARGIN);
        self.lines.push(Line { face, x, y: self.height, text: text.to_owned() });
    }

    /// A cross, and the words beside it.
    fn bury(&mut self, x: i64, words: &str, width: usize) {
        self.cross = Some((x, self.height + 5));
        let mut lines = wrap(words, width);
        if lines.is_empty() {
            lines.push(String::new());
        }
        for line in &lines {
            self.write(DEATH, x + 16, line);
        }
    }
}

pub(super) fn host(scene: &Scene, index: usize) -> Block {
    let host = &scene.hosts[index];
    let mut block = Block::default();
    block.write(NAME, MARGIN, &host.name);
    if host.is_router {
        block.write_beside(ROLE, MARGIN + NAME.wide(&host.name) + 10, "router");
    }
    for remark in host.remarks.iter().flat_map(|remark| wrap(remark, REMARK)) {
        block.write(WORDS, MARGIN, &remark);
    }
    let longest = host.interfaces.iter().map(|interface| PORT.wide(&interface.name)).max().unwrap_or(0);
    let column = MARGIN + longest + 10;
    for (number, interface) in host.interfaces.iter().enumerate() {
        let from = block.lines.len();
        block.height += 3;
        let port = block.height + 12;
        block.write(PORT, MARGIN, &interface.name);
        let mut is_first = true;
        for address in &interface.addresses {
            if !std::mem::take(&mut is_first) {
                block.height += ADDRESS.height;
            }
            block.write_beside(ADDRESS, column, address);
        }
        for remark in interface.remarks.iter().flat_map(|remark| wrap(remark, REMARK)) {
            if std::mem::take(&mut is_first) {
                block.write_beside(WORDS, column, &remark);
            } else {
                block.write(WORDS, column, &remark);
            }
        }
        if let Some(words) = scene.death_at(Place::Interface(index, number)) {
            block.bury(MARGIN, words, REMARK);
        }
        block.ports.push((port, from, block.lines.len()));
    }
    if let Some(words) = scene.death_at(Place::Host(index)) {
        block.height += 3;
        block.bury(MARGIN, words, REMARK);
    }
    block.height += MARGIN;
    block
}

pub(super) fn segment(scene: &Scene, index: usize) -> Block {
    let segment = &scene.segments[index];
    let mut block = Block::default();
    block.write(NAME, 0, &segment.name);
    let over = segment.over.iter().map(|over| format!("over {over}"));
    for words in std::iter::once(segment.kind.clone()).chain(over) {
        block.write(WORDS, 0, &words);
    }
    for subnet in &segment.subnets {
        block.write(ADDRESS, 0, subnet);
    }
    for remark in segment.remarks.iter().flat_map(|remark| wrap(remark, LABEL)) {
        block.write(WORDS, 0, &remark);
    }
    if let Some(words) = scene.death_at(Place::Segment(index)) {
        block.height += 3;
        block.bury(0, words, LABEL);
    }
    block.width += MARGIN;
    block.height += MARGIN;
    let cross = block.cross.map(|_| {
        (block.width
            - 16
            - block.lines.iter().filter(|l| l.face == DEATH).map(|l| l.face.wide(&l.text)).max().unwrap_or(0))
            / 2
    });
    for line in &mut block.lines {
        line.x = match cross {
            Some(x) if line.face == DEATH => x + 16,
            _ => (block.width - line.face.wide(&line.text)) / 2,
        };
    }
    if let (Some(place), Some(x)) = (&mut block.cross, cross) {
        place.0 = x;
    }
    block
}
