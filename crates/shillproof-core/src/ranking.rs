//! The ranking rule: one function for every victim.
//!
//! Candidates are all items but the excluded ones, best score first. Ties are broken by a hash of
//! (seed, user, item), never by id: in several data sets the order of ids follows popularity.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::ids::{ItemId, UserId};
use crate::seed::{Seed, mix};

/// How equal scores are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ties(Seed);

impl Ties {
    /// Ties drawn by this seed, anew for each user.
    pub const fn hashed(seed: Seed) -> Self {
        Self(seed)
    }

    /// The key of one candidate; among equal scores the smaller key comes first.
    #[inline]
    pub const fn key(self, user: UserId, item: ItemId) -> u64 {
        mix(self.0.index(user.0 as u64).value() ^ ((item.0 as u64) << 1 | 1))
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Worst {
    score: f32,
    key: u64,
    item: ItemId,
}

impl Eq for Worst {}

impl Ord for Worst {
    /// Greatest is worst: lowest score, then largest key, then largest id.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.key.cmp(&other.key)).then(self.item.cmp(&other.item))
    }
}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Scores compared with the threshold at a time.
const CHUNK: usize = 64;

/// The `k` best items of one score row, best first, `skip` left out, into `out` (cleared first).
///
/// Tie keys are computed for tied candidates only, in effect: a candidate below the running
/// threshold is dropped by its score alone.
///
/// # Shapes
/// `scores`: one score an item, finite. `skip`: sorted ascending.
pub fn select_top_k(
    user: UserId,
    scores: &[f32],
    skip: &[ItemId],
    k: usize,
    ties: Ties,
    out: &mut Vec<(ItemId, f32)>,
) {
    debug_assert!(skip.is_sorted());
    out.clear();
    if k == 0 {
        return;
    }
    let mut heap = BinaryHeap::with_capacity(k + 1);
    let mut threshold = f32::NEG_INFINITY;
    let mut start = 0;
    for end in skip.iter().map(|i| i.index()).chain([scores.len()]) {
        for (chunk, first) in scores[start..end].chunks(CHUNK).zip((start..).step_by(CHUNK)) {
            // Nearly all chunks have nothing above the threshold; counting has no branch an item.
            if chunk.iter().map(|&score| u32::from(score >= threshold)).sum::<u32>() == 0 {
                continue;
            }
            for (offset, &score) in chunk.iter().enumerate() {
                // -0.0 and 0.0 are one score.
                let score = score + 0.0;
                if score < threshold {
                    continue;
                }
                let item = ItemId((first + offset) as u32);
                let candidate = Worst { score, key: ties.key(user, item), item };
                if heap.len() < k {
                    heap.push(candidate);
                } else if heap.peek().is_some_and(|worst| candidate < *worst) {
                    heap.pop();
                    heap.push(candidate);
                }
                if heap.len() == k {
                    threshold = heap.peek().map_or(threshold, |worst: &Worst| worst.score);
                }
            }
        }
        start = (end + 1).min(scores.len());
    }
    out.extend(heap.into_sorted_vec().into_iter().map(|c| (c.item, c.score)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_sorting(user: UserId, scores: &[f32], skip: &[ItemId], k: usize, ties: Ties) -> Vec<ItemId> {
        let mut all: Vec<_> =
            (0..scores.len() as u32).map(ItemId).filter(|i| skip.binary_search(i).is_err()).collect();
        all.sort_by(|a, b| {
            scores[b.index()]
                .partial_cmp(&scores[a.index()])
                .unwrap()
                .then(ties.key(user, *a).cmp(&ties.key(user, *b)))
        });
        all.truncate(k);
        all
    }

    proptest! {
        #[test]
        fn equals_a_full_sort(
            levels in prop::collection::vec(-3i8..3, 0..300),
            skip in prop::collection::btree_set(0u32..300, 0..20),
            k in 0usize..70,
            seed: u64,
        ) {
            let scores: Vec<f32> = levels.iter().map(|&l| f32::from(l)).collect();
            let skip: Vec<ItemId> = skip.into_iter().filter(|&i| (i as usize) < scores.len()).map(ItemId).collect();
            let ties = Ties::hashed(Seed::new(seed));
            let mut out = Vec::new();
            select_top_k(UserId(3), &scores, &skip, k, ties, &mut out);
            let got: Vec<_> = out.iter().map(|c| c.0).collect();
            prop_assert_eq!(got, by_sorting(UserId(3), &scores, &skip, k, ties));
        }
    }

    #[test]
    fn ties_differ_between_users_and_do_not_follow_ids() {
        let scores = [0.0; 100];
        let ties = Ties::hashed(Seed::new(1));
        let list = |user| {
            let mut out = Vec::new();
            select_top_k(UserId(user), &scores, &[], 10, ties, &mut out);
            out.into_iter().map(|c| c.0.0).collect::<Vec<_>>()
        };
        assert_ne!(list(0), list(1));
        let mean = (0..200).flat_map(list).map(f64::from).sum::<f64>() / 2000.0;
        assert!((mean - 49.5).abs() < 3.0, "tied items should be uniform, mean id {mean}");
    }
}
