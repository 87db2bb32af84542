//! The one pass over all genuine users.

use std::ops::Range;

use rayon::prelude::*;
use shillproof_core::{Ctx, ItemId, UserId};

use super::listed::rank_listed;
use super::order::Order;
use super::scored::{rank_scored, score};
use super::{HeldOut, PackedPlace, RankError, RankJob, Rankings};

/// Score cells a block may hold: 4 MB a thread.
const BLOCK_CELLS: usize = 1 << 20;

/// Most users in a block.
const BLOCK_USERS: usize = 256;

impl Rankings {
    /// Ranks every genuine user of the job once. Ties are drawn from the child `ties` of the
    /// context's seed, sampled negatives from its child `sampled-negatives`; the same job and seed give the
    /// same bits with any number of threads.
    ///
    /// # Errors
    /// If the data is not that of the genuine users, a target is no item, a score or predicted rating
    /// is not finite, a list-only victim lists an excluded item or one twice, or somebody asked to stop.
    pub fn compute(job: &RankJob<'_>, ctx: &Ctx<'_>) -> Result<Self, RankError> {
        job.check()?;
        let order = Order::of(job, ctx.seed);
        let n_items = job.exclusion.n_items();
        let block = (BLOCK_CELLS / n_items.max(1)).clamp(1, BLOCK_USERS);
        let starts: Vec<usize> = (0..job.n_genuine).step_by(block).collect();
        let blocks: Vec<Result<Block, RankError>> = starts
            .par_iter()
            .map_init(Workspace::default, |workspace, &start| {
                ctx.check()?;
                rank_block(job, &order, start..(start + block).min(job.n_genuine), workspace)
            })
            .collect();

        let mut all = Self {
            n_users: job.n_genuine,
            n_items,
            k: job.k,
            exact: job.recommender.scorer().is_some(),
            targets: job.targets.to_vec(),
            list_start: vec![0],
            list_items: Vec::new(),
            list_scores: Vec::new(),
            places: Vec::new(),
            owned: Vec::new(),
            scores: Vec::new(),
            ratings: None,
            held_start: vec![0],
            held: Vec::new(),
        };
        let (mut ratings, mut rated) = (Vec::new(), true);
        // In the order of users, so that of several errors always the same one is told.
        for block in blocks {
            let block = block?;
            for len in block.list_len {
                all.list_start.push(all.list_start[all.list_start.len() - 1] + len);
            }
            all.list_items.extend(block.list.iter().map(|entry| entry.0));
            all.list_scores.extend(block.list.iter().map(|entry| entry.1));
            all.places.extend(block.places);
            all.owned.extend(block.owned);
            all.scores.extend(block.scores);
            rated &= block.ratings.iter().all(Option::is_some);
            ratings.extend(block.ratings.into_iter().flatten());
            for len in block.held_len {
                all.held_start.push(all.held_start[all.held_start.len() - 1] + len);
            }
            all.held.extend(block.held);
        }
        all.ratings = (rated && !ratings.is_empty()).then_some(ratings);
        Ok(all)
    }
}

/// Results of one block of users, user after user.
#[derive(Default)]
pub(super) struct Block {
    pub(super) list_len: Vec<usize>,
    pub(super) list: Vec<(ItemId, f32)>,
    pub(super) places: Vec<PackedPlace>,
    pub(super) owned: Vec<bool>,
    pub(super) scores: Vec<Option<f32>>,
    pub(super) ratings: Vec<Option<f32>>,
    pub(super) held_len: Vec<usize>,
    pub(super) held: Vec<HeldOut>,
}

/// Buffers of one thread.
#[derive(Default)]
pub(super) struct Workspace {
    pub(super) scores: Vec<f32>,
    /// The exclusion set of the user.
    pub(super) skip: Vec<ItemId>,
    /// The exclusion set without held-out items.
    pub(super) skip_seen: Vec<ItemId>,
    pub(super) merged: Vec<ItemId>,
    pub(super) list: Vec<(ItemId, f32)>,
    pub(super) candidates: Vec<ItemId>,
}

fn rank_block(
    job: &RankJob<'_>,
    order: &Order,
    users: Range<usize>,
    workspace: &mut Workspace,
) -> Result<Block, RankError> {
    let mut block = Block::default();
    let users: Vec<UserId> = users.map(|u| UserId(u as u32)).collect();
    if let Some(scorer) = job.recommender.scorer() {
        let mut scores = std::mem::take(&mut workspace.scores);
        score(job, scorer, &users, &mut scores)?;
        for (at, &user) in users.iter().enumerate() {
            let row = &mut scores[at * scorer.n_items()..][..scorer.n_items()];
            rank_scored(job, order, user, row, workspace, &mut block);
            finish_user(job, user, &mut block)?;
        }
        workspace.scores = scores;
    } else {
        for user in users {
            rank_listed(job, order, user, workspace, &mut block)?;
            finish_user(job, user, &mut block)?;
        }
    }
    Ok(block)
}

/// What does not depend on how the victim ranks: ownership and predicted ratings.
fn finish_user(job: &RankJob<'_>, user: UserId, block: &mut Block) -> Result<(), RankError> {
    for &target in job.targets {
        block.owned.push(job.exclusion.owns(user, target));
        let rating = job.recommender.rating(user, target);
        finite(user, target, rating)?;
        block.ratings.push(rating);
    }
    let own = block.held_len.last().map_or(0, |&len| len);
    for held in &block.held[block.held.len() - own..] {
        finite(user, held.item, held.predicted)?;
    }
    Ok(())
}

fn finite(user: UserId, item: ItemId, value: Option<f32>) -> Result<(), RankError> {
    match value.filter(|v| !v.is_finite()) {
        Some(value) => Err(RankError::NotFinite { user, item, value }),
        None => Ok(()),
    }
}
