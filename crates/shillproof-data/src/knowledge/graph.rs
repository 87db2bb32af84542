//! Interactions as a graph.

use shillproof_core::Interactions;

/// The user-item graph: users are nodes `0..n_users`, items follow; an edge is its place in the flat order of interactions.
pub(super) struct Graph {
    n_users: usize,
    start: Vec<usize>,
    /// Edge and its other end.
    edges: Vec<(u32, u32)>,
}

impl Graph {
    pub(super) fn of(train: &Interactions) -> Self {
        let n_users = train.n_users();
        let mut start = train.row_starts().to_vec();
        let mut total = train.len();
        start.extend(train.item_counts().iter().map(|&count| {
            total += count as usize;
            total
        }));
        let mut next = start.clone();
        let mut edges = vec![(0, 0); 2 * train.len()];
        let mut edge = 0;
        for (user, row) in train.rows().enumerate() {
            for item in row.items() {
                let item_node = n_users + item.index();
                for (node, end) in [(user, item_node), (item_node, user)] {
                    edges[next[node]] = (edge, end as u32);
                    next[node] += 1;
                }
                edge += 1;
            }
        }
        Self { n_users, start, edges }
    }

    pub(super) fn nodes(&self) -> usize {
        self.start.len() - 1
    }

    pub(super) fn item(&self, item: usize) -> usize {
        self.n_users + item
    }

    pub(super) fn edges(&self, node: usize) -> &[(u32, u32)] {
        &self.edges[self.start[node]..self.start[node + 1]]
    }
}
