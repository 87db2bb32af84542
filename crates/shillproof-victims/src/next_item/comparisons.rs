//! Training by comparisons: what came next should stand above what did not (S-BPR of Rendle, Freudenthaler and Schmidt-Thieme, WWW 2010).

use rand::seq::SliceRandom;
use shillproof_core::{Ctx, FitError, Interactions, Scorer};

use super::{Negatives, Step, steps};
use crate::epochs::Learner;

/// A model that compares two items after a third.
pub(crate) trait Pairwise {
    /// What it has learned, ready to recommend.
    type Model: Scorer;

    /// One step of Adam on the mean over the batch of w_u (−ln σ(s_i − s_j) + λ/2 ‖what it used‖²); the loss before it, without the penalty.
    ///
    /// # Shapes
    /// `weights`: one a user; 1 if none.
    fn learn(&mut self, batch: &[Step], weights: Option<&[f32]>) -> f64;

    /// Whether every parameter is a finite number.
    fn is_finite(&self) -> bool;

    /// What has been learned so far, with the users' histories.
    fn model(&mut self, histories: &Interactions) -> Self::Model;
}

/// Epochs over the comparisons of a data set, in random order, each with a negative of its own.
pub(crate) struct Comparisons<'a, P> {
    pub(crate) network: P,
    pub(crate) histories: &'a Interactions,
    /// What trains.
    pub(crate) data: &'a Interactions,
    pub(crate) weights: Option<&'a [f32]>,
    pub(crate) negatives: Negatives,
    pub(crate) batch_size: usize,
}

impl<P: Pairwise> Learner for Comparisons<'_, P> {
    type Model = P::Model;

    fn epoch(&mut self, epoch: usize, ctx: &Ctx<'_>) -> Result<f64, FitError> {
        let mut list = steps(self.data, self.negatives, ctx.seed.child("negatives").index(epoch as u64));
        list.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
        let mut loss = 0.0;
        for batch in list.chunks(self.batch_size) {
            ctx.check()?;
            loss += self.network.learn(batch, self.weights);
        }
        Ok(loss)
    }

    fn is_finite(&self) -> bool {
        self.network.is_finite()
    }

    fn model(&mut self) -> P::Model {
        self.network.model(self.histories)
    }
}
