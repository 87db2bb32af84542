//! The items that compete with the targets.

use std::cmp::Reverse;

use shillproof_core::{Ctx, Goal, Interactions, ItemId, ItemStats};

/// At most `k` items that share most rows of `sample` with the targets: whoever sees more of them
/// sees less of the targets. Ties go to the more popular item, then to an order drawn from the attack's seed.
pub(crate) fn rivals(
    sample: &Interactions,
    items: &ItemStats,
    goal: &Goal,
    k: usize,
    ctx: &Ctx<'_>,
) -> Vec<ItemId> {
    let mut shared = vec![0u32; sample.n_items()];
    for row in sample.rows() {
        let weight = goal.targets.iter().filter(|&&t| row.contains(t)).count() as u32;
        if weight > 0 {
            for item in row.items() {
                shared[item.index()] += weight;
            }
        }
    }
    let ties = ctx.seed.child("ties");
    let mut ranked: Vec<ItemId> =
        (0..sample.n_items() as u32).map(ItemId).filter(|i| !goal.targets.contains(i)).collect();
    ranked.sort_by_cached_key(|&i| {
        (Reverse(shared[i.index()]), Reverse(items.count[i.index()]), ties.index(u64::from(i.0)).value())
    });
    ranked.truncate(k);
    ranked
}
