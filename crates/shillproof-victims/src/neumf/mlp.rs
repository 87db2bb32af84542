//! The perceptron alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, HeldOut, Recommender, Victim};

use super::check_layers;
use super::training::Training;
use super::{AdamRows, EarlySelection, NeuMf, NeuralModel, Parameters, Sampling};

/// A perceptron on the vectors of user and item side by side (He et al., WWW 2017, section 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mlp {
    /// Sizes from the input, two vectors side by side, to the output; at least two, the first even.
    pub layers: Vec<usize>,
    /// Negatives of each interaction; at least 1.
    pub negatives: usize,
    /// When negatives are drawn.
    pub sampling: Sampling,
    /// Samples of a step; at least 1.
    pub batch_size: usize,
    /// Step size of Adam; above 0.
    pub learning_rate: f32,
    /// Added to every gradient as `weight_decay · θ`; at least 0.
    pub weight_decay: f32,
    /// What Adam does with vectors that a batch does not use.
    pub adam: AdamRows,
    /// Passes over the samples; at least 1.
    pub epochs: usize,
    /// Which epoch is kept.
    pub selection: EarlySelection,
    /// Epochs without a better one after which training stops; at least 1.
    pub patience: usize,
}

impl Default for Mlp {
    fn default() -> Self {
        Self {
            layers: vec![64, 32, 16, 8],
            negatives: 4,
            sampling: Sampling::Fixed,
            batch_size: 256,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            adam: AdamRows::Dense,
            epochs: 20,
            selection: EarlySelection::Validation,
            patience: 10,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "mlp",
    summary: "a perceptron on two vectors, the other part of neumf",
    doc: include_str!("../../../../docs/victims/mlp.md"),
    reference: "He, Liao, Zhang, Nie, Hu and Chua, Neural collaborative filtering, WWW 2017",
};

/// The recipe with the other part left out.
impl From<Mlp> for NeuMf {
    fn from(mlp: Mlp) -> Self {
        Self {
            factors: 0,
            layers: mlp.layers,
            negatives: mlp.negatives,
            sampling: mlp.sampling,
            batch_size: mlp.batch_size,
            learning_rate: mlp.learning_rate,
            weight_decay: mlp.weight_decay,
            adam: mlp.adam,
            epochs: mlp.epochs,
            selection: mlp.selection,
            patience: mlp.patience,
            ..Self::default()
        }
    }
}

impl Mlp {
    /// Fits and keeps the type, so that the parameters can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NeuralModel, FitError> {
        check_layers(&self.layers)?;
        let start = |users, items| Ok(Parameters::start(users, items, 0, &self.layers, ctx.seed));
        Ok(NeuralModel::new(self.training().fit("mlp", job, ctx, start)?))
    }

    fn training(&self) -> Training {
        NeuMf::from(self.clone()).training()
    }
}

impl Victim for Mlp {
    fn feedback(&self) -> Feedback {
        Feedback::Implicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        Ok(Box::new(self.fit_model(job, ctx)?))
    }

    fn selects_on(&self) -> HeldOut {
        self.training().selects_on()
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}
