//! Recommenders: the recipe ([`Victim`]) and what fitting it yields ([`Recommender`]).

use std::any::Any;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::context::{Cancelled, Ctx};
use crate::ids::{ItemId, UserId};
use crate::interactions::Interactions;
use crate::ranking::{Ties, select_top_k};

/// What a victim learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// Rating values; implicit data is refused.
    Explicit,
    /// Interactions; ratings are binarised before fitting.
    Implicit,
    /// Whatever there is.
    Either,
}

/// A part of the data that does not train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// The part for choices during training.
    Validation,
    /// The part on which accuracy is measured.
    Test,
}

/// One training job.
#[derive(Clone, Copy)]
pub struct FitJob<'a> {
    /// Genuine rows first, fake rows (if any) after them.
    pub train: &'a Interactions,
    /// Held out, for early selection of an epoch: the part that [`Victim::selects_on`] names.
    pub valid: Option<&'a Interactions>,
    /// One weight a row of `train`, for defenses that re-weight users.
    pub user_weight: Option<&'a [f32]>,
    /// The longest list that will be asked for; only victims that know lists alone need it.
    pub max_k: usize,
}

impl<'a> FitJob<'a> {
    /// A job with nothing but training data.
    pub fn new(train: &'a Interactions) -> Self {
        Self { train, valid: None, user_weight: None, max_k: 100 }
    }
}

/// A recipe: hyper-parameters only. Fitting yields another type, so "not fitted" cannot happen.
pub trait Victim: Send + Sync {
    /// What the recipe learns from.
    fn feedback(&self) -> Feedback;

    /// Trains a recommender. The same job and seed give the same bits with any number of threads.
    ///
    /// # Errors
    /// When parameters are out of range, the data is of the wrong kind, training diverges, or
    /// somebody asked to stop.
    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError>;

    /// The part by which the recipe selects an epoch, if it does and there is one: what [`FitJob::valid`] should be. Some published
    /// systems select on the test part, and only they say so here.
    fn selects_on(&self) -> HeldOut {
        HeldOut::Validation
    }

    /// The recipe itself, where there are hyper-parameters to read: an attacker who knows the
    /// victim trains a copy of it.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// One request for a list.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// Whose list.
    pub user: UserId,
    /// Replaces the user's own last actions in next-item models.
    pub history: Option<&'a [ItemId]>,
    /// Items left out, sorted ascending.
    pub skip: &'a [ItemId],
    /// Length of the list; fewer come back where fewer candidates are left.
    pub k: usize,
    /// How equal scores are ordered.
    pub ties: Ties,
}

/// A fitted victim.
pub trait Recommender: Send + Sync {
    /// The list asked for, best first, into `out` (cleared first). Victims that score every item
    /// need not write this.
    fn top_k(&self, query: &Query<'_>, out: &mut Vec<(ItemId, f32)>) {
        out.clear();
        if let Some(scorer) = self.scorer() {
            let mut scores = vec![0.0; scorer.n_items()];
            scorer.score(query.user, query.history, &mut scores);
            select_top_k(query.user, &scores, query.skip, query.k, query.ties, out);
        }
    }

    /// Scores for all items, if the victim has them. Metrics that need them say n/a without.
    fn scorer(&self) -> Option<&dyn Scorer> {
        None
    }

    /// The predicted rating, for victims that predict ratings.
    fn rating(&self, user: UserId, item: ItemId) -> Option<f32> {
        let _ = (user, item);
        None
    }
}

/// A recommender that scores every item.
pub trait Scorer: Send + Sync {
    /// Length of a score row.
    fn n_items(&self) -> usize;

    /// Scores of all items for one user; higher is better, always finite.
    ///
    /// # Shapes
    /// `out`: one cell an item.
    fn score(&self, user: UserId, history: Option<&[ItemId]>, out: &mut [f32]);

    /// Scores of all items for several users, row after row. Must equal [`Scorer::score`] to the last bit.
    ///
    /// # Shapes
    /// `out`: `users.len()` rows of `n_items()` cells.
    fn score_block(&self, users: &[UserId], out: &mut [f32]) {
        for (&user, row) in users.iter().zip(out.chunks_exact_mut(self.n_items().max(1))) {
            self.score(user, None, row);
        }
    }

    /// Whether a history changes scores: next-item models.
    fn reads_history(&self) -> bool {
        false
    }

    /// Scores of all items for several users after these histories, row after row. Must equal [`Scorer::score`] to the last bit.
    ///
    /// # Shapes
    /// `out`: `histories.len()` rows of `n_items()` cells.
    fn score_after(&self, histories: &[(UserId, &[ItemId])], out: &mut [f32]) {
        for (&(user, history), row) in histories.iter().zip(out.chunks_exact_mut(self.n_items().max(1))) {
            self.score(user, Some(history), row);
        }
    }
}

/// Why a victim could not be fitted. Fragments that read well after "failed to fit".
#[derive(Debug, Error)]
pub enum FitError {
    /// Somebody asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A hyper-parameter out of range.
    #[error("parameter `{name}` is {got}, expected {expected}")]
    Parameter {
        /// Field of the recipe.
        name: &'static str,
        /// What it was.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Rating victims need ratings.
    #[error("the data has no rating values, and this victim predicts ratings")]
    NeedsRatings,
    /// Next-item victims need an order.
    #[error("the data has no times or positions, and this victim learns from the order of interactions")]
    NeedsOrder,
    /// Nothing to learn from.
    #[error("the training data is empty")]
    Empty,
    /// Factors became infinite or NaN.
    #[error("training diverged in iteration {iteration}: a parameter is no longer finite")]
    Diverged {
        /// First iteration in which it was seen.
        iteration: usize,
    },
    /// The same, where a smaller step may help.
    #[error(
        "training diverged in epoch {epoch} at learning rate {learning_rate}: a parameter is no longer finite"
    )]
    DivergedAt {
        /// First epoch in which it was seen, from 1.
        epoch: usize,
        /// Length of a step.
        learning_rate: f32,
    },
    /// A victim outside this process failed.
    #[error("{0}")]
    External(String),
}
