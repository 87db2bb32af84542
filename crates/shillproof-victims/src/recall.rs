//! What an epoch is selected by: recall on held-out items.

use rayon::prelude::*;
use shillproof_core::{Interactions, Scorer, Ties, UserId, select_top_k};

use crate::factors::FactorModel;

/// Users scored at a time.
const BLOCK: usize = 16;

/// Mean share of a user's held-out items among the first `k` of all items, training items left out.
pub(crate) fn recall(
    model: &FactorModel,
    train: &Interactions,
    held_out: &Interactions,
    k: usize,
    ties: Ties,
) -> f64 {
    let users: Vec<UserId> = held_out.users().filter(|&u| !held_out.row(u).is_empty()).collect();
    let blocks: Vec<f64> = users
        .par_chunks(BLOCK)
        .map(|block| {
            let n = model.n_items();
            let mut scores = vec![0.0; n * block.len()];
            model.score_block(block, &mut scores);
            let mut list = Vec::new();
            let shares = block.iter().zip(scores.chunks_exact(n)).map(|(&user, row)| {
                select_top_k(user, row, train.row(user).sorted(), k, ties, &mut list);
                let truth = held_out.row(user);
                list.iter().filter(|entry| truth.contains(entry.0)).count() as f64 / truth.len() as f64
            });
            shares.sum()
        })
        .collect();
    blocks.into_iter().sum::<f64>() / users.len().max(1) as f64
}
