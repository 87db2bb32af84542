//! Matrix completion by the nuclear norm.

mod completion;
mod observed;
mod solve;
mod subspace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Recommender, Victim};

use crate::als::{Center, mean_rating};
use crate::factors::FactorModel;
use crate::input;
pub use completion::Completion;
pub use observed::Observed;
use solve::{Problem, Stop};
use subspace::Search;

/// Minimises `‖R_Ω(M − X)‖_F² + 2λ‖X‖_*` over all matrices X.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NuclearNorm {
    /// λ: singular values of the filled-in matrix up to this are cut to zero.
    pub regularization: f32,
    /// Most iterations.
    pub iterations: usize,
    /// Stops when ‖X⁺ − X‖_F is below this share of ‖X⁺‖_F; 0 runs all iterations.
    pub tolerance: f64,
    /// Singular vectors searched beyond those above λ.
    pub oversampling: usize,
    /// Extra passes of the subspace iteration where it has no warm start.
    pub power_iterations: usize,
    /// What is subtracted from ratings.
    pub center: Center,
}

impl Default for NuclearNorm {
    fn default() -> Self {
        Self {
            regularization: 10.0,
            iterations: 500,
            tolerance: 1e-5,
            oversampling: 10,
            power_iterations: 2,
            center: Center::Global,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "nuclear-norm",
    summary: "explicit matrix completion by the nuclear norm (soft-impute)",
    doc: include_str!("../../../../docs/victims/nuclear-norm.md"),
    reference: "Mazumder, Hastie and Tibshirani, Spectral regularization algorithms for learning large incomplete matrices, \
                JMLR 11, 2010",
};

impl NuclearNorm {
    /// Completes from zero.
    ///
    /// # Errors
    /// If a parameter is out of range, or somebody asked to stop.
    pub fn complete(&self, cells: &Observed, ctx: &Ctx<'_>) -> Result<Completion, FitError> {
        self.complete_weighted(cells, None, None, ctx)
    }

    /// Completes from an earlier solution (a warm start), of the same matrix under another λ, or of its first rows.
    ///
    /// ```
    /// use shillproof_core::{Ctx, Seed};
    /// use shillproof_victims::{NuclearNorm, Observed};
    /// // One rating of 3: the best X is that rating less λ.
    /// let cells = Observed::new(1, [vec![(0, 3.0)]].into_iter());
    /// let ctx = Ctx::new(Seed::new(1));
    /// let strong = NuclearNorm { regularization: 2.0, ..NuclearNorm::default() }.complete(&cells, &ctx)?;
    /// let weak = NuclearNorm { regularization: 0.5, ..NuclearNorm::default() }.fit_from(strong, &cells, &ctx)?;
    /// assert!((weak.at(&cells)[0] - 2.5).abs() < 1e-9);
    /// # Ok::<(), shillproof_core::FitError>(())
    /// ```
    ///
    /// # Errors
    /// As [`NuclearNorm::complete`], and if `start` is of a larger or narrower matrix.
    pub fn fit_from(
        &self,
        start: Completion,
        cells: &Observed,
        ctx: &Ctx<'_>,
    ) -> Result<Completion, FitError> {
        self.complete_weighted(cells, None, Some(start), ctx)
    }

    fn complete_weighted(
        &self,
        cells: &Observed,
        row_weight: Option<&[f32]>,
        start: Option<Completion>,
        ctx: &Ctx<'_>,
    ) -> Result<Completion, FitError> {
        self.check()?;
        let (rows, columns) = (cells.n_rows(), cells.n_columns());
        let start = match start {
            None => Completion::zero(rows, columns),
            Some(start) if start.left.ncols() <= rows && start.right.ncols() == columns => start.padded(rows),
            Some(start) => {
                return Err(FitError::Parameter {
                    name: "start",
                    got: format!("{} x {}", start.left.ncols(), start.right.ncols()),
                    expected: "no more rows than the data has users, and one column an item",
                });
            }
        };
        let search = Search {
            oversampling: self.oversampling,
            power_iterations: self.power_iterations,
            seed: ctx.seed.child("subspace"),
            drawn: 0,
        };
        let problem = Problem { cells, regularization: f64::from(self.regularization), row_weight };
        problem.solve(start, &Stop { iterations: self.iterations, tolerance: self.tolerance }, search, ctx)
    }

    fn check(&self) -> Result<(), FitError> {
        input::positive("regularization", self.regularization)?;
        input::at_least_one("iterations", self.iterations)?;
        input::tolerance(self.tolerance)?;
        input::at_least_one("oversampling", self.oversampling)
    }
}

impl Victim for NuclearNorm {
    fn feedback(&self) -> Feedback {
        Feedback::Explicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        self.check()?;
        if !job.train.is_explicit() {
            return Err(FitError::NeedsRatings);
        }
        if job.train.is_empty() {
            return Err(FitError::Empty);
        }
        // Weights of one are no weights, to the last bit.
        let weights = input::user_weight(job)?.filter(|w| w.iter().any(|&w| w != 1.0));
        let offset = match self.center {
            Center::None => 0.0,
            Center::Global => mean_rating(job.train, weights),
        };
        let cells = Observed::of(job.train, f64::from(offset));
        let completion = self.complete_weighted(&cells, weights, None, ctx)?;
        Ok(Box::new(FactorModel::of(&completion, offset)))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl FactorModel {
    /// A completion as a model that predicts ratings: users' factors √s_k u_k, items' √s_k v_k.
    fn of(completion: &Completion, offset: f32) -> Self {
        let (users, items) = completion.balanced();
        Self::rating(completion::factors(&users), completion::factors(&items), offset)
    }
}
