//! Translation: a user is a direction that leads from the last item to the next.

mod network;
mod space;
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

pub use network::{Network, Rates};
pub use space::{Distance, Space};

/// Standard deviation of the items' places before the first step.
const INITIAL_DEVIATION: f32 = 0.01;

/// Translation-based recommendation (He, Kang and McAuley, RecSys 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransRec {
    /// Dimensions of the space; at least 1.
    pub factors: usize,
    /// How far apart two places are.
    pub distance: Distance,
    /// Whether items stay within the unit ball.
    pub project: bool,
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

impl Default for TransRec {
    fn default() -> Self {
        Self {
            factors: 16,
            distance: Distance::L2Squared,
            project: true,
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
    name: "transrec",
    summary: "next item: the user leads from the last item to the next",
    doc: include_str!("../../../../docs/victims/transrec.md"),
    reference: "He, Kang and McAuley, Translation-based recommendation, RecSys 2017",
};

impl TransRec {
    /// Fits and keeps the type, so that the places can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NextItemModel<Space>, FitError> {
        ctx.check()?;
        self.check()?;
        let data = ordered(job.train)?;
        let (weights, learned) = input::weighted(job, &data)?;
        let start = Space {
            users: Matrix::zeros(data.n_users(), self.factors),
            everybody: vec![0.0; self.factors],
            items: Matrix::normal(data.n_items(), self.factors, INITIAL_DEVIATION, ctx.seed.child("items")),
            bias: vec![0.0; data.n_items()],
            distance: self.distance,
        };
        let rates = Rates {
            learning_rate: self.learning_rate,
            regularization: self.regularization,
            project: self.project,
        };
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
            name: "transrec",
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

impl Victim for TransRec {
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
