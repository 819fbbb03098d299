//! Where everything stands: hosts and segments in turns from left to right, wires between them.
//!
//! Hosts that are on the same segments stand together. These groups and the segments are the nodes of a graph in which a group is joined to
//! segments only. So, breadth first from one end, each wire leads from a column to the next, through the gap between them, in which there are no
//! boxes.

mod columns;
mod graph;
mod part;

use super::boxes::{self, Block};
use super::scene::Scene;
use graph::Graph;
use part::Part;

/// Between parts of the network that nothing joins.
const APART: i64 = 46;

/// A rectangle: its upper left corner and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// A wire, from an interface to a segment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wire {
    /// Where it begins, at the edge of a host's box.
    pub(super) from: (i64, i64),
    /// The height at which it leads away from the host.
    pub(super) lane: i64,
    /// Where it leaves the host's column, and where it enters the segment's.
    pub(super) gutter: (i64, i64),
    /// Where it ends, at the edge of a segment's box.
    pub(super) to: (i64, i64),
}

impl Wire {
    /// Whether the segment is on the left of the host.
    pub(super) fn leads_left(&self) -> bool {
        self.to.0 < self.from.0
    }
}

/// Where everything stands.
#[derive(Debug)]
pub(super) struct Layout {
    /// What is in the boxes of hosts and segments.
    pub(super) host_blocks: Vec<Block>,
    pub(super) segment_blocks: Vec<Block>,
    /// Where these boxes are; they may be larger than what is in them.
    pub(super) hosts: Vec<Area>,
    pub(super) segments: Vec<Area>,
    /// Of each host, of each interface.
    pub(super) wires: Vec<Vec<Wire>>,
    pub(super) width: i64,
    pub(super) height: i64,
}

impl Layout {
    pub(super) fn of(scene: &Scene) -> Self {
        let host_blocks: Vec<_> = (0..scene.hosts.len()).map(|index| boxes::host(scene, index)).collect();
        let segment_blocks: Vec<_> = (0..scene.segments.len()).map(|index| boxes::segment(scene, index)).collect();
        let mut layout = Self {
            hosts: vec![Area::default(); host_blocks.len()],
            segments: vec![Area::default(); segment_blocks.len()],
            host_blocks,
            segment_blocks,
            wires: scene.hosts.iter().map(|host| vec![Wire::default(); host.interfaces.len()]).collect(),
            width: 0,
            height: 0,
        };
        layout.arrange(scene);
        layout
    }

    /// Lays out what is joined, one part after the other, and puts the parts in rows.
    fn arrange(&mut self, scene: &Scene) {
        let graph = Graph::of(scene);
        let columns = graph.parts().into_iter();
        let parts: Vec<_> = columns.map(|columns| Part::new(scene, &graph, columns, self)).collect();
        let widest = parts.iter().map(|part| part.width).max().unwrap_or(0);
        let all: i64 = parts.iter().map(|part| (part.width + APART) * (part.height + APART)).sum();
        let room = widest.max((all * 2).isqrt());
        let (mut x, mut y, mut tall) = (0, 0, 0);
        for part in &parts {
            if x > 0 && x + part.width > room {
                (x, y, tall) = (0, y + tall + APART, 0);
            }
            part.settle(x, y, self);
            self.width = self.width.max(x + part.width);
            self.height = self.height.max(y + part.height);
            x += part.width + APART;
            tall = tall.max(part.height);
        }
    }
}
