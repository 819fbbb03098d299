//! A part of a network that is joined to no other: where its boxes are, and its wires.

use std::collections::HashMap;

use super::super::boxes::{Block, count};
use super::super::scene::Scene;
use super::columns::{GAP, balance, depths};
use super::graph::{Graph, Node};
use super::{Area, Layout, Wire};

/// Between the boxes of a group.
const CLOSE: i64 = 12;
/// Between two columns, at least.
const GUTTER: i64 = 54;
/// Between the lanes of a group's wires, and between a lane and a box.
const LANE: i64 = 9;
/// The most hosts of a group that stand in one column.
const PILE: usize = 8;
/// The least distance from the end of a segment's box to a wire.
const END: i64 = 10;

/// A part of a network.
pub(super) struct Part<'a> {
    scene: &'a Scene,
    graph: &'a Graph,
    columns: Vec<Vec<usize>>,
    areas: HashMap<usize, Area>,
    grids: HashMap<usize, Grid>,
    /// From where to where each column is.
    sides: Vec<(i64, i64)>,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// How the hosts of a group stand: below each other, or in rows.
struct Grid {
    /// How many there are in a row.
    across: usize,
    /// How wide each box is.
    width: i64,
    /// How tall the boxes of each row may be.
    rows: Vec<i64>,
    /// How much room there is above a row for the wires of its hosts. Those of hosts that stand below each other need none.
    lanes: i64,
}

impl Grid {
    fn of(hosts: &[usize], segments: &[usize], blocks: &[Block]) -> Self {
        let tall = |hosts: &[usize]| hosts.iter().map(|&host| blocks[host].height).max().unwrap_or(0);
        let width = hosts.iter().map(|&host| blocks[host].width).max().unwrap_or(0);
        // About as tall as wide.
        let square = (count(hosts.len()) * (tall(hosts) + CLOSE) / (width + CLOSE)).isqrt().max(1);
        let across = match segments {
            [] => count(hosts.len()).min(square * 2),
            _ if hosts.len() <= PILE => 1,
            _ => square,
        };
        let across = usize::try_from(across).unwrap_or(1);
        let lanes = if across > 1 { count(segments.len()) * LANE } else { 0 };
        Self { across, width, rows: hosts.chunks(across).map(tall).collect(), lanes }
    }

    /// Above the first row: the wires of that lead straight to a segment that begins where the group does.
    fn above(&self) -> i64 {
        if self.lanes > 0 { END } else { 0 }
    }

    fn area(&self) -> Area {
        let height = self.rows.iter().sum::<i64>() + count(self.rows.len()) * (self.lanes + CLOSE) - CLOSE;
        let width = count(self.across) * (self.width + CLOSE) - CLOSE;
        Area { width, height: height + self.above(), ..Area::default() }
    }
}

impl<'a> Part<'a> {
    /// Finds the places within the part. What `layout` has then is relative to it.
    pub(super) fn new(scene: &'a Scene, graph: &'a Graph, columns: Vec<Vec<usize>>, layout: &mut Layout) -> Self {
        let mut grids = HashMap::new();
        let mut areas = HashMap::new();
        for &node in columns.iter().flatten() {
            let area = match &graph.nodes[node] {
                Node::Group { hosts, segments } => {
                    grids.entry(node).or_insert(Grid::of(hosts, segments, &layout.host_blocks)).area()
                }
                Node::Segment(segment) => {
                    let block = &layout.segment_blocks[*segment];
                    Area { width: block.width, height: block.height, ..Area::default() }
                }
            };
            areas.insert(node, area);
        }
        balance(graph, &columns, &mut areas);
        let mut part = Self { scene, graph, columns, areas, grids, sides: Vec::new(), width: 0, height: 0 };
        for (&node, grid) in &part.grids {
            part.place_hosts(node, grid, layout);
        }
        part.stretch(layout);
        part.height = part.areas.values().map(|area| area.y + area.height).max().unwrap_or(0);
        part.spread(layout);
        part
    }

    /// The places of the hosts in a group, but for how far right that is.
    fn place_hosts(&self, node: usize, grid: &Grid, layout: &mut Layout) {
        let Node::Group { hosts, segments } = &self.graph.nodes[node] else { return };
        let mut y = self.areas[&node].y + grid.above();
        for (row, tall) in hosts.chunks(grid.across).zip(&grid.rows) {
            y += grid.lanes;
            for (number, &host) in row.iter().enumerate() {
                let block = &layout.host_blocks[host];
                let x = count(number) * (grid.width + CLOSE);
                layout.hosts[host] = Area { x, y, width: grid.width, height: block.height };
                for (interface, wire) in layout.wires[host].iter_mut().enumerate() {
                    let on = self.scene.hosts[host].interfaces[interface].segment;
                    wire.lane = match segments.iter().position(|&segment| segment == on) {
                        Some(lane) if grid.lanes > 0 => y - LANE * count(lane + 1),
                        _ => y + block.ports[interface].0,
                    };
                }
            }
            y += tall + CLOSE;
        }
    }

