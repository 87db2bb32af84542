//! Matrix factorisation for ranking: learns that a user's items stand above the others.

mod negative;
mod schedule;
mod step;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Recommender, Victim};
use shillproof_kernels::{Csr, Matrix};

use crate::factors::FactorModel;
use crate::input;
use schedule::{Model, Schedule};
use step::Rates;

/// Standard deviation of the factors before the first step.
const INITIAL_DEVIATION: f32 = 0.1;

/// Bayesian personalised ranking by matrix factorisation (Rendle et al., UAI 2009).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bpr {
    /// Length of user and item vectors; at least 1.
    pub factors: usize,
    /// Length of a step; above 0.
    pub learning_rate: f32,
    /// Penalty on squared parameters, at every step that touches them; at least 0.
    pub regularization: f32,
    /// Passes: one draw an interaction and epoch on average; at least 1.
    pub epochs: usize,
    /// Whether each item has a bias of its own.
    pub item_bias: bool,
}

impl Default for Bpr {
    fn default() -> Self {
        Self { factors: 64, learning_rate: 0.02, regularization: 0.02, epochs: 100, item_bias: true }
    }
}

pub(crate) const CARD: Card = Card {
    name: "bpr",
    summary: "matrix factorisation that ranks a user's items above the others",
    doc: include_str!("../../../../docs/victims/bpr.md"),
    reference: "Rendle, Freudenthaler, Gantner and Schmidt-Thieme, BPR: Bayesian personalized ranking from implicit feedback, UAI 2009",
};

impl Bpr {
    /// Fits and keeps the type, so that the factors can be read; an item's bias is its last one, against a constant 1 of every user.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<FactorModel, FitError> {
        ctx.check()?;
        input::at_least_one("factors", self.factors)?;
        input::positive("learning_rate", self.learning_rate)?;
        input::not_negative("regularization", self.regularization)?;
        input::at_least_one("epochs", self.epochs)?;
        let weights = input::user_weight(job)?;
        let mut data = input::positives(job.train)?;
        if let Some(w) = weights.filter(|w| w.contains(&0.0)) {
            data = Cow::Owned(data.filter(|user, _, _| w[user.index()] > 0.0));
        }
        let rates = Rates {
            learning_rate: self.learning_rate,
            regularization: self.regularization,
            item_bias: self.item_bias,
        };
        let start = |rows, name| Matrix::normal(rows, self.factors, INITIAL_DEVIATION, ctx.seed.child(name));
        let mut model = Model::new(&start(data.n_users(), "users"), &start(data.n_items(), "items"));
        let mut schedule = Schedule::new(&Csr::of(&data));
        for epoch in 0..self.epochs {
            let seed = ctx.seed.child("epochs").index(epoch as u64);
            schedule.epoch(&mut model, weights, rates, &ctx.at(seed))?;
            if !model.is_finite() {
                return Err(FitError::Diverged { iteration: epoch + 1 });
            }
            ctx.observer.progress("bpr", epoch as u64 + 1, self.epochs as u64);
        }
        let (users, items) = model.into_factors(self.factors, self.item_bias);
        Ok(FactorModel::ranking(users, items))
    }
}

impl Victim for Bpr {
    fn feedback(&self) -> Feedback {
        Feedback::Implicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        Ok(Box::new(self.fit_model(job, ctx)?))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, Seed, Triples, UserId};

    /// User 0 has everything, user 1 the first item, user 2 nothing.
    fn data() -> Interactions {
        let cells = Triples { users: vec![0, 0, 0, 1], items: vec![0, 1, 2, 0], ratings: None, times: None };
        Interactions::from_triples(3, 3, cells, None).unwrap()
    }

    fn fit(recipe: &Bpr) -> Result<Box<dyn Recommender>, FitError> {
        recipe.fit(&FitJob::new(&data()), &Ctx::new(Seed::new(1)))
    }

    #[test]
    fn a_user_who_has_everything_is_passed_over() {
        let model = fit(&Bpr { epochs: 500, ..Bpr::default() }).unwrap();
        let mut scores = [0.0; 3];
        model.scorer().unwrap().score(UserId(1), None, &mut scores);
        assert!(scores[0] > scores[1] + 1.0 && scores[0] > scores[2] + 1.0, "{scores:?}");
        // Alone, such a user gives nothing to draw: the model stays at its start.
        let alone = data().filter(|user, _, _| user == UserId(0));
        let start = |epochs| {
            let recipe = Bpr { epochs, ..Bpr::default() };
            let model = recipe.fit(&FitJob::new(&alone), &Ctx::new(Seed::new(1))).unwrap();
            let mut scores = [0.0; 3];
            model.scorer().unwrap().score(UserId(0), None, &mut scores);
            scores
        };
        assert_eq!(start(1), start(50));
    }

    #[test]
    fn divergence_is_an_error() {
        let wild = Bpr { learning_rate: 1e30, regularization: 1.0, ..Bpr::default() };
        assert!(matches!(fit(&wild), Err(FitError::Diverged { iteration: 1..=3 })));
    }
}
