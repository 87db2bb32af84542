//! Users of a victim that scores every item.

use rand::RngExt;
use shillproof_core::{ItemId, Scorer, Seed, UserId};

use super::compute::{Block, Workspace};
use super::order::Order;
use super::{HeldOut, PackedPlace, Place, RankError, RankJob};

/// Score rows of `users`, all finite.
pub(super) fn score(
    job: &RankJob<'_>,
    scorer: &dyn Scorer,
    users: &[UserId],
    out: &mut Vec<f32>,
) -> Result<(), RankError> {
    let n_items = scorer.n_items();
    out.resize(users.len() * n_items, 0.0);
    match job.histories.filter(|_| scorer.reads_history()) {
        None => scorer.score_block(users, out),
        Some(histories) => {
            let after: Vec<_> = users.iter().map(|&user| (user, histories.row(user).items())).collect();
            scorer.score_after(&after, out);
        }
    }
    match out.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(RankError::NotFinite {
            user: users[at / n_items],
            item: ItemId((at % n_items) as u32),
            value: out[at],
        }),
    }
}

/// Ranks one user of a victim that scores every item. Writes −∞ over what is excluded from `row`.
pub(super) fn rank_scored(
    job: &RankJob<'_>,
    order: &Order,
    user: UserId,
    row: &mut [f32],
    workspace: &mut Workspace,
    block: &mut Block,
) {
    job.exclusion.fill(user, &mut workspace.skip);
    let skip = &workspace.skip;
    order.list(user, row, skip, job.length(), &mut workspace.merged, &mut workspace.list);
    block.list_len.push(workspace.list.len());
    block.list.extend_from_slice(&workspace.list);
    block.scores.extend(job.targets.iter().map(|t| Some(row[t.index()])));

    if let Some(held_out) = job.held_out {
        let own = held_out.row(user);
        for item in skip.iter().filter(|&&i| !own.contains(i)) {
            row[item.index()] = f32::NEG_INFINITY;
        }
        let negatives = job.sampled_negatives.filter(|_| !own.is_empty()).map(|count| {
            let candidates = &mut workspace.candidates;
            candidates.clear();
            let items = (0..row.len() as u32).map(ItemId);
            candidates.extend(items.filter(|&i| row[i.index()] > f32::NEG_INFINITY && !own.contains(i)));
            draw(candidates, count, order.negatives.index(u64::from(user.0)));
            &*candidates
        });
        block.held.extend(own.iter().map(|(item, rating)| HeldOut {
            item,
            place: Place::Rank(order.rank(user, row, item)),
            sampled_rank: negatives.map(|negatives| {
                let (score, key) = (row[item.index()], order.key(user, item));
                let ahead = |j: &&ItemId| {
                    let other = row[j.index()];
                    other > score || (other == score && order.key(user, **j) < key)
                };
                negatives.iter().filter(ahead).count() as u32 + 1
            }),
            rating,
            predicted: job.recommender.rating(user, item),
        }));
        block.held_len.push(own.len());
    }
    for item in skip {
        row[item.index()] = f32::NEG_INFINITY;
    }
    block.places.extend(job.targets.iter().map(|&target| {
        if row[target.index()] == f32::NEG_INFINITY {
            PackedPlace::EXCLUDED
        } else {
            PackedPlace(order.rank(user, row, target))
        }
    }));
}

/// Keeps `count` of `candidates`, drawn without replacement; all of them where there are not more.
fn draw(candidates: &mut Vec<ItemId>, count: usize, seed: Seed) {
    let mut rng = seed.rng();
    let count = count.min(candidates.len());
    for at in 0..count {
        let pick = rng.random_range(at..candidates.len());
        candidates.swap(at, pick);
    }
    candidates.truncate(count);
}
