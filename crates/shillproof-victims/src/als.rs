//! Explicit matrix factorisation by alternating least squares.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Interactions, Recommender, Victim};
use shillproof_kernels::{Csr, Inner, Matrix, RowSystems, squared_error};

use crate::factors::{FactorModel, check_finite};
use crate::input;

/// What is subtracted from every rating before fitting and added to every prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// Nothing.
    #[default]
    None,
    /// The mean of all training ratings.
    Global,
}

/// Minimises `Σ (r_ui − x_uᵀy_i)² + λ_U‖X‖² + λ_V‖Y‖²` over the rated cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Als {
    /// Length of a vector.
    pub factors: usize,
    /// λ_U and λ_V, not multiplied by the number of ratings.
    pub regularization: f32,
    /// λ_U where it differs.
    pub user_regularization: Option<f32>,
    /// λ_V where it differs.
    pub item_regularization: Option<f32>,
    /// Most sweeps; a sweep is a user step and an item step.
    pub iterations: usize,
    /// Stops when a sweep lowers the objective by less than this share of it; 0 runs all sweeps.
    pub tolerance: f64,
    /// What is subtracted from ratings.
    pub center: Center,
}

impl Default for Als {
    fn default() -> Self {
        Self {
            factors: 16,
            regularization: 10.0,
            user_regularization: None,
            item_regularization: None,
            iterations: 50,
            tolerance: 1e-5,
            center: Center::None,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "als",
    summary: "explicit matrix factorisation by alternating least squares",
    doc: include_str!("../../../docs/victims/als.md"),
    reference: "Koren, Bell and Volinsky, Matrix factorization techniques for recommender systems, IEEE Computer 42(8), 2009",
};

/// Deviation of the random start.
const START: f32 = 0.1;

impl Als {
    /// Fits from random item factors.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<FactorModel, FitError> {
        input::at_least_one("factors", self.factors)?;
        let seed = ctx.seed.child("items");
        self.fit_from(Matrix::normal(job.train.n_items(), self.factors, START, seed), job, ctx)
    }

    /// Fits from given item factors (a warm start). The user factors of a start would be overwritten
    /// unread: every sweep begins with the user step.
    ///
    /// # Shapes
    /// `items`: one row an item, [`Als::factors`] wide.
    ///
    /// # Errors
    /// As [`Victim::fit`], and if `items` has another shape.
    pub fn fit_from(
        &self,
        mut items: Matrix,
        job: &FitJob<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FactorModel, FitError> {
        self.check(&items, job.train)?;
        // Weights of one are no weights, to the last bit.
        let weights = input::user_weight(job)?.filter(|w| w.iter().any(|&w| w != 1.0));
        let offset = match self.center {
            Center::None => 0.0,
            Center::Global => mean_rating(job.train, weights),
        };
        let by_user = Csr::of(job.train).shifted(-offset);
        let by_item = by_user.transpose();
        let mut users = Matrix::zeros(by_user.n_rows(), self.factors);
        let mut last = f64::INFINITY;
        for iteration in 0..self.iterations {
            ctx.check()?;
            let step = self.systems(&by_user, &items, self.user_regularization);
            RowSystems { row_weight: weights, ..step }.solve(&mut users);
            let step = self.systems(&by_item, &users, self.item_regularization);
            RowSystems { column_weight: weights, ..step }.solve(&mut items);
            check_finite(&[&users, &items], iteration)?;
            ctx.observer.progress("als", iteration as u64 + 1, self.iterations as u64);
            let objective = self.objective(&by_user, &users, &items, weights);
            if last - objective < self.tolerance * last {
                break;
            }
            last = objective;
        }
        Ok(FactorModel::rating(users, items, offset))
    }

    fn check(&self, items: &Matrix, train: &Interactions) -> Result<(), FitError> {
        input::at_least_one("factors", self.factors)?;
        input::at_least_one("iterations", self.iterations)?;
        input::positive("regularization", self.regularization)?;
        if let Some(value) = self.user_regularization {
            input::positive("user_regularization", value)?;
        }
        if let Some(value) = self.item_regularization {
            input::positive("item_regularization", value)?;
        }
        input::tolerance(self.tolerance)?;
        if !train.is_explicit() {
            return Err(FitError::NeedsRatings);
        }
        if train.is_empty() {
            return Err(FitError::Empty);
        }
        if (items.rows(), items.columns()) != (train.n_items(), self.factors) {
            return Err(FitError::Parameter {
                name: "items",
                got: format!("{} x {}", items.rows(), items.columns()),
                expected: "one row an item, `factors` wide",
            });
        }
        Ok(())
    }

    /// One half of a sweep, without user weights.
    fn systems<'a>(&self, entries: &'a Csr, other: &'a Matrix, ridge: Option<f32>) -> RowSystems<'a> {
        RowSystems {
            entries,
            other,
            base: None,
            observed: 1.0,
            target: 1.0,
            ridge: ridge.unwrap_or(self.regularization),
            row_weight: None,
            column_weight: None,
            inner: Inner::Cholesky,
        }
    }

    fn objective(&self, by_user: &Csr, users: &Matrix, items: &Matrix, weights: Option<&[f32]>) -> f64 {
        let error = squared_error(by_user, users, items, weights);
        let ridge = |own: Option<f32>| f64::from(own.unwrap_or(self.regularization));
        error
            + ridge(self.user_regularization) * users.squared_norm()
            + ridge(self.item_regularization) * items.squared_norm()
    }
}

impl Victim for Als {
    fn feedback(&self) -> Feedback {
        Feedback::Explicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        Ok(Box::new(self.fit_model(job, ctx)?))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

/// Weighted mean over all ratings; 0 if no user has weight.
pub(crate) fn mean_rating(train: &Interactions, weights: Option<&[f32]>) -> f32 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (u, row) in train.rows().enumerate() {
        let weight = f64::from(weights.map_or(1.0, |w| w[u]));
        sum += weight * row.iter().map(|(_, r)| f64::from(r)).sum::<f64>();
        total += weight * row.len() as f64;
    }
    if total > 0.0 { (sum / total) as f32 } else { 0.0 }
}
