//! The attacker's own models: trained on what is known, weighed by how much they resemble the black box, and asked what a fake history would do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{
    AttackError, Audience, Ctx, Goal, Interactions, ItemId, Query, QueryOracle, Recommender, Rng, Ties,
    UserId,
};

use super::LokiAttack;
use super::estimator::{Aim, Estimator};
use super::kendall::distance;
use super::progress::Progress;

/// Weights of models by their distances from the black box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weighing {
    /// −ln of a model's share of all distances: what minimises Σ w d where Σ e^(−w) = 1.
    #[default]
    TruthDiscovery,
    /// Softmax of the distances, turned about.
    Softmax,
    /// The nearest alone.
    Nearest,
    /// All alike.
    Uniform,
}

/// No distance is nearer.
const NEAREST: f64 = 1e-6;
/// Temperature of the softmax.
const TEMPERATURE: f64 = 0.1;
/// Histories by which effects are put to scale, times items each: about 1,000 samples.
const SCALING_SAMPLES: usize = 1000;

impl Weighing {
    /// One weight a model; they sum to the number of models.
    pub(super) fn weights(self, distances: &[f64]) -> Vec<f64> {
        let n = distances.len();
        let near: Vec<f64> = distances.iter().map(|d| d.max(NEAREST)).collect();
        let total: f64 = near.iter().sum();
        let mut weights: Vec<f64> = match self {
            Self::TruthDiscovery if n > 1 => near.iter().map(|d| -(d / total).ln()).collect(),
            Self::Softmax => {
                let least = near.iter().copied().fold(f64::INFINITY, f64::min);
                near.iter().map(|d| ((least - d) / TEMPERATURE).exp()).collect()
            }
            Self::Nearest => {
                let least = near.iter().copied().fold(f64::INFINITY, f64::min);
                near.iter().map(|&d| f64::from(u8::from(d == least))).collect()
            }
            Self::TruthDiscovery | Self::Uniform => vec![1.0; n],
        };
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight *= n as f64 / sum;
        }
        weights
    }
}

struct Local<'a> {
    recommender: Box<dyn Recommender>,
    estimator: Estimator<'a>,
    /// H⁻¹∇f.
    direction: Vec<f64>,
    /// What effects are divided by, so that models count alike.
    deviation: f64,
    weight: f64,
}

/// All models together.
pub(super) struct Simulator<'a> {
    models: Vec<Local<'a>>,
    ties: Ties,
}

impl<'a> Simulator<'a> {
    /// Trains the attack's models and finds where their parameters would have to go for the targets to rise.
    pub(super) fn train(
        attack: &LokiAttack,
        data: &'a Interactions,
        goal: &Goal,
        progress: &mut Progress,
        ctx: &Ctx<'_>,
    ) -> Result<Self, AttackError> {
        let audience: Vec<UserId> = match &goal.audience {
            Audience::All => data.users().collect(),
            Audience::Users(users) => users.clone(),
        };
        let aim = Aim { data, audience: &audience, targets: &goal.targets };
        let lissa = attack.lissa();
        let mut models = Vec::new();
        for (at, recipe) in attack.models().iter().enumerate() {
            let ctx = ctx.at(ctx.seed.child("model").index(at as u64));
            let (recommender, estimator) = Estimator::fit(recipe, data, &ctx)?;
            let direction = progress
                .direction(at, estimator.parameters(), &ctx, || estimator.direction(&lissa, &aim, &ctx))?;
            models.push(Local { recommender, estimator, direction, deviation: 1.0, weight: 1.0 });
        }
        Ok(Self { models, ties: Ties::hashed(ctx.seed.child("ties")) })
    }

