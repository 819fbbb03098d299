//! Pictures of networks: as text, and as SVG, Graphviz and Mermaid.

mod boxes;
mod graphviz;
mod layout;
mod marks;
mod mermaid;
mod scene;
mod svg;
mod text;
mod words;

use std::fmt;

use crate::Plan;

pub use marks::Marks;
use scene::Scene;

/// A picture of a network: all of its hosts, interfaces, segments and addresses, and what is special about them.
///
/// Shown with `{}` it is text, segment by segment. It says what was drawn: what changes while a test runs is not in it.
///
/// ```
/// use netns_test_topology::{Lan, Picture};
///
/// let plan = Lan { hosts: &["alice", "bob"], veth: true, ..Lan::default() }.plan().unwrap();
/// assert_eq!(
///     Picture::of(&plan).to_string(),
///     "\
/// lan  wire, 198.51.100.0/24, 2001:db8::/64
/// ├─ alice  eth0  198.51.100.1/24  2001:db8::1/64
/// └─ bob    eth0  198.51.100.2/24  2001:db8::2/64
/// "
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Picture {
    scene: Scene,
}

impl Picture {
    /// The picture of this network.
    pub fn of(plan: &Plan) -> Self {
        Self { scene: Scene::of(plan) }
    }

    /// The same picture with marks: the way of a packet, and where it died. They are instead of those that it had.
    ///
    /// Marks of what is not in the picture stand below it.
    #[must_use]
    pub fn mark(mut self, marks: &Marks) -> Self {
        self.scene.mark(marks);
        self
    }

    /// As a document of SVG, or to stand within a page of HTML.
    ///
    /// It needs nothing else: neither a script nor a font. It is light or dark as the reader prefers (`prefers-color-scheme`); a page that it stands in may
    /// set other colours: the custom properties `--netns-paper`, `--netns-box`, `--netns-line`, `--netns-ink`, `--netns-dim`, `--netns-way`,
    /// `--netns-death`, and `--netns-hue-0` to `--netns-hue-5` for segments.
    ///
    /// What is in it can be found by its class and its name: `g.host[data-host]`, `g.interface[data-host][data-interface]`,
    /// `g.segment[data-segment]`, and `path.wire`, which has all three. With marks, wires on the way have the class `way` and their places in it in
    /// `data-steps`, and where the packet died has the class `death`.
    pub fn svg(&self) -> String {
        svg::draw(&self.scene)
    }

    /// In the language of Graphviz, for `dot -Tsvg` or any other of its programs.
    pub fn graphviz(&self) -> String {
        graphviz::draw(&self.scene)
    }

    /// As a flowchart of Mermaid, which sites of Markdown draw. By itself Mermaid refuses more than 500 wires (`maxEdges`).
    pub fn mermaid(&self) -> String {
        mermaid::draw(&self.scene)
    }
}

/// As text. A line has up to 100 columns, and more where names are long.
impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::draw(&self.scene))
    }
}
