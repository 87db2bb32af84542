//! Training by epochs: which one is kept, when to stop, and what divergence is.

use shillproof_core::{Ctx, FitError, FitJob, Interactions, Scorer, Ties};

use crate::held_out::Quality;
use crate::input;
use crate::neumf::EarlySelection;

/// Length of the lists that select the epoch.
const K: usize = 10;

/// What a model reaches on a held-out part.
type Reached<'a, M> = &'a dyn Fn(&M) -> f64;

/// A network that is trained epoch by epoch.
pub(crate) trait Learner {
    /// What it has learned, ready to recommend.
    type Model;

    /// One pass over the data; the sum of the losses of its batches. Course count from 1.
    fn epoch(&mut self, epoch: usize, ctx: &Ctx<'_>) -> Result<f64, FitError>;

    /// Whether every parameter is a finite number.
    fn is_finite(&self) -> bool;

    /// What has been learned so far.
    fn model(&mut self) -> Self::Model;
}

/// How long to train; the fields are those of the recipes.
#[derive(Clone, Copy)]
pub(crate) struct Course {
    /// Of the victim, for progress.
    pub(crate) name: &'static str,
    pub(crate) epochs: usize,
    pub(crate) selection: EarlySelection,
    /// Course from one look at the validation part to the next.
    pub(crate) evaluate_every: usize,
    /// Looks without a better model after which training stops.
    pub(crate) patience: usize,
    /// For the message of divergence.
    pub(crate) learning_rate: f32,
}

impl Course {
    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), FitError> {
        input::positive("learning_rate", self.learning_rate)?;
        input::at_least_one("epochs", self.epochs)?;
        input::at_least_one("evaluate_every", self.evaluate_every)?;
        input::at_least_one("patience", self.patience)
    }

    /// Trains. The model whose lists of 10 are best on the held-out part of the job is kept, the last one where there is no such part or the
    /// recipe does not select.
    ///
    /// # Errors
    /// If training diverges, or somebody asked to stop.
    pub(crate) fn fit<L: Learner<Model: Scorer>>(
        &self,
        learner: &mut L,
        quality: Quality,
        job: &FitJob<'_>,
        train: &Interactions,
        ctx: &Ctx<'_>,
    ) -> Result<L::Model, FitError> {
        let held_out = job.valid.filter(|v| self.selection != EarlySelection::None && !v.is_empty());
        let ties = Ties::hashed(ctx.seed.child("ties"));
        let reached =
            held_out.map(|held_out| move |model: &L::Model| quality(model, train, held_out, K, ties));
        self.run(learner, reached.as_ref().map(|reached| reached as Reached<'_, L::Model>), ctx)
    }

    /// Trains. With a `quality`, the model of highest quality is kept, otherwise the last one.
    pub(crate) fn run<L: Learner>(
        &self,
        learner: &mut L,
        quality: Option<Reached<'_, L::Model>>,
        ctx: &Ctx<'_>,
    ) -> Result<L::Model, FitError> {
        let mut best: Option<(f64, L::Model)> = None;
        let mut since_best = 0;
        for epoch in 1..=self.epochs {
            let loss = learner.epoch(epoch, ctx)?;
            if !(loss.is_finite() && learner.is_finite()) {
                return Err(FitError::DivergedAt { epoch, learning_rate: self.learning_rate });
            }
            ctx.observer.progress(self.name, epoch as u64, self.epochs as u64);
            let Some(quality) = quality else { continue };
            if epoch % self.evaluate_every != 0 && epoch != self.epochs {
                continue;
            }
            let model = learner.model();
            let reached = quality(&model);
            if best.as_ref().is_none_or(|(highest, _)| reached > *highest) {
                best = Some((reached, model));
                since_best = 0;
            } else {
                since_best += 1;
                if since_best >= self.patience {
                    break;
                }
            }
        }
        Ok(best.map_or_else(|| learner.model(), |(_, model)| model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Seed;

    /// A learner whose model is the number of the epoch.
    struct Count(usize);

    impl Learner for Count {
        type Model = usize;

        fn epoch(&mut self, epoch: usize, _: &Ctx<'_>) -> Result<f64, FitError> {
            self.0 = epoch;
            Ok(if epoch == 90 { f64::NAN } else { 0.0 })
        }

        fn is_finite(&self) -> bool {
            self.0 != 80
        }

        fn model(&mut self) -> usize {
            self.0
        }
    }

    fn run(
        epochs: usize,
        every: usize,
        quality: Option<Reached<'_, usize>>,
    ) -> Result<(usize, usize), FitError> {
        let mut learner = Count(0);
        let plan = Course {
            name: "count",
            epochs,
            selection: EarlySelection::Validation,
            evaluate_every: every,
            patience: 3,
            learning_rate: 0.5,
        };
        plan.run(&mut learner, quality, &Ctx::new(Seed::new(1))).map(|model| (model, learner.0))
    }

    #[test]
    fn the_best_is_kept_and_patience_counts_looks() {
        let peak = |at: &usize| -(*at as f64 - 10.0).abs();
        assert_eq!(run(50, 1, Some(&peak)).unwrap(), (10, 13));
        assert_eq!(run(50, 4, Some(&peak)).unwrap(), (8, 20), "12 is as good and comes later");
        assert_eq!(run(9, 4, Some(&peak)).unwrap(), (9, 9), "the last epoch is looked at too");
        assert_eq!(run(50, 1, None).unwrap(), (50, 50));
    }

    #[test]
    fn divergence_names_epoch_and_rate() {
        for (epochs, at) in [(85, 80), (95, 80)] {
            let result = run(epochs, 1, None);
            assert!(matches!(result, Err(FitError::DivergedAt { epoch, learning_rate: 0.5 }) if epoch == at));
        }
    }
}
