//! A recurrent network over histories.

mod derivative;
mod network;
mod parameters;
#[cfg(test)]
mod tests;
mod training;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Fraction, HeldOut, Recommender, Victim};
use shillproof_kernels::nn::{Gru, Init, Linear};

use crate::epochs::Course;
use crate::held_out::ndcg;
use crate::input;
use crate::neumf::EarlySelection;
pub use crate::next_item::Loss;
use crate::next_item::{NextItemModel, ordered};

pub use derivative::Differentiator;
use network::{Against, Network};
pub use parameters::{Head, Parameters};
use training::HistoryLearner;
pub use training::Training;

/// How items are met by a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// By the vectors with which they are read, through a dense layer.
    #[default]
    Shared,
    /// By vectors and biases of their own.
    Separate,
}

/// Recommendation by a gated recurrent network (Hidasi, Karatzoglou, Baltrunas and Tikk, ICLR 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gru4Rec {
    /// Length of the vectors with which items are read; at least 1.
    pub factors: usize,
    /// Length of a state; at least 1.
    pub units: usize,
    /// How the network is led through histories.
    pub training: Training,
    /// What is minimised.
    pub loss: Loss,
    /// How items are met by a state.
    pub output: Output,
    /// Share of the numbers of the vectors read that is dropped in training; below 1.
    pub dropout: Fraction,
    /// Step size of Adam; above 0.
    pub learning_rate: f32,
    /// Added to the gradient as `weight_decay · θ`; at least 0.
    pub weight_decay: f32,
    /// Predictions of a step: at least as many (full histories) or as many at most (side by side); at least 1.
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

impl Default for Gru4Rec {
    fn default() -> Self {
        Self {
            factors: 64,
            units: 128,
            training: Training::FullHistory,
            loss: Loss::CrossEntropy,
            output: Output::Shared,
            dropout: Fraction::new(0.3).expect("invariant: 0.3 is a fraction"),
            learning_rate: 1e-3,
            weight_decay: 0.0,
            batch_size: 2048,
            epochs: 200,
            selection: EarlySelection::Validation,
            evaluate_every: 1,
            patience: 10,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "gru4rec",
    summary: "next item: a recurrent network reads the history",
    doc: include_str!("../../../../docs/victims/gru4rec.md"),
    reference: "Hidasi, Karatzoglou, Baltrunas and Tikk, Session-based recommendations with recurrent neural networks, ICLR 2016",
};

impl Gru4Rec {
    /// Fits and keeps the type, so that the parameters can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NextItemModel<Parameters>, FitError> {
        ctx.check()?;
        self.check()?;
        let data = ordered(job.train)?;
        let (weights, learned) = input::weighted(job, &data)?;
        let against = match self.training {
            Training::FullHistory => Against::Catalogue,
            Training::SessionParallel => Against::Batch,
        };
        let start = self.start(data.n_items(), ctx);
        let mut learner = HistoryLearner {
            network: Network::new(start, self.loss, against, self.learning_rate, self.weight_decay),
            histories: &data,
            data: &learned,
            weights,
            training: self.training,
            batch_size: self.batch_size,
            dropout: self.dropout.get() as f32,
        };
        self.course().fit(&mut learner, ndcg, job, &data, ctx)
    }

    fn start(&self, n_items: usize, ctx: &Ctx<'_>) -> Parameters {
        let draw = |outputs, inputs, name| Init::XavierUniform.weights(outputs, inputs, ctx.seed.child(name));
        let (d, h) = (self.factors, self.units);
        Parameters {
            items: draw(n_items, d, "items"),
            cell: Gru {
                input: draw(3 * h, d, "input"),
                hidden: draw(3 * h, h, "hidden"),
                input_bias: vec![0.0; 3 * h],
                hidden_bias: vec![0.0; 3 * h],
            },
            head: match self.output {
                Output::Shared => Head::Shared(Linear { weights: draw(d, h, "head"), bias: vec![0.0; d] }),
                Output::Separate => {
                    Head::Separate { items: draw(n_items, h, "head"), bias: vec![0.0; n_items] }
                }
            },
        }
    }

    fn course(&self) -> Course {
        Course {
            name: "gru4rec",
            epochs: self.epochs,
            selection: self.selection,
            evaluate_every: self.evaluate_every,
            patience: self.patience,
            learning_rate: self.learning_rate,
        }
    }

    fn check(&self) -> Result<(), FitError> {
        input::at_least_one("factors", self.factors)?;
        input::at_least_one("units", self.units)?;
        input::below_one("dropout", self.dropout)?;
        input::not_negative("weight_decay", self.weight_decay)?;
        input::at_least_one("batch_size", self.batch_size)?;
        self.course().check()
    }
}

impl Victim for Gru4Rec {
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
