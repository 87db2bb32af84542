//! The walk-jump generator of noisy knowledge (the public code of Zhang et al., KDD 2021).

use rand::RngExt;
use shillproof_core::{Fraction, Interactions, ItemId, Rng, UserId};

use super::Quota;
use super::graph::Graph;
use super::noisy::{Pairs, draw};

/// Moves a walker makes on average for each interaction of the data before what is missing is drawn user by user:
/// a walk alone needs |E| log |E| moves for the last pairs, and never finds what no jump leads to.
const MOVES_PER_INTERACTION: usize = 16;

/// Walkers start at a tenth of the users and go from users to items and back, all together. A move
/// leads to a uniform neighbor (a true pair) or, with probability perturb / (keep + perturb), to a
/// uniform non-neighbor (a false pair). A pair counts if it is new and the quota of its kind is not
/// full; the walker moves in any case.
pub(super) fn fill(train: &Interactions, pairs: &mut Pairs, rng: &mut Rng) {
    let (n_users, n_items) = (train.n_users(), train.n_items());
    let all = pairs.true_left + pairs.false_left;
    if all == 0 {
        return;
    }
    let jump = pairs.false_left as f64 / all as f64;
    let graph = Graph::of(train);
    let tenth = Fraction::new(0.1).expect("a tenth is a fraction");
    let mut start = Quota { left: n_users, wanted: tenth.round_of(n_users).max(1) };
    let mut walkers: Vec<usize> = (0..n_users).filter(|_| start.take(rng)).collect();
    let mut moves = MOVES_PER_INTERACTION * train.len();
    let mut at_users = true;
    while pairs.true_left + pairs.false_left > 0 && moves > 0 {
        for walker in &mut walkers {
            let here = *walker;
            let edges = graph.edges(here);
            let other = if edges.is_empty() || rng.random_bool(jump) {
                if at_users {
                    let row = train.row(UserId(here as u32));
                    draw(n_items, rng, |item| !row.contains(ItemId(item)))
                        .map(|item| graph.item(item as usize))
                } else {
                    let item = ItemId((here - n_users) as u32);
                    draw(n_users, rng, |user| !train.row(UserId(user)).contains(item))
                        .map(|user| user as usize)
                }
            } else {
                None
            };
            *walker = if let Some(end) = other {
                let (user, item) = if at_users { (here, end) } else { (end, here) };
                pairs.invent(UserId(user as u32), ItemId((item - n_users) as u32));
                end
            } else {
                let (edge, end) = edges[rng.random_range(0..edges.len() as u64) as usize];
                pairs.take(edge as usize);
                end as usize
            };
            moves = moves.saturating_sub(1);
        }
        at_users = !at_users;
    }
}
