//! The order and the heights of what stands in the columns of a part.

use std::collections::HashMap;

use super::Area;
use super::graph::Graph;

/// Between the boxes of a column.
pub(super) const GAP: i64 = 26;

/// The column that each node is in.
pub(super) fn depths(columns: &[Vec<usize>]) -> HashMap<usize, usize> {
    columns.iter().zip(0..).flat_map(|(column, depth)| column.iter().map(move |&node| (node, depth))).collect()
}

/// Orders each column by where its neighbours are, so that few wires cross.
pub(super) fn untangle(graph: &Graph, columns: &mut [Vec<usize>]) {
    let depth = depths(columns);
    let mut rank: HashMap<usize, usize> = HashMap::new();
    for column in columns.iter() {
        rank.extend(column.iter().copied().zip(0..));
    }
    let last = columns.len() - 1;
    // The last sweep is from left to right, where most have their only neighbours.
    for sweep in 0..5 {
        for turn in 1..=last {
            let (at, beside) = if sweep % 2 == 0 { (turn, turn - 1) } else { (last - turn, last - turn + 1) };
            let place = |node: &usize| {
                let ranks = graph.joined[*node].iter().filter(|next| depth[next] == beside).map(|next| rank[next]);
                let (sum, number) = ranks.fold((0, 0), |(sum, number), rank| (sum + rank, number + 1));
                // In thousandths, since ranks are few. One that has no neighbour there stays about where it is.
                (sum * 1000_usize).checked_div(number).unwrap_or(rank[node] * 1000)
            };
            columns[at].sort_by_cached_key(place);
            rank.extend(columns[at].iter().copied().zip(0..));
        }
    }
}

/// Gives the nodes of a part their heights, from 0 on.
pub(super) fn balance(graph: &Graph, columns: &[Vec<usize>], areas: &mut HashMap<usize, Area>) {
    let mut heights = Vec::new();
    for column in columns {
        let mut y = 0;
        for node in column {
            let area = areas.get_mut(node).expect("a node of this part");
            area.y = y;
            y += area.height + GAP;
        }
        heights.push(y);
    }
    // From the tallest column outwards, whose nodes have the least choice, and again.
    let tallest = (0..columns.len()).rev().max_by_key(|&at| heights[at]).unwrap_or(0);
    for _ in 0..4 {
        for at in (0..tallest).rev().chain(tallest + 1..columns.len()).chain(0..columns.len()) {
            align(graph, &columns[at], areas);
        }
    }
    let top = areas.values().map(|area| area.y).min().unwrap_or(0);
    for area in areas.values_mut() {
        area.y -= top;
    }
}

/// Moves the nodes of a column as near to the middles of their neighbours as their order and gaps allow. Those that want to be at the same
/// place stand around it (isotonic regression, by pooling adjacent violators).
fn align(graph: &Graph, column: &[usize], areas: &mut HashMap<usize, Area>) {
    struct Pool {
        /// The sum of what its nodes want, as places of the first.
        sum: i64,
        nodes: i64,
        height: i64,
    }
    impl Pool {
        fn top(&self) -> i64 {
            self.sum.div_euclid(self.nodes)
        }
    }
    let mut pools: Vec<Pool> = Vec::new();
    for node in column {
        let area = areas[node];
        let middles = graph.joined[*node].iter().map(|next| areas[next].y + areas[next].height / 2);
        let (sum, number) = middles.fold((0, 0), |(sum, number), middle| (sum + middle, number + 1));
        let wanted = if number == 0 { area.y } else { sum / number - area.height / 2 };
        let mut pool = Pool { sum: wanted, nodes: 1, height: area.height + GAP };
        while let Some(above) = pools.pop_if(|above| above.top() + above.height > pool.top()) {
            pool = Pool {
                sum: above.sum + pool.sum - above.height * pool.nodes,
                nodes: above.nodes + pool.nodes,
                height: above.height + pool.height,
            };
        }
        pools.push(pool);
    }
    let mut nodes = column.iter();
    for pool in pools {
        let mut y = pool.top();
        for node in nodes.by_ref().take(usize::try_from(pool.nodes).unwrap_or(0)) {
            let area = areas.get_mut(node).expect("a node of this part");
            area.y = y;
            y += area.height + GAP;
        }
    }
}
