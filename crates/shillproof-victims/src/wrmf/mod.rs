//! Weighted matrix factorisation for implicit feedback (WRMF), by least squares or by Adam.

mod adam;
mod als;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Interactions, Recommender, Victim};
use shillproof_kernels::Matrix;

use crate::factors::FactorModel;
use crate::input;

/// What minimises the objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WrmfSolver {
    /// Alternating least squares.
    #[default]
    Als,
    /// Gradient descent with Adam, on minibatches of whole users.
    Adam,
}

/// How least squares solves the system of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InnerSolver {
    /// Three steps of conjugate gradients from the last value; exactly where a row is too long to stay in the cache.
    #[default]
    Cg,
    /// Exactly.
    Cholesky,
}

/// Minimises `Σ w_ui (r_ui − p_uᵀq_i)² + λ(‖P‖² + ‖Q‖²)` over *all* cells: r = 1 and w = `weight` where
/// the user has the item, r = 0 and w = 1 elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Wrmf {
    /// Length of a vector.
    pub factors: usize,
    /// Weight of a cell that the user has; cells without interaction weigh 1.
    pub weight: f32,
    /// What minimises the objective.
    pub solver: WrmfSolver,
    /// λ of `als`.
    pub regularization: f32,
    /// Sweeps of `als`.
    pub iterations: usize,
    /// Inner solver of `als`.
    pub inner: InnerSolver,
    /// Last epoch of `adam`; counted from 0, so there is one more pass than this.
    pub epochs: usize,
    /// Step size of `adam`.
    pub learning_rate: f32,
    /// Users in a minibatch of `adam`.
    pub batch_size: usize,
    /// Weight decay of `adam`: added to every gradient as `weight_decay · θ`.
    pub weight_decay: f32,
}

impl Default for Wrmf {
    fn default() -> Self {
        Self {
            factors: 32,
            weight: 5.0,
            solver: WrmfSolver::Als,
            regularization: 20.0,
            iterations: 15,
            inner: InnerSolver::Cg,
            epochs: 100,
            learning_rate: 0.01,
            batch_size: 2048,
            weight_decay: 1e-5,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "wrmf",
    summary: "weighted matrix factorisation of implicit feedback",
    doc: include_str!("../../../../docs/victims/wrmf.md"),
    reference: "Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008",
};

/// Deviation of the random start.
const START: f32 = 0.1;

impl Wrmf {
    /// Fits and keeps the type, so that the factors can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<FactorModel, FitError> {
        self.check()?;
        // Also those of the other solver: a slip there is a slip.
        input::positive("regularization", self.regularization)?;
        input::at_least_one("iterations", self.iterations)?;
        input::at_least_one("epochs", self.epochs)?;
        input::at_least_one("batch_size", self.batch_size)?;
        input::positive("learning_rate", self.learning_rate)?;
        input::not_negative("weight_decay", self.weight_decay)?;
        // Weights of one are no weights, to the last bit.
        let weights = input::user_weight(job)?.filter(|w| w.iter().any(|&w| w != 1.0));
        let data = input::positives(job.train)?;
        match self.solver {
            WrmfSolver::Als => self.fit_als(&data, weights, ctx),
            WrmfSolver::Adam => self.fit_adam(&data, job.valid, weights, ctx),
        }
    }

    /// Refuses parameters out of range, those of the other solver too.
    fn check(&self) -> Result<(), FitError> {
        input::at_least_one("factors", self.factors)?;
        input::positive("weight", self.weight)?;
        input::positive("regularization", self.regularization)?;
        input::at_least_one("iterations", self.iterations)?;
        input::at_least_one("epochs", self.epochs)?;
        input::positive("learning_rate", self.learning_rate)?;
        input::at_least_one("batch_size", self.batch_size)?;
        input::not_negative("weight_decay", self.weight_decay)
    }

    /// The random start: a user's vector does not depend on how many users follow.
    fn start(&self, data: &Interactions, ctx: &Ctx<'_>) -> (Matrix, Matrix) {
        (
            Matrix::normal(data.n_users(), self.factors, START, ctx.seed.child("users")),
            Matrix::normal(data.n_items(), self.factors, START, ctx.seed.child("items")),
        )
    }
}

impl Victim for Wrmf {
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
