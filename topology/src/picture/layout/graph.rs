//! The graph of a network: groups of hosts, and segments.

use std::collections::{HashMap, VecDeque};

use super::super::scene::Scene;
use super::columns::untangle;

/// Hosts that are on the same segments, or a segment.
#[derive(Debug)]
pub(super) enum Node {
    Group { hosts: Vec<usize>, segments: Vec<usize> },
    Segment(usize),
}

/// The graph of a network.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The neighbours of each node.
    pub(super) joined: Vec<Vec<usize>>,
    /// How many of the nodes are groups; the segments come after them.
    groups: usize,
}

impl Graph {
    pub(super) fn of(scene: &Scene) -> Self {
        let nodes = groups(scene);
        let mut graph = Self { groups: nodes.len(), nodes, joined: Vec::new() };
        graph.nodes.extend((0..scene.segments.len()).map(Node::Segment));
        graph.joined = vec![Vec::new(); graph.nodes.len()];
        for node in 0..graph.groups {
            let Node::Group { segments, .. } = &graph.nodes[node] else { continue };
            for &segment in segments {
                graph.joined[node].push(graph.groups + segment);
                graph.joined[graph.groups + segment].push(node);
            }
        }
        graph
    }

    /// The node of a segment.
    pub(super) fn segment(&self, segment: usize) -> usize {
        self.groups + segment
    }

    /// The columns of each part whose nodes are joined.
    pub(super) fn parts(&self) -> Vec<Vec<Vec<usize>>> {
        let mut seen = vec![false; self.nodes.len()];
        let mut parts = Vec::new();
        for node in 0..self.nodes.len() {
            if !seen[node] {
                let columns = self.columns(node);
                columns.iter().flatten().for_each(|&node| seen[node] = true);
                parts.push(columns);
            }
        }
        parts
    }

    /// The nodes that are joined to this one, by their distance from one end.
    fn columns(&self, node: usize) -> Vec<Vec<usize>> {
        let one = self.farthest(&self.breadth_first(node));
        let other = self.farthest(&self.breadth_first(one));
        let mut columns = self.breadth_first(one.min(other));
        untangle(self, &mut columns);
        columns
    }

    fn breadth_first(&self, start: usize) -> Vec<Vec<usize>> {
        let mut depths = HashMap::from([(start, 0)]);
        let (mut queue, mut columns) = (VecDeque::from([start]), Vec::<Vec<usize>>::new());
        while let Some(node) = queue.pop_front() {
            let depth = depths[&node];
            if columns.len() <= depth {
                columns.push(Vec::new());
            }
            columns[depth].push(node);
            for &next in &self.joined[node] {
                depths.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    depth + 1
                });
            }
        }
        columns
    }

    /// The first group in the last column that has one.
    fn farthest(&self, columns: &[Vec<usize>]) -> usize {
        let group = |column: &Vec<usize>| column.iter().copied().filter(|&node| node < self.groups).min();
        columns.iter().rev().find_map(group).unwrap_or(columns[0][0])
    }
}

fn groups(scene: &Scene) -> Vec<Node> {
    let mut group_of: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for (index, host) in scene.hosts.iter().enumerate() {
        let mut on: Vec<_> = host.interfaces.iter().map(|interface| interface.segment).collect();
        on.sort_unstable();
        let group = *group_of.entry(on.clone()).or_insert_with(|| {
            groups.push((on, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(index);
    }
    let mut on = vec![0; scene.segments.len()];
    groups.iter().flat_map(|(segments, _)| segments).for_each(|&segment| on[segment] += 1);
    let mut nodes = Vec::new();
    for (segments, mut hosts) in groups {
        // Where nobody else is on these segments, half the hosts are on each side.
        let is_alone = !segments.is_empty() && segments.iter().all(|&segment| on[segment] == 1);
        let rest = if is_alone { hosts.split_off(hosts.len().div_ceil(2)) } else { Vec::new() };
        nodes.push(Node::Group { hosts, segments: segments.clone() });
        if !rest.is_empty() {
            nodes.push(Node::Group { hosts: rest, segments });
        }
    }
    nodes
}
