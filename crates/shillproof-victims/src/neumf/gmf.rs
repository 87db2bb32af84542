//! Generalised matrix factorisation alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, HeldOut, Recommender, Victim};

use super::training::Training;
use super::{AdamRows, EarlySelection, NeuMf, NeuralModel, Parameters, Sampling};
use crate::input;

/// Generalised matrix factorisation: a learned weight on each factor of an inner product (He et al., WWW 2017, section 3.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gmf {
    /// Length of user and item vectors; at least 1.
    pub factors: usize,
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

impl Default for Gmf {
    fn default() -> Self {
        Self {
            factors: 8,
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
    name: "gmf",
    summary: "generalised matrix factorisation, the linear part of neumf",
    doc: include_str!("../../../../docs/victims/gmf.md"),
    reference: "He, Liao, Zhang, Nie, Hu and Chua, Neural collaborative filtering, WWW 2017",
};

/// The recipe with the other part left out.
impl From<Gmf> for NeuMf {
    fn from(gmf: Gmf) -> Self {
        Self {
            factors: gmf.factors,
            layers: Vec::new(),
            negatives: gmf.negatives,
            sampling: gmf.sampling,
            batch_size: gmf.batch_size,
            learning_rate: gmf.learning_rate,
            weight_decay: gmf.weight_decay,
            adam: gmf.adam,
            epochs: gmf.epochs,
            selection: gmf.selection,
            patience: gmf.patience,
            ..Self::default()
        }
    }
}

impl Gmf {
    /// Fits and keeps the type, so that the parameters can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NeuralModel, FitError> {
        input::at_least_one("factors", self.factors)?;
        let start = |users, items| Ok(Parameters::start(users, items, self.factors, &[], ctx.seed));
        Ok(NeuralModel::new(self.training().fit("gmf", job, ctx, start)?))
    }

    fn training(&self) -> Training {
        NeuMf::from(self.clone()).training()
    }
}

impl Victim for Gmf {
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
