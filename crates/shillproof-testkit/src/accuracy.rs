//! Recommendation accuracy by full ranking: a plain reference for tests.

use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Query, Recommender, Seed, Ties};

/// Means over the users that have something held out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accuracy {
    /// Share of users with at least one held-out item in the list.
    pub hit_ratio: f64,
    /// Mean of DCG over the best possible DCG, with gain 1 for a held-out item and log2 discount.
    pub ndcg: f64,
    /// Mean share of a user's held-out items that are in the list.
    pub recall: f64,
}

/// Ranks every item for every user of `test`, leaves out those of `seen`, and looks for the items
/// of `test` among the first `k`.
pub fn accuracy(model: &dyn Recommender, seen: &[&Interactions], test: &Interactions, k: usize) -> Accuracy {
    let ties = Ties::hashed(Seed::new(0));
    let users: Vec<_> = test.users().filter(|&u| !test.row(u).is_empty()).collect();
    let per_user: Vec<Accuracy> = users
        .par_iter()
        .map(|&user| {
            let mut skip: Vec<ItemId> = seen.iter().flat_map(|s| s.row(user).items().to_vec()).collect();
            skip.sort_unstable();
            skip.dedup();
            let mut list = Vec::new();
            model.top_k(&Query { user, history: None, skip: &skip, k, ties }, &mut list);
            let truth = test.row(user);
            let gain = |at: usize| 1.0 / (at as f64 + 2.0).log2();
            let hits: Vec<usize> = (0..list.len()).filter(|&at| truth.contains(list[at].0)).collect();
            Accuracy {
                hit_ratio: f64::from(!hits.is_empty()),
                ndcg: hits.iter().map(|&at| gain(at)).sum::<f64>()
                    / (0..k.min(truth.len())).map(gain).sum::<f64>(),
                recall: hits.len() as f64 / truth.len() as f64,
            }
        })
        .collect();
    let mean = |f: fn(&Accuracy) -> f64| per_user.iter().map(f).sum::<f64>() / per_user.len() as f64;
    Accuracy { hit_ratio: mean(|a| a.hit_ratio), ndcg: mean(|a| a.ndcg), recall: mean(|a| a.recall) }
}
