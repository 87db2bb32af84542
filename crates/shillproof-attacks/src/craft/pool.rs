//! The most popular items.

use shillproof_core::{Ctx, Fraction, ItemId, ItemStats};

/// The share `fraction` of the catalogue (halves up, at least one item) with the most interactions, most
/// popular first; equal counts in an order drawn from the attack's seed.
pub(crate) fn most_popular(items: &ItemStats, fraction: Fraction, ctx: &Ctx<'_>) -> Vec<ItemId> {
    let ties = ctx.seed.child("ties");
    let mut ranked = items.by_popularity(|i| ties.index(u64::from(i.0)).value());
    ranked.truncate(fraction.round_of(items.n_items()).max(1));
    ranked
}
