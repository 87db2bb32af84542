//! Users of a victim that gives lists only.

use shillproof_core::{ItemId, Query, UserId};

use super::compute::{Block, Workspace};
use super::order::Order;
use super::{HeldOut, PackedPlace, Place, RankError, RankJob};

/// Ranks one user of a victim that gives lists only.
pub(super) fn rank_listed(
    job: &RankJob<'_>,
    order: &Order,
    user: UserId,
    workspace: &mut Workspace,
    block: &mut Block,
) -> Result<(), RankError> {
    job.exclusion.fill(user, &mut workspace.skip);
    let (skip, list) = (&workspace.skip, &mut workspace.list);
    ask(job, order, user, skip, &mut workspace.candidates, list)?;
    let found = |list: &[(ItemId, f32)], item: ItemId| list.iter().position(|entry| entry.0 == item);
    for &target in job.targets {
        let at = found(list, target);
        block.scores.push(at.map(|at| list[at].1));
        block.places.push(match at {
            Some(at) => PackedPlace(at as u32 + 1),
            None if skip.binary_search(&target).is_ok() => PackedPlace::EXCLUDED,
            None => PackedPlace::BEYOND,
        });
    }
    block.list_len.push(list.len());
    block.list.extend_from_slice(list);

    if let Some(held_out) = job.held_out {
        let own = held_out.row(user);
        if skip.iter().any(|&i| own.contains(i)) {
            workspace.skip_seen.clear();
            workspace.skip_seen.extend(skip.iter().filter(|&&i| !own.contains(i)));
            ask(job, order, user, &workspace.skip_seen, &mut workspace.candidates, list)?;
        }
        block.held.extend(own.iter().map(|(item, rating)| HeldOut {
            item,
            place: found(list, item).map_or(Place::Beyond, |at| Place::Rank(at as u32 + 1)),
            sampled_rank: None,
            rating,
            predicted: job.recommender.rating(user, item),
        }));
        block.held_len.push(own.len());
    }
    Ok(())
}

/// The list of a list-only victim, checked.
fn ask(
    job: &RankJob<'_>,
    order: &Order,
    user: UserId,
    skip: &[ItemId],
    sorted: &mut Vec<ItemId>,
    list: &mut Vec<(ItemId, f32)>,
) -> Result<(), RankError> {
    let history = job.history(user);
    job.recommender.top_k(&Query { user, history, skip, k: job.length(), ties: order.ties }, list);
    let broken = |item, problem| Err(RankError::List { user, item, problem });
    for &(item, score) in list.iter() {
        if item.index() >= job.exclusion.n_items() {
            return broken(item, "is not in the catalogue");
        }
        if skip.binary_search(&item).is_ok() {
            return broken(item, "the user already has");
        }
        if !score.is_finite() {
            return Err(RankError::NotFinite { user, item, value: score });
        }
    }
    if let Some(&(item, _)) = list.get(job.length()) {
        return broken(item, "stands behind the last place that was asked for");
    }
    sorted.clear();
    sorted.extend(list.iter().map(|entry| entry.0));
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => broken(pair[0], "is there twice"),
        None => Ok(()),
    }
}
