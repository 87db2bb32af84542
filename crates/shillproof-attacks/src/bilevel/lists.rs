//! Lists of a trained surrogate.

use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Ties, UserId, select_top_k};
use shillproof_kernels::ItemPanels;

use super::training::Trained;

/// Users scored at a time.
const BLOCK: usize = 16;

/// What `use_list` makes of the list of each user: the `length` best items, best first, without what the user has in `skip`.
pub(super) fn of_lists<T: Send>(
    trained: &Trained,
    users: &[UserId],
    skip: Option<&Interactions>,
    length: usize,
    ties: Ties,
    use_list: impl Fn(UserId, &[f32], &[(ItemId, f32)]) -> T + Sync,
) -> Vec<T> {
    let panels = ItemPanels::new(&trained.items);
    let items = panels.items();
    users
        .par_chunks(BLOCK)
        .map_init(
            || (vec![0.0; BLOCK * items], Vec::with_capacity(length)),
            |(scores, list), block| {
                let rows: Vec<&[f32]> = block.iter().map(|u| trained.users.row(u.index())).collect();
                let scores = &mut scores[..block.len() * items];
                panels.score_block(&rows, scores);
                let one = |(&user, scores): (&UserId, &[f32])| {
                    let skip = skip.map_or(&[][..], |data| data.row(user).sorted());
                    select_top_k(user, scores, skip, length, ties, list);
                    use_list(user, scores, list)
                };
                block.iter().zip(scores.chunks_exact(items.max(1))).map(one).collect::<Vec<_>>()
            },
        )
        .flatten_iter()
        .collect()
}

/// The share of `users` on whose list of `length` new items a target is.
pub(super) fn hit_ratio(
    trained: &Trained,
    users: &[UserId],
    seen: &Interactions,
    targets: &[ItemId],
    length: usize,
    ties: Ties,
) -> f64 {
    let hits = of_lists(trained, users, Some(seen), length, ties, |_, _, list| {
        u32::from(list.iter().any(|entry| targets.contains(&entry.0)))
    });
    f64::from(hits.iter().sum::<u32>()) / users.len().max(1) as f64
}
