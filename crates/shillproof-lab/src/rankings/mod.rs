//! What a fitted recommender shows to genuine users, computed once: every metric is a function of it.
//!
//! Users are ranked in blocks, so the full user x item array never exists. The rule is the same for
//! all victims: candidates are all items without the user's exclusion set, best score first, ties by
//! a hash of (seed, user, item) and never by id; a score that is not finite is an error.

mod compute;
mod exclusion;
mod job;
mod listed;
mod order;
mod scored;

pub use exclusion::{Exclude, Exclusion};
pub use job::{RankError, RankJob, TargetTies};

use shillproof_core::{ItemId, UserId};

/// Where an item stands in a user's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its exact rank among the candidates; 1 is best.
    Rank(u32),
    /// No candidate: it is in the user's exclusion set.
    Excluded,
    /// A candidate, but not in the list of a victim that gives lists only.
    Beyond,
}

impl Place {
    /// Whether the item is among the first `k`.
    pub fn within(self, k: usize) -> bool {
        matches!(self, Self::Rank(rank) if rank as usize <= k)
    }

    /// The exact rank, if there is one.
    pub fn rank(self) -> Option<u32> {
        match self {
            Self::Rank(rank) => Some(rank),
            Self::Excluded | Self::Beyond => None,
        }
    }
}

/// A place in four bytes; ranks start at 1 and stay below the number of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PackedPlace(u32);

impl PackedPlace {
    const EXCLUDED: Self = Self(0);
    const BEYOND: Self = Self(u32::MAX);

    fn unpack(self) -> Place {
        match self {
            Self::EXCLUDED => Place::Excluded,
            Self::BEYOND => Place::Beyond,
            Self(rank) => Place::Rank(rank),
        }
    }
}

/// One held-out interaction as the recommender sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOut {
    /// The item.
    pub item: ItemId,
    /// Its place among all candidates. Held-out items are always candidates here, also of each other.
    pub place: Place,
    /// Its rank among the sampled negatives, 1 to negatives + 1, when they were asked for and the victim scores items.
    pub sampled_rank: Option<u32>,
    /// The rating the user gave; 1 for implicit data.
    pub rating: f32,
    /// The rating the victim predicts, if it predicts ratings.
    pub predicted: Option<f32>,
}

/// Lists, target ranks and held-out ranks of all genuine users under one recommender.
#[derive(Clone, Debug, PartialEq)]
pub struct Rankings {
    n_users: usize,
    n_items: usize,
    k: usize,
    exact: bool,
    targets: Vec<ItemId>,
    list_start: Vec<usize>,
    list_items: Vec<ItemId>,
    list_scores: Vec<f32>,
    /// User-major, one cell a (user, target).
    places: Vec<PackedPlace>,
    owned: Vec<bool>,
    scores: Vec<Option<f32>>,
    ratings: Option<Vec<f32>>,
    /// Empty without held-out data.
    held_start: Vec<usize>,
    held: Vec<HeldOut>,
}

impl Rankings {
    /// Number of genuine users: the population of every mean.
    pub fn n_users(&self) -> usize {
        self.n_users
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// All genuine users.
    pub fn users(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        (0..self.n_users as u32).map(UserId)
    }

    /// The largest K that a metric may ask about: every K when items are scored, the length of the
    /// lists for a victim that gives lists only.
    pub fn depth(&self) -> usize {
        if self.exact { usize::MAX } else { self.k }
    }

    /// The targets, in the order of the job.
    pub fn targets(&self) -> &[ItemId] {
        &self.targets
    }

    /// The first items of a user's list with their scores, best first.
    pub fn list(&self, user: UserId) -> impl ExactSizeIterator<Item = (ItemId, f32)> + '_ {
        let span = self.list_start[user.index()]..self.list_start[user.index() + 1];
        self.list_items[span.clone()].iter().copied().zip(self.list_scores[span].iter().copied())
    }

    /// Place of target number `target` in a user's list.
    pub fn place(&self, user: UserId, target: usize) -> Place {
        self.places[self.cell(user, target)].unpack()
    }

    /// Whether the user has target number `target` in the genuine data (its training part, or all of
    /// it under [`Exclude::AllRated`]).
    pub fn owns(&self, user: UserId, target: usize) -> bool {
        self.owned[self.cell(user, target)]
    }

    /// Score of target number `target`, excluded or not; none beyond the list of a list-only victim.
    pub fn score(&self, user: UserId, target: usize) -> Option<f32> {
        self.scores[self.cell(user, target)]
    }

    /// Predicted rating of target number `target`, for victims that predict ratings.
    pub fn rating(&self, user: UserId, target: usize) -> Option<f32> {
        self.ratings.as_ref().map(|ratings| ratings[self.cell(user, target)])
    }

    /// A user's held-out interactions, oldest first; none without held-out data.
    pub fn held_out(&self, user: UserId) -> &[HeldOut] {
        match self.held_start.get(user.index()..user.index() + 2) {
            Some(span) => &self.held[span[0]..span[1]],
            None => &[],
        }
    }

    /// Empties the lists of users whom a defense removed. Their candidates stand beyond every list; users who are not
    /// genuine are passed over.
    pub fn remove(&mut self, users: &[UserId]) {
        let removed = |user: &UserId| users.binary_search(user).is_ok();
        let (mut start, mut items, mut scores) = (vec![0], Vec::new(), Vec::new());
        for user in self.users() {
            if !removed(&user) {
                items.extend(self.list(user).map(|entry| entry.0));
                scores.extend(self.list(user).map(|entry| entry.1));
            }
            start.push(items.len());
        }
        (self.list_start, self.list_items, self.list_scores) = (start, items, scores);
        for user in users.iter().filter(|user| user.index() < self.n_users) {
            let own = user.index() * self.targets.len()..(user.index() + 1) * self.targets.len();
            for place in self.places[own].iter_mut().filter(|place| **place != PackedPlace::EXCLUDED) {
                *place = PackedPlace::BEYOND;
            }
            if let Some(span) = self.held_start.get(user.index()..user.index() + 2) {
                for held in &mut self.held[span[0]..span[1]] {
                    held.place = Place::Beyond;
                    held.sampled_rank = held.sampled_rank.map(|_| u32::MAX);
                }
            }
        }
    }

    fn cell(&self, user: UserId, target: usize) -> usize {
        assert!(target < self.targets.len(), "target number {target} of {}", self.targets.len());
        user.index() * self.targets.len() + target
    }
}

#[cfg(test)]
mod tests;
