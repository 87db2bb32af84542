//! The loop that trains NeuMF and its parts.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Ctx, FitError, FitJob, HeldOut};
use shillproof_kernels::nn::Untouched;

use super::model::NeuralModel;
use super::network::Network;
use super::parameters::Parameters;
use super::samples::samples;
use super::selection::Contest;
use crate::input;

/// When negatives are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Once, before the first epoch.
    #[default]
    Fixed,
    /// Anew in every epoch.
    PerEpoch,
}

/// Which epoch is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EarlySelection {
    /// The best one on the validation part; the last one where there is none.
    #[default]
    Validation,
    /// The best one on the test part, which flatters the accuracy; the last one where there is none.
    Test,
    /// The last one.
    None,
}

impl EarlySelection {
    /// The part that is asked for.
    pub(crate) fn selects_on(self) -> HeldOut {
        if self == Self::Test { HeldOut::Test } else { HeldOut::Validation }
    }
}

/// What Adam does with embeddings that a batch does not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdamRows {
    /// They coast, as in `torch.optim.Adam`.
    #[default]
    Dense,
    /// They stay, as in `torch.optim.SparseAdam`.
    Lazy,
}

/// How a network is trained; the fields are those of the recipes.
pub(super) struct Training {
    pub(super) negatives: usize,
    pub(super) sampling: Sampling,
    pub(super) batch_size: usize,
    pub(super) learning_rate: f32,
    pub(super) weight_decay: f32,
    pub(super) adam: AdamRows,
    pub(super) epochs: usize,
    pub(super) selection: EarlySelection,
    pub(super) patience: usize,
}

/// Batches between two looks at whether somebody asked to stop.
const LOOK: usize = 1024;

impl Training {
    /// Refuses what is out of range.
    pub(super) fn check(&self) -> Result<(), FitError> {
        input::at_least_one("negatives", self.negatives)?;
        input::at_least_one("batch_size", self.batch_size)?;
        input::positive("learning_rate", self.learning_rate)?;
        input::not_negative("weight_decay", self.weight_decay)?;
        input::at_least_one("epochs", self.epochs)?;
        input::at_least_one("patience", self.patience)
    }

    /// What the recipe wants to select by.
    pub(super) fn selects_on(&self) -> HeldOut {
        self.selection.selects_on()
    }

    /// Trains from `start(users, items)`.
    pub(super) fn fit(
        &self,
        name: &str,
        job: &FitJob<'_>,
        ctx: &Ctx<'_>,
        start: impl FnOnce(usize, usize) -> Result<Parameters, FitError>,
    ) -> Result<Parameters, FitError> {
        ctx.check()?;
        self.check()?;
        let all = input::positives(job.train)?;
        let (weights, data) = input::weighted(job, &all)?;
        let held_out = job.valid.filter(|_| self.selection != EarlySelection::None);
        let contest = held_out
            .map(|held_out| Contest::new(job.train, held_out, ctx.seed.child("candidates")))
            .filter(|contest| !contest.is_empty());
        let untouched = if self.adam == AdamRows::Dense { Untouched::Coast } else { Untouched::Stay };
        let start = start(data.n_users(), data.n_items())?;
        let mut network = Network::new(&start, self.learning_rate, self.weight_decay, untouched);
        let draws = ctx.seed.child("negatives");
        let mut list = samples(&data, self.negatives, draws);
        let mut best: Option<(f64, usize, Parameters)> = None;
        for epoch in 1..=self.epochs {
            if self.sampling == Sampling::PerEpoch && epoch > 1 {
                list = samples(&data, self.negatives, draws.index(epoch as u64));
            }
            list.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
            let mut loss = 0.0;
            for (nth, batch) in list.chunks(self.batch_size).enumerate() {
                if nth % LOOK == 0 {
                    ctx.check()?;
                }
                loss += network.learn(batch, weights);
            }
            let now = network.parameters();
            if !(loss.is_finite() && now.is_finite()) {
                return Err(FitError::DivergedAt { epoch, learning_rate: self.learning_rate });
            }
            ctx.observer.progress(name, epoch as u64, self.epochs as u64);
            let Some(contest) = &contest else {
                best = Some((0.0, epoch, now));
                continue;
            };
            let model = NeuralModel::new(now);
            let reached = contest.hit_ratio(&model);
            if best.as_ref().is_none_or(|(highest, ..)| reached > *highest) {
                best = Some((reached, epoch, model.into_parameters()));
            } else if best.as_ref().is_some_and(|(_, at, _)| epoch - at >= self.patience) {
                break;
            }
        }
        let (.., parameters) = best.expect("invariant: there is at least one epoch");
        Ok(parameters)
    }
}
