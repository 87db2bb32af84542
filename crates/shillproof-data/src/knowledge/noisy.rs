//! `noisy(keep, perturb)`: some interactions are missing, some never happened (Zhang et al., KDD 2021).

use std::collections::HashSet;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use shillproof_core::{Interactions, ItemId, ItemStats, Rng, UserId};

use super::{Generator, KnowledgeError, Noisy, chosen, walk};

/// `round(keep |E|)` true pairs and `round(perturb |E|)` false ones; every user keeps a row. O(|E|).
///
/// On explicit data a false pair has a rating drawn from the normal distribution of the item's true
/// ratings, rounded to the scale; where there are times it has the time of a random interaction.
pub(super) fn sample(
    train: &Interactions,
    noisy: Noisy,
    rng: &mut Rng,
) -> Result<Interactions, KnowledgeError> {
    let (true_quota, false_quota) = (noisy.keep.round_of(train.len()), noisy.perturb.round_of(train.len()));
    let free = train.n_users() * train.n_items() - train.len();
    if false_quota > free {
        return Err(KnowledgeError::TooDense { quota: false_quota, free });
    }
    let mut pairs = Pairs::new(train, true_quota, false_quota);
    if noisy.generator == Generator::WalkJump {
        walk::fill(train, &mut pairs, rng);
    }
    fill_true(train, &mut pairs, rng);
    fill_false(train, &mut pairs, rng);
    Ok(assemble(train, &pairs, rng))
}

/// The pairs chosen so far.
pub(super) struct Pairs {
    /// True pairs by their place in the flat order of interactions.
    taken: Vec<bool>,
    /// False pairs in the order they were drawn.
    invented: Vec<(UserId, ItemId)>,
    known: HashSet<(UserId, ItemId)>,
    pub(super) true_left: usize,
    pub(super) false_left: usize,
}

impl Pairs {
    fn new(train: &Interactions, true_left: usize, false_left: usize) -> Self {
        Self {
            taken: vec![false; train.len()],
            invented: Vec::with_capacity(false_left),
            known: HashSet::with_capacity(false_left),
            true_left,
            false_left,
        }
    }

    /// Takes a true pair if it is new and its quota is not full.
    pub(super) fn take(&mut self, edge: usize) {
        if self.true_left > 0 && !self.taken[edge] {
            self.taken[edge] = true;
            self.true_left -= 1;
        }
    }

    /// Takes a false pair if it is new and its quota is not full.
    pub(super) fn invent(&mut self, user: UserId, item: ItemId) {
        if self.false_left > 0 && self.known.insert((user, item)) {
            self.invented.push((user, item));
            self.false_left -= 1;
        }
    }
}

/// Fills the true quota: a uniform user among those with true pairs left, then one of these.
///
/// The paper draws true and false pairs alternately and skips users that are exhausted. The two kinds
/// never meet, so one after the other gives the same distribution, and in linear time.
fn fill_true(train: &Interactions, pairs: &mut Pairs, rng: &mut Rng) {
    let mut left: Vec<Vec<u32>> = train
        .row_starts()
        .windows(2)
        .map(|row| (row[0]..row[1]).filter(|&e| !pairs.taken[e]).map(|e| e as u32).collect())
        .collect();
    let mut users: Vec<u32> =
        (0..train.n_users() as u32).filter(|&user| !left[user as usize].is_empty()).collect();
    while pairs.true_left > 0 {
        let at = rng.random_range(0..users.len() as u64) as usize;
        let own = &mut left[users[at] as usize];
        let edge = own.swap_remove(rng.random_range(0..own.len() as u64) as usize);
        if own.is_empty() {
            users.swap_remove(at);
        }
        pairs.take(edge as usize);
    }
}

/// Fills the false quota: a uniform user among those with a false pair left, then one of these.
fn fill_false(train: &Interactions, pairs: &mut Pairs, rng: &mut Rng) {
    let mut free: Vec<usize> = train.rows().map(|row| train.n_items() - row.len()).collect();
    for (user, _) in &pairs.invented {
        free[user.index()] -= 1;
    }
    let mut users: Vec<UserId> = train.users().filter(|user| free[user.index()] > 0).collect();
    while pairs.false_left > 0 {
        let at = rng.random_range(0..users.len() as u64) as usize;
        let user = users[at];
        let row = train.row(user);
        let item = draw(train.n_items(), rng, |item| {
            !row.contains(ItemId(item)) && !pairs.known.contains(&(user, ItemId(item)))
        })
        .expect("this user has a false pair left");
        pairs.invent(user, ItemId(item));
        free[user.index()] -= 1;
        if free[user.index()] == 0 {
            users.swap_remove(at);
        }
    }
}

/// One of `0..n` that is allowed, uniformly; none where none is.
pub(super) fn draw(n: usize, rng: &mut Rng, allowed: impl Fn(u32) -> bool) -> Option<u32> {
    // Nearly always a few tries are enough; counting the allowed ones is for those who have nearly all.
    const TRIES: usize = 32;
    for _ in 0..TRIES {
        let one = rng.random_range(0..n as u32);
        if allowed(one) {
            return Some(one);
        }
    }
    let all: Vec<u32> = (0..n as u32).filter(|&one| allowed(one)).collect();
    if all.is_empty() { None } else { Some(all[rng.random_range(0..all.len() as u64) as usize]) }
}

fn assemble(train: &Interactions, pairs: &Pairs, rng: &mut Rng) -> Interactions {
    let mut triples = chosen(train, |edge| pairs.taken[edge]).to_triples();
    triples.users.extend(pairs.invented.iter().map(|p| p.0.0));
    triples.items.extend(pairs.invented.iter().map(|p| p.1.0));
    if let (Some(ratings), Some(scale)) = (&mut triples.ratings, train.scale()) {
        let stats = ItemStats::of(train);
        ratings.extend(pairs.invented.iter().map(|(_, item)| {
            let z: f64 = StandardNormal.sample(rng);
            scale.nearest(stats.mean[item.index()] + stats.std[item.index()] * z)
        }));
    }
    if let Some(times) = &mut triples.times {
        let all: Vec<i64> = train.rows().filter_map(|row| row.times()).flatten().copied().collect();
        times.extend(pairs.invented.iter().map(|_| all[rng.random_range(0..all.len() as u64) as usize]));
    }
    Interactions::from_triples(train.n_users(), train.n_items(), triples, train.scale())
        .expect("true and false pairs are distinct and in range")
}
