//! Factorised Markov chains: what a user likes, and what follows the user's last item.

mod network;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, HeldOut, Recommender, Victim};
use shillproof_kernels::Matrix;

use crate::epochs::Course;
use crate::held_out::ndcg;
use crate::input;
use crate::neumf::EarlySelection;
use crate::next_item::{Comparisons, Negatives, NextItemModel, ordered};

pub use network::{Factors, Network, Rates};

/// Half the width of the uniform distribution from which vectors start.
const INITIAL_BOUND: f32 = 0.01;

/// Factorised personalised Markov chains (Rendle, Freudenthaler and Schmidt-Thieme, WWW 2010), one item a basket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fpmc {
    /// Length of each vector; at least 1.
    pub factors: usize,
    /// Step size of Adam; above 0.
    pub learning_rate: f32,
    /// Penalty on the squares of what a comparison uses; at least 0.
    pub regularization: f32,
    /// What the next item is compared with.
    pub negatives: Negatives,
    /// Comparisons of a step; at least 1.
    pub batch_size: usize,
    /// Passes over the interactions; at least 1.
    pub epochs: usize,
    /// Which epoch is kept.
    pub selection: EarlySelection,
    /// Course from one look at the held-out part to the next; at least 1.
    pub evaluate_every: usize,
    /// Looks without a better epoch after which training stops; at least 1.
    pub patience: usize,
}

impl Default for Fpmc {
    fn default() -> Self {
        Self {
            factors: 16,
            learning_rate: 1e-3,
            regularization: 0.01,
            negatives: Negatives::Unseen,
            batch_size: 512,
            epochs: 500,
            selection: EarlySelection::Validation,
            evaluate_every: 5,
            patience: 10,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "fpmc",
    summary: "next item: what the user likes, and what follows the last item",
    doc: include_str!("../../../../docs/victims/fpmc.md"),
    reference: "Rendle, Freudenthaler and Schmidt-Thieme, Factorizing personalized Markov chains for next-basket recommendation, WWW 2010",
};

impl Fpmc {
    /// Fits and keeps the type, so that the factors can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NextItemModel<Factors>, FitError> {
        ctx.check()?;
        self.check()?;
        let data = ordered(job.train)?;
        let (weights, learned) = input::weighted(job, &data)?;
        let draw = |rows, name| Matrix::uniform(rows, self.factors, INITIAL_BOUND, ctx.seed.child(name));
        let items = data.n_items();
        let start = Factors {
            users: draw(data.n_users(), "users"),
            by_user: draw(items, "items"),
            by_last: draw(items, "items after items"),
            last: draw(items, "last items"),
        };
        let rates = Rates { learning_rate: self.learning_rate, regularization: self.regularization };
        let mut learner = Comparisons {
            network: Network::new(&start, rates),
            histories: &data,
            data: &learned,
            weights,
            negatives: self.negatives,
            batch_size: self.batch_size,
        };
        self.course().fit(&mut learner, ndcg, job, &data, ctx)
    }

    fn course(&self) -> Course {
        Course {
            name: "fpmc",
            epochs: self.epochs,
            selection: self.selection,
            evaluate_every: self.evaluate_every,
            patience: self.patience,
            learning_rate: self.learning_rate,
        }
    }

    fn check(&self) -> Result<(), FitError> {
        input::at_least_one("factors", self.factors)?;
        input::not_negative("regularization", self.regularization)?;
        input::at_least_one("batch_size", self.batch_size)?;
        self.course().check()
    }
}

impl Victim for Fpmc {
    fn feedback(&self) -> Feedback {
        Feedback::Implicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        Ok(Box::new(self.fit_model(job, ctx)?))
    }

    fn selects_on(&self) -> HeldOut {
        self.selection.selects_on()
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}