    /// Puts effects to scale by those of the items of random histories.
    pub(super) fn scale(&mut self, mut draw: impl FnMut(&mut Rng) -> Vec<ItemId>, rng: &mut Rng) {
        let mut seen = vec![Vec::new(); self.models.len()];
        while seen.first().is_some_and(|s: &Vec<f64>| s.len() < SCALING_SAMPLES) {
            let history = draw(rng);
            if history.is_empty() {
                break;
            }
            for (model, seen) in self.models.iter().zip(&mut seen) {
                seen.extend(model.effects(&[&history], rng).concat());
            }
        }
        for (model, seen) in self.models.iter_mut().zip(seen) {
            let n = seen.len().max(1) as f64;
            let mean = seen.iter().sum::<f64>() / n;
            let deviation = (seen.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            model.deviation = if deviation > 0.0 { deviation } else { 1.0 };
        }
    }

    /// Weighs models by lists of the black box and their own: `queries` of them, each for a user and, if one is drawn, a history in the place of the own.
    pub(super) fn weigh(
        &mut self,
        rule: Weighing,
        oracle: &QueryOracle<'_>,
        queries: u64,
        k: usize,
        mut draw: impl FnMut() -> (UserId, Option<Vec<ItemId>>),
    ) -> Result<(), AttackError> {
        let mut sums = vec![0.0; self.models.len()];
        for _ in 0..queries {
            let (user, history) = draw();
            let history = history.as_deref();
            let seen = oracle.top_k(user, history, &[], k)?;
            for (model, sum) in self.models.iter().zip(&mut sums) {
                let mut list = Vec::new();
                let query = Query { user, history, skip: &[], k, ties: self.ties };
                model.recommender.top_k(&query, &mut list);
                let list: Vec<ItemId> = list.into_iter().map(|entry| entry.0).collect();
                *sum += distance(&seen, &list) / queries as f64;
            }
        }
        if queries > 0 {
            for (model, weight) in self.models.iter_mut().zip(rule.weights(&sums)) {
                model.weight = weight;
            }
        }
        Ok(())
    }

    /// What each item of fake histories is worth: `1/M Σ_m w_m Δf_m`, effects put to scale.
    pub(super) fn rewards(&self, histories: &[&[ItemId]], rng: &mut Rng) -> Vec<Vec<f32>> {
        let mut out: Vec<Vec<f32>> = histories.iter().map(|history| vec![0.0; history.len()]).collect();
        let share = 1.0 / self.models.len() as f64;
        for model in &self.models {
            let factor = share * model.weight / model.deviation;
            for (out, effects) in out.iter_mut().zip(model.effects(histories, rng)) {
                for (out, effect) in out.iter_mut().zip(effects) {
                    *out += (factor * effect) as f32;
                }
            }
        }
        out
    }
}

impl Local<'_> {
    /// What each item of fake histories does to the mean score of a target.
    fn effects(&self, histories: &[&[ItemId]], rng: &mut Rng) -> Vec<Vec<f64>> {
        self.estimator.effects(histories, &self.direction, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_models_weigh_more() {
        let distances = [0.2, 0.5, 0.3];
        let sum = |w: &[f64]| w.iter().sum::<f64>();
        for rule in [Weighing::TruthDiscovery, Weighing::Softmax, Weighing::Nearest, Weighing::Uniform] {
            let weights = rule.weights(&distances);
            assert!((sum(&weights) - 3.0).abs() < 1e-12, "{rule:?}");
            assert!(weights[0] >= weights[2] && weights[2] >= weights[1], "{rule:?}: {weights:?}");
            assert_eq!(rule.weights(&[0.4]), [1.0], "{rule:?}");
        }
        // To a sum of 3.
        let logs = distances.map(|d: f64| -d.ln());
        let want = logs.map(|x: f64| 3.0 * x / logs.iter().sum::<f64>());
        for (got, want) in Weighing::TruthDiscovery.weights(&distances).iter().zip(want) {
            assert!((got - want).abs() < 1e-6);
        }
        assert_eq!(Weighing::Nearest.weights(&distances), [3.0, 0.0, 0.0]);
    }
}
