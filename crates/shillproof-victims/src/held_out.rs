//! What an epoch is selected by: the places of held-out items.

use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Scorer, Ties, UserId, select_top_k};

/// Users scored at a time.
const BLOCK: usize = 16;

/// A measure of lists on held-out items: model, training part, held-out part, length of the lists, ties.
pub(crate) type Quality = fn(&dyn Scorer, &Interactions, &Interactions, usize, Ties) -> f64;

/// Mean share of a user's held-out items among the first `k` of all items, training items left out.
pub(crate) fn recall(
    model: &dyn Scorer,
    train: &Interactions,
    held_out: &Interactions,
    k: usize,
    ties: Ties,
) -> f64 {
    mean_over_users(model, train, held_out, k, ties, |list, truth| {
        list.iter().filter(|item| truth.binary_search(item).is_ok()).count() as f64 / truth.len() as f64
    })
}

/// Mean NDCG of a user's first `k` of all items, training items left out: a held-out item at place p, from 1, gains 1 / log₂(p + 1).
pub(crate) fn ndcg(
    model: &dyn Scorer,
    train: &Interactions,
    held_out: &Interactions,
    k: usize,
    ties: Ties,
) -> f64 {
    let gain = |at: usize| 1.0 / ((at + 2) as f64).log2();
    mean_over_users(model, train, held_out, k, ties, |list, truth| {
        let hits = (0..list.len()).filter(|&at| truth.binary_search(&list[at]).is_ok());
        hits.map(gain).sum::<f64>() / (0..truth.len().min(k)).map(gain).sum::<f64>()
    })
}

/// Mean over the users who hold something out of `value(first k items, held-out items in ascending order)`.
fn mean_over_users(
    model: &dyn Scorer,
    train: &Interactions,
    held_out: &Interactions,
    k: usize,
    ties: Ties,
    value: impl Fn(&[ItemId], &[ItemId]) -> f64 + Sync,
) -> f64 {
    let users: Vec<UserId> = held_out.users().filter(|&u| !held_out.row(u).is_empty()).collect();
    let blocks: Vec<f64> = users
        .par_chunks(BLOCK)
        .map(|block| {
            let n = model.n_items();
            let mut scores = vec![0.0; n * block.len()];
            model.score_block(block, &mut scores);
            let (mut list, mut items) = (Vec::new(), Vec::new());
            let values = block.iter().zip(scores.chunks_exact(n)).map(|(&user, row)| {
                select_top_k(user, row, train.row(user).sorted(), k, ties, &mut list);
                items.clear();
                items.extend(list.iter().map(|entry| entry.0));
                value(&items, held_out.row(user).sorted())
            });
            values.sum()
        })
        .collect();
    blocks.into_iter().sum::<f64>() / users.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Seed, Triples};
    use shillproof_kernels::Matrix;

    use crate::factors::FactorModel;

    #[test]
    fn hand_computed_values() {
        // Everybody ranks 4, 3, 2, 1, 0; user 0 trained on 4 and holds out 2 and 0, user 1 holds out 1, user 2 nothing.
        let rows = |cells: &[(u32, u32)]| {
            let (users, items) = cells.iter().copied().unzip();
            let triples = Triples { users, items, ratings: None, times: None };
            Interactions::from_triples(3, 5, triples, None).unwrap()
        };
        let (train, held_out) = (rows(&[(0, 4)]), rows(&[(0, 2), (0, 0), (1, 1)]));
        let column = |values: Vec<f32>| Matrix::from_slice(values.len(), 1, &values).unwrap();
        let model = FactorModel::ranking(column(vec![1.0; 3]), column(vec![0.0, 1.0, 2.0, 3.0, 4.0]));
        let ties = Ties::hashed(Seed::new(1));
        assert_eq!(recall(&model, &train, &held_out, 3, ties), f64::midpoint(0.5, 0.0));
        let second = 1.0 / 3f64.log2();
        let want = f64::midpoint(second / (1.0 + second), 0.0);
        assert!((ndcg(&model, &train, &held_out, 3, ties) - want).abs() < 1e-12);
    }
}
