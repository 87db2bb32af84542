//! The ranking rule with its rule of ties.

use shillproof_core::{ItemId, Seed, Ties, UserId, select_top_k};

use super::{RankJob, TargetTies};

/// The total order of candidates: score, then the class of the tie rule, then the hashed key.
pub(super) struct Order {
    pub(super) ties: Ties,
    /// Where sampled negatives are drawn from.
    pub(super) negatives: Seed,
    target_ties: TargetTies,
    /// Ascending.
    targets: Vec<ItemId>,
}

impl Order {
    pub(super) fn of(job: &RankJob<'_>, seed: Seed) -> Self {
        let mut targets = job.targets.to_vec();
        targets.sort_unstable();
        Self {
            ties: Ties::hashed(seed.child("ties")),
            negatives: seed.child("sampled-negatives"),
            target_ties: job.target_ties,
            targets,
        }
    }

    /// Among equal scores the smaller key comes first.
    pub(super) fn key(&self, user: UserId, item: ItemId) -> (u8, u64, ItemId) {
        let class = match self.target_ties {
            TargetTies::Hashed => 1,
            _ if self.targets.binary_search(&item).is_err() => 1,
            TargetTies::Pessimistic => 2,
            TargetTies::Optimistic => 0,
        };
        (class, self.ties.key(user, item), item)
    }

    /// Rank of `item` in a score row whose excluded cells are −∞.
    pub(super) fn rank(&self, user: UserId, row: &[f32], item: ItemId) -> u32 {
        let score = row[item.index()];
        let (mut ahead, mut equal) = (0u32, 0u32);
        for &other in row {
            ahead += u32::from(other > score);
            equal += u32::from(other == score);
        }
        if equal > 1 {
            let own = self.key(user, item);
            let tied = (0..row.len() as u32).map(ItemId).filter(|j| row[j.index()] == score);
            ahead += tied.filter(|&j| self.key(user, j) < own).count() as u32;
        }
        ahead + 1
    }

    /// The `k` best of a score row, `skip` left out, into `out`.
    pub(super) fn list(
        &self,
        user: UserId,
        row: &[f32],
        skip: &[ItemId],
        k: usize,
        merged: &mut Vec<ItemId>,
        out: &mut Vec<(ItemId, f32)>,
    ) {
        if self.target_ties == TargetTies::Hashed {
            select_top_k(user, row, skip, k, self.ties, out);
            return;
        }
        // Rank the other items by the common rule, then put the targets where their class says.
        merge(skip, &self.targets, merged);
        select_top_k(user, row, merged, k, self.ties, out);
        let targets = self.targets.iter().filter(|t| skip.binary_search(t).is_err());
        out.extend(targets.map(|&t| (t, row[t.index()] + 0.0)));
        out.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| self.key(user, a.0).cmp(&self.key(user, b.0))));
        out.truncate(k);
    }
}

/// The union of two ascending lists into `out`.
fn merge(a: &[ItemId], b: &[ItemId], out: &mut Vec<ItemId>) {
    out.clear();
    out.extend_from_slice(a);
    out.extend_from_slice(b);
    out.sort_unstable();
    out.dedup();
}
