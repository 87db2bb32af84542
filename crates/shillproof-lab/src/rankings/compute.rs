//! The one pass over all genuine users.

use std::ops::Range;

use rand::RngExt;
use rayon::prelude::*;
use shillproof_core::{Ctx, ItemId, Query, Scorer, Seed, Ties, UserId, select_top_k};

use super::{HeldOut, PackedPlace, Place, RankError, RankJob, Rankings, TargetTies};

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

/// The total order of candidates: score, then the class of the tie rule, then the hashed key.
struct Order {
    ties: Ties,
    negatives: Seed,
    target_ties: TargetTies,
    /// Ascending.
    targets: Vec<ItemId>,
}

impl Order {
    fn of(job: &RankJob<'_>, seed: Seed) -> Self {
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
    fn key(&self, user: UserId, item: ItemId) -> (u8, u64, ItemId) {
        let class = match self.target_ties {
            TargetTies::Hashed => 1,
            _ if self.targets.binary_search(&item).is_err() => 1,
            TargetTies::Pessimistic => 2,
            TargetTies::Optimistic => 0,
        };
        (class, self.ties.key(user, item), item)
    }

    /// Rank of `item` in a score row whose excluded cells are −∞.
    fn rank(&self, user: UserId, row: &[f32], item: ItemId) -> u32 {
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
    fn list(
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

/// Results of one block of users, user after user.
#[derive(Default)]
struct Block {
    list_len: Vec<usize>,
    list: Vec<(ItemId, f32)>,
    places: Vec<PackedPlace>,
    owned: Vec<bool>,
    scores: Vec<Option<f32>>,
    ratings: Vec<Option<f32>>,
    held_len: Vec<usize>,
    held: Vec<HeldOut>,
}

/// Buffers of one thread.
#[derive(Default)]
struct Workspace {
    scores: Vec<f32>,
    /// The exclusion set of the user.
    skip: Vec<ItemId>,
    /// The exclusion set without held-out items.
    skip_seen: Vec<ItemId>,
    merged: Vec<ItemId>,
    list: Vec<(ItemId, f32)>,
    candidates: Vec<ItemId>,
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
        score(scorer, &users, &mut scores)?;
        for (&user, row) in users.iter().zip(scores.chunks_exact_mut(scorer.n_items().max(1))) {
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

/// Score rows of `users`, all finite.
fn score(scorer: &dyn Scorer, users: &[UserId], out: &mut Vec<f32>) -> Result<(), RankError> {
    let n_items = scorer.n_items();
    out.resize(users.len() * n_items, 0.0);
    scorer.score_block(users, out);
    match out.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(RankError::NotFinite {
            user: users[at / n_items],
            item: ItemId((at % n_items) as u32),
            value: out[at],
        }),
    }
}

fn rank_scored(
    job: &RankJob<'_>,
    order: &Order,
    user: UserId,
    row: &mut [f32],
    workspace: &mut Workspace,
    block: &mut Block,
) {
    job.exclusion.fill(user, &mut workspace.skip);
    let skip = &workspace.skip;
    order.list(user, row, skip, job.k, &mut workspace.merged, &mut workspace.list);
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

fn rank_listed(
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
    job.recommender.top_k(&Query { user, history: None, skip, k: job.k, ties: order.ties }, list);
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
    if let Some(&(item, _)) = list.get(job.k) {
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

/// The union of two ascending lists into `out`.
fn merge(a: &[ItemId], b: &[ItemId], out: &mut Vec<ItemId>) {
    out.clear();
    out.extend_from_slice(a);
    out.extend_from_slice(b);
    out.sort_unstable();
    out.dedup();
}
