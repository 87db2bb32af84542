//! Neural collaborative filtering: matrix factorisation and a perceptron, and each of them alone.

mod gmf;
mod mlp;
mod model;
mod network;
mod parameters;
mod samples;
mod selection;
#[cfg(test)]
mod tests;
mod training;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, HeldOut, Recommender, Victim};

use crate::input;
use training::Training;

pub use gmf::Gmf;
pub use mlp::Mlp;
pub use model::NeuralModel;
pub use network::Network;
pub use parameters::{Layer, Parameters, Vectors};
pub use samples::{Sample, samples};
pub use training::{AdamRows, EarlySelection, Sampling};

pub(crate) use gmf::CARD as GMF_CARD;
pub(crate) use mlp::CARD as MLP_CARD;

/// Neural matrix factorisation: generalised matrix factorisation beside a perceptron (He et al., WWW 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NeuMf {
    /// Length of the vectors of matrix factorisation; at least 1.
    pub factors: usize,
    /// Sizes of the perceptron from its input, two vectors side by side, to its output; at least two, the first even.
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
    /// Passes of each part alone beforehand; 0 starts both together from scratch.
    pub pretrain_epochs: usize,
    /// Share of matrix factorisation in the output that starts from trained parts; between 0 and 1.
    pub pretrain_share: f32,
}

impl Default for NeuMf {
    fn default() -> Self {
        Self {
            factors: 8,
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
            pretrain_epochs: 0,
            pretrain_share: 0.5,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "neumf",
    summary: "neural matrix factorisation: inner products beside a perceptron",
    doc: include_str!("../../../../docs/victims/neumf.md"),
    reference: "He, Liao, Zhang, Nie, Hu and Chua, Neural collaborative filtering, WWW 2017",
};

impl NeuMf {
    /// Fits and keeps the type, so that the parameters can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NeuralModel, FitError> {
        input::at_least_one("factors", self.factors)?;
        check_layers(&self.layers)?;
        check_share(self.pretrain_share)?;
        let training = self.training();
        training.check()?;
        let start = |users, items| {
            if self.pretrain_epochs == 0 {
                return Ok(Parameters::start(users, items, self.factors, &self.layers, ctx.seed));
            }
            let alone = Training { epochs: self.pretrain_epochs, ..self.training() };
            let part = |name: &'static str, factors, layers: &[usize]| {
                let ctx = ctx.at(ctx.seed.child(name));
                let start = |users, items| Ok(Parameters::start(users, items, factors, layers, ctx.seed));
                alone.fit(name, job, &ctx, start)
            };
            let (gmf, mlp) = (part("gmf", self.factors, &[])?, part("mlp", 0, &self.layers)?);
            Ok(Parameters::joined(gmf, mlp, self.pretrain_share))
        };
        Ok(NeuralModel::new(training.fit("neumf", job, ctx, start)?))
    }

    fn training(&self) -> Training {
        Training {
            negatives: self.negatives,
            sampling: self.sampling,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            adam: self.adam,
            epochs: self.epochs,
            selection: self.selection,
            patience: self.patience,
        }
    }
}

/// Refuses sizes that make no perceptron.
fn check_layers(layers: &[usize]) -> Result<(), FitError> {
    let even = layers.first().is_some_and(|n| n.is_multiple_of(2));
    if layers.len() >= 2 && even && !layers.contains(&0) {
        return Ok(());
    }
    let got = format!("{layers:?}");
    Err(FitError::Parameter { name: "layers", got, expected: "at least two sizes above 0, the first even" })
}

fn check_share(share: f32) -> Result<(), FitError> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    let got = share.to_string();
    Err(FitError::Parameter { name: "pretrain_share", got, expected: "between 0 and 1" })
}

impl Victim for NeuMf {
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
