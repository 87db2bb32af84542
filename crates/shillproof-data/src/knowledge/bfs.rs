//! `bfs(f)`: what lies nearest to the targets (Fang et al., WWW 2020, Figure 1).

use rand::seq::SliceRandom;
use shillproof_core::{Fraction, Interactions, ItemId, Rng};

use super::graph::Graph;
use super::{KnowledgeError, chosen, keep_rows};

/// Breadth-first search over the user-item graph from the targets, level by level, nodes and edges
/// in random order, until `round(f |E|)` interactions are seen. Where the graph falls apart the
/// search goes on from a random item. O(|E|).
pub(super) fn sample(
    train: &Interactions,
    targets: &[ItemId],
    share: Fraction,
    rng: &mut Rng,
) -> Result<Interactions, KnowledgeError> {
    if targets.is_empty() {
        return Err(KnowledgeError::NoTarget);
    }
    if let Some(target) = targets.iter().find(|t| t.index() >= train.n_items()) {
        return Err(KnowledgeError::Target { target: target.0, items: train.n_items() });
    }
    let graph = Graph::of(train);
    let mut search = Search {
        budget: share.round_of(train.len()),
        seen_edge: vec![false; train.len()],
        seen_node: vec![false; graph.nodes()],
        next: Vec::new(),
    };
    let mut restarts: Vec<usize> = (0..train.n_items()).map(|i| graph.item(i)).collect();
    restarts.shuffle(rng);
    for target in targets {
        search.visit(graph.item(target.index()));
    }
    while search.budget > 0 {
        let mut level = std::mem::take(&mut search.next);
        if level.is_empty() {
            let start = restarts.pop().expect("all edges are found before all items are tried");
            search.visit(start);
            continue;
        }
        level.shuffle(rng);
        for node in level {
            let mut edges = graph.edges(node).to_vec();
            edges.shuffle(rng);
            for (edge, end) in edges {
                search.take(edge as usize, end as usize);
            }
        }
    }
    let sample = chosen(train, |edge| search.seen_edge[edge]);
    Ok(keep_rows(&sample, |user| !sample.row(user).is_empty()))
}

struct Search {
    budget: usize,
    seen_edge: Vec<bool>,
    seen_node: Vec<bool>,
    next: Vec<usize>,
}

impl Search {
    fn visit(&mut self, node: usize) {
        if !std::mem::replace(&mut self.seen_node[node], true) {
            self.next.push(node);
        }
    }

    fn take(&mut self, edge: usize, end: usize) {
        if self.budget > 0 && !self.seen_edge[edge] {
            self.seen_edge[edge] = true;
            self.budget -= 1;
            self.visit(end);
        }
    }
}
