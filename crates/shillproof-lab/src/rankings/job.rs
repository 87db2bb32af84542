//! What a ranking is computed from, and why it may fail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Cancelled, Interactions, ItemId, Recommender, UserId};
use thiserror::Error;

use super::exclusion::Exclusion;

/// Where a target stands among candidates of exactly its score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetTies {
    /// Like every item: by a hash of (seed, user, item).
    #[default]
    Hashed,
    /// After every other item: the least that ties allow.
    Pessimistic,
    /// Before every other item: the most that ties allow.
    Optimistic,
}

/// One pass over the lists of all genuine users.
#[derive(Clone, Copy)]
pub struct RankJob<'a> {
    /// The fitted victim.
    pub recommender: &'a dyn Recommender,
    /// Genuine users; they have the ids `0..n_genuine`. Fake users are never ranked.
    pub n_genuine: usize,
    /// Which items are no candidates.
    pub exclusion: Exclusion<'a>,
    /// Length of the lists that are kept.
    pub k: usize,
    /// Items whose rank is wanted for every user.
    pub targets: &'a [ItemId],
    /// What users have done up to now, where that is more than the training part: next-item victims rank what follows.
    pub histories: Option<&'a Interactions>,
    /// Interactions whose items are ranked for their own user: accuracy.
    pub held_out: Option<&'a Interactions>,
    /// Also ranks each held-out item against this many items drawn for its user (99 in the NeuMF protocol).
    pub sampled_negatives: Option<usize>,
    /// Where targets stand among ties. List-only victims order ties themselves.
    pub target_ties: TargetTies,
}

impl<'a> RankJob<'a> {
    /// A job without targets and held-out items.
    pub fn new(
        recommender: &'a dyn Recommender,
        n_genuine: usize,
        exclusion: Exclusion<'a>,
        k: usize,
    ) -> Self {
        Self {
            recommender,
            n_genuine,
            exclusion,
            k,
            targets: &[],
            histories: None,
            held_out: None,
            sampled_negatives: None,
            target_ties: TargetTies::Hashed,
        }
    }

    /// The history of a user, where it is more than the training part.
    pub(super) fn history(&self, user: UserId) -> Option<&'a [ItemId]> {
        self.histories.map(|histories| histories.row(user).items())
    }

    /// Length of a list that holds every candidate or `k` items.
    pub(super) fn length(&self) -> usize {
        self.k.min(self.exclusion.n_items())
    }

    pub(super) fn check(&self) -> Result<(), RankError> {
        let n_items = self.exclusion.n_items();
        for part in self.exclusion.parts().chain(self.histories).chain(self.held_out) {
            if part.n_users() != self.n_genuine || part.n_items() != n_items {
                return Err(RankError::Population {
                    rows: part.n_users(),
                    items: part.n_items(),
                    n_genuine: self.n_genuine,
                    n_items,
                });
            }
        }
        if let Some(scorer) = self.recommender.scorer().filter(|s| s.n_items() != n_items) {
            return Err(RankError::Catalogue { scored: scorer.n_items(), n_items });
        }
        for (at, &item) in self.targets.iter().enumerate() {
            if item.index() >= n_items || self.targets[..at].contains(&item) {
                return Err(RankError::Target { item, n_items });
            }
        }
        Ok(())
    }
}

/// Why lists could not be ranked. Fragments that read well after "failed to rank".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RankError {
    /// Somebody asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Data of another population, for example the poisoned matrix.
    #[error(
        "a matrix of {rows} users and {items} items, expected the {n_genuine} genuine users and {n_items} items"
    )]
    Population {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        items: usize,
        /// Genuine users.
        n_genuine: usize,
        /// Items of the training part.
        n_items: usize,
    },
    /// A recommender of another catalogue.
    #[error("a recommender that scores {scored} items on data of {n_items} items")]
    Catalogue {
        /// Items it scores.
        scored: usize,
        /// Items of the training part.
        n_items: usize,
    },
    /// A target that is no item, or is there twice.
    #[error("target item {}: expected distinct ids below {n_items}", item.0)]
    Target {
        /// The target.
        item: ItemId,
        /// Items of the training part.
        n_items: usize,
    },
    /// A score or rating that cannot be ordered.
    #[error("user {} and item {}: the score is {value}, expected a finite number", user.0, item.0)]
    NotFinite {
        /// Whose row.
        user: UserId,
        /// Which cell.
        item: ItemId,
        /// What was there.
        value: f32,
    },
    /// A list-only recommender broke the rules of a list.
    #[error("the list of user {} holds item {}, which {problem}", user.0, item.0)]
    List {
        /// Whose list.
        user: UserId,
        /// The offending item.
        item: ItemId,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl RankError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Population { rows, n_genuine, .. } if rows > n_genuine => Some(
                "exclusion and held-out items come from the genuine data, before fake users are appended"
                    .into(),
            ),
            Self::NotFinite { .. } => {
                Some("the victim diverged: lower its learning rate or raise its regularization".into())
            }
            _ => None,
        }
    }
}
