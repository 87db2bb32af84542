//! Light graph convolution: matrix factorisation whose vectors have been averaged over the graph of users and items.

mod graph;
mod network;
#[cfg(test)]
mod tests;
mod triples;

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, HeldOut, Interactions, Recommender, Victim};
use shillproof_kernels::nn::Init;

use crate::epochs::{Course, Learner};
use crate::factors::FactorModel;
use crate::held_out::recall;
use crate::input;
use crate::neumf::{EarlySelection, Vectors};

pub use graph::Graph;
pub use network::{Network, Penalty, Rates};
pub use triples::{Triple, triples};

/// Light graph convolution (He et al., SIGIR 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LightGcn {
    /// Length of user and item vectors; at least 1.
    pub factors: usize,
    /// Steps along edges; at least 1.
    pub layers: usize,
    /// Step size of Adam; above 0.
    pub learning_rate: f32,
    /// Strength of the penalty; at least 0.
    pub regularization: f32,
    /// What is penalised.
    pub penalty: Penalty,
    /// Comparisons of a step; at least 1.
    pub batch_size: usize,
    /// Passes over the interactions; at least 1.
    pub epochs: usize,
    /// Which epoch is kept.
    pub selection: EarlySelection,
    /// Course without a better one after which training stops; at least 1.
    pub patience: usize,
}

impl Default for LightGcn {
    fn default() -> Self {
        Self {
            factors: 64,
            layers: 3,
            learning_rate: 1e-2,
            regularization: 1e-5,
            penalty: Penalty::Norm,
            batch_size: 2048,
            epochs: 100,
            selection: EarlySelection::Validation,
            patience: 10,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "lightgcn",
    summary: "matrix factorisation over the graph of users and items",
    doc: include_str!("../../../../docs/victims/lightgcn.md"),
    reference: "He, Deng, Wang, Li, Zhang and Wang, LightGCN: simplifying and powering graph convolution network for recommendation, SIGIR 2020",
};

impl LightGcn {
    /// Fits and keeps the type, so that the factors can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<FactorModel, FitError> {
        self.train(job, ctx, |course, learner, data| course.fit(learner, recall, job, data, ctx))
    }

    /// As [`LightGcn::fit_model`], but whatever `selection` says the epoch of highest `quality` is kept. It is called after each epoch.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_by(
        &self,
        job: &FitJob<'_>,
        quality: &dyn Fn(&FactorModel) -> f64,
        ctx: &Ctx<'_>,
    ) -> Result<FactorModel, FitError> {
        self.train(job, ctx, |course, learner, _| course.run(learner, Some(quality), ctx))
    }

    fn train(
        &self,
        job: &FitJob<'_>,
        ctx: &Ctx<'_>,
        run: impl FnOnce(&Course, &mut Training<'_>, &Interactions) -> Result<FactorModel, FitError>,
    ) -> Result<FactorModel, FitError> {
        ctx.check()?;
        self.check()?;
        let all = input::positives(job.train)?;
        let (weights, data) = input::weighted(job, &all)?;
        let draw = |rows, name| Init::XavierUniform.weights(rows, self.factors, ctx.seed.child(name));
        let start = Vectors { users: draw(data.n_users(), "users"), items: draw(data.n_items(), "items") };
        let network = Network::new(Graph::new(&data), start, self.layers, self.rates());
        let mut learner = Training { network, data: &data, weights, batch_size: self.batch_size };
        let course = Course {
            name: "lightgcn",
            epochs: self.epochs,
            selection: self.selection,
            evaluate_every: 1,
            patience: self.patience,
            learning_rate: self.learning_rate,
        };
        run(&course, &mut learner, &data)
    }

    fn check(&self) -> Result<(), FitError> {
        input::at_least_one("factors", self.factors)?;
        input::at_least_one("layers", self.layers)?;
        input::positive("learning_rate", self.learning_rate)?;
        input::not_negative("regularization", self.regularization)?;
        input::at_least_one("batch_size", self.batch_size)?;
        input::at_least_one("epochs", self.epochs)?;
        input::at_least_one("patience", self.patience)
    }

    fn rates(&self) -> Rates {
        Rates {
            learning_rate: self.learning_rate,
            regularization: self.regularization,
            penalty: self.penalty,
        }
    }
}

/// Course over the comparisons of a data set.
struct Training<'a> {
    network: Network,
    data: &'a Interactions,
    weights: Option<&'a [f32]>,
    batch_size: usize,
}

impl Learner for Training<'_> {
    type Model = FactorModel;

    fn epoch(&mut self, epoch: usize, ctx: &Ctx<'_>) -> Result<f64, FitError> {
        let mut list = triples(self.data, ctx.seed.child("negatives").index(epoch as u64));
        list.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
        let mut loss = 0.0;
        for batch in list.chunks(self.batch_size) {
            ctx.check()?;
            loss += self.network.learn(batch, self.weights);
        }
        Ok(loss)
    }

    fn is_finite(&self) -> bool {
        let start = self.network.start();
        start.users.is_finite() && start.items.is_finite()
    }

    fn model(&mut self) -> FactorModel {
        let ends = self.network.ends();
        FactorModel::ranking(ends.users.clone(), ends.items.clone())
    }
}

impl Victim for LightGcn {
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