    /// Makes segments as tall as the wires that come to them, where there is room, so that these are straight.
    fn stretch(&mut self, layout: &Layout) {
        for column in &self.columns {
            let before: Vec<_> = column.iter().map(|node| self.areas[node]).collect();
            for (place, node) in column.iter().enumerate() {
                let Node::Segment(segment) = self.graph.nodes[*node] else { continue };
                let members = &self.scene.segments[segment].members;
                let lanes = members.iter().map(|&(host, interface)| layout.wires[host][interface].lane);
                let (Some(first), Some(last)) = (lanes.clone().min(), lanes.max()) else { continue };
                let Area { y, height, .. } = before[place];
                // Half of the room to the next box, less half a gap.
                let ends = |area: Area| area.y + area.height;
                let above = place.checked_sub(1).map_or(0, |above| i64::midpoint(ends(before[above]), y) + GAP / 4);
                let below =
                    before.get(place + 1).map_or(i64::MAX, |below| i64::midpoint(y + height, below.y) - GAP / 4);
                let top = y.min((first - END).max(above));
                let bottom = (y + height).max((last + END).min(below));
                let area = self.areas.get_mut(node).expect("a node of this part");
                (area.y, area.height) = (top, bottom - top);
            }
        }
    }

    /// The places of the columns: each as wide as the widest node in it, with wider gaps where wires go far up or down.
    fn spread(&mut self, layout: &Layout) {
        let depth = depths(&self.columns);
        let mut steepest = vec![0; self.columns.len()];
        for node in self.grids.keys() {
            let Node::Group { hosts, .. } = &self.graph.nodes[*node] else { continue };
            for &host in hosts {
                for (interface, wire) in layout.wires[host].iter().enumerate() {
                    let segment = self.graph.segment(self.scene.hosts[host].interfaces[interface].segment);
                    let gap = depth[node].min(depth[&segment]);
                    steepest[gap] = steepest[gap].max((wire.lane - self.end(segment, wire.lane)).abs());
                }
            }
        }
        let mut x = 0;
        for (column, steepest) in self.columns.iter().zip(steepest) {
            let width = column.iter().map(|node| self.areas[node].width).max().unwrap_or(0);
            for node in column {
                let area = self.areas.get_mut(node).expect("a node of this part");
                area.x = x + (width - area.width) / 2;
            }
            self.sides.push((x, x + width));
            self.width = x + width;
            x += width + GUTTER + (steepest / 6).min(110);
        }
    }

    /// At which height a wire on this lane ends at a segment.
    fn end(&self, segment: usize, lane: i64) -> i64 {
        let area = self.areas[&segment];
        lane.clamp(area.y + END, (area.y + area.height - END).max(area.y + END))
    }

    /// Puts the part where it belongs.
    pub(super) fn settle(&self, x: i64, y: i64, layout: &mut Layout) {
        let depth = depths(&self.columns);
        for &node in self.columns.iter().flatten() {
            let area = self.areas[&node];
            match &self.graph.nodes[node] {
                Node::Segment(segment) => {
                    layout.segments[*segment] = Area { x: area.x + x, y: area.y + y, ..area };
                }
                Node::Group { hosts, .. } => {
                    for &host in hosts {
                        layout.hosts[host].x += area.x + x;
                        layout.hosts[host].y += y;
                        self.settle_wires(host, node, &depth, (x, y), layout);
                    }
                }
            }
        }
    }

    fn settle_wires(
        &self,
        host: usize,
        node: usize,
        depth: &HashMap<usize, usize>,
        (x, y): (i64, i64),
        layout: &mut Layout,
    ) {
        let (area, wires) = (layout.hosts[host], &mut layout.wires[host]);
        let ports = count(wires.len());
        let (left, right) = self.sides[depth[&node]];
        for (interface, wire) in wires.iter_mut().enumerate() {
            let segment = self.graph.segment(self.scene.hosts[host].interfaces[interface].segment);
            let (near, far) = self.sides[depth[&segment]];
            let (bar, end) = (self.areas[&segment], self.end(segment, wire.lane) + y);
            let leads_left = depth[&segment] < depth[&node];
            let lane = wire.lane + y;
            let from = if self.grids[&node].lanes > 0 {
                (area.x + area.width * count(interface + 1) / (ports + 1), area.y)
            } else {
                (if leads_left { area.x } else { area.x + area.width }, lane)
            };
            let (gutter, to) = if leads_left { ((left, far), bar.x + bar.width) } else { ((right, near), bar.x) };
            *wire = Wire { from, lane, gutter: (gutter.0 + x, gutter.1 + x), to: (to + x, end) };
        }
    }
}
