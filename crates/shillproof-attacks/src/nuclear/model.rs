//! Nuclear-norm completion for PGA and SGLD.

use nalgebra::DMatrix;
use shillproof_core::{AttackError, Ctx, FitError, Interactions, ItemStats};
use shillproof_victims::{Center, NuclearNorm};

use super::{Gradient, Nuclear, factors};
use crate::mf::{Factors, FakeRow, Rows, Theta};
use crate::pga::{Evaluation, RelaxedModel, Solve, Utility};

/// Most iterations of a refit from the last solution.
const WARM_ITERATIONS: usize = 10;

/// The attacker's copy of the victim. Ratings stay centred at the mean of the genuine ones.
pub(crate) struct NuclearModel {
    nuclear: Nuclear,
    how: Gradient,
    clean: Theta,
    offset: f64,
    range: (f64, f64),
    /// The last solution of the system behind the derivative, with the right singular vectors it was found in.
    adjoint: Option<(Theta, DMatrix<f64>)>,
}

impl NuclearModel {
    /// Completes the genuine ratings alone.
    pub(crate) fn new(
        recipe: NuclearNorm,
        sample: &Interactions,
        how: Gradient,
        ctx: &Ctx<'_>,
    ) -> Result<Self, AttackError> {
        let scale = sample.scale().ok_or(FitError::NeedsRatings)?;
        let offset = match recipe.center {
            Center::None => 0.0,
            Center::Global => ItemStats::of(sample).global_mean,
        };
        let warm = recipe.iterations.min(WARM_ITERATIONS);
        let mut nuclear = Nuclear::new(recipe, Rows::of(sample, offset, 1.0), sample.n_items());
        nuclear.fit(&[], ctx)?;
        nuclear.recipe.iterations = warm;
        let clean = nuclear.theta().clone();
        let range = (f64::from(scale.min) - offset, f64::from(scale.max) - offset);
        Ok(Self { nuclear, how, clean, offset, range, adjoint: None })
    }

    /// The last solution in the present singular vectors.
    fn start(&self) -> Option<Theta> {
        let (last, right) = self.adjoint.as_ref()?;
        let now = &self.nuclear.solution.as_ref()?.right;
        let rotation = now * right.transpose();
        let turned = |rows: &Factors| {
            factors(&(&rotation * DMatrix::from_column_slice(rows.width(), rows.rows(), rows.as_slice())))
        };
        let start = Theta { users: turned(&last.users), items: turned(&last.items) };
        (start.users.rows() == self.nuclear.problem().n_users()).then_some(start)
    }
}

impl RelaxedModel for NuclearModel {
    fn genuine(&self) -> &Rows {
        &self.nuclear.genuine
    }

    fn n_items(&self) -> usize {
        self.nuclear.problem().n_items()
    }

    fn range(&self) -> (f64, f64) {
        self.range
    }

    fn offset(&self) -> f64 {
        self.offset
    }

    fn reads_ratings(&self) -> bool {
        true
    }

    fn evaluate(
        &mut self,
        fakes: &[FakeRow],
        utility: &Utility,
        ctx: &Ctx<'_>,
    ) -> Result<Evaluation, AttackError> {
        self.nuclear.fit(fakes, ctx)?;
        let (problem, theta) = (self.nuclear.problem(), self.nuclear.theta());
        let slope = utility.slope(problem.by_user(), problem.by_item(), theta, &self.clean);
        let by = Theta { users: slope.users, items: slope.items };
        let (gradient, solution) =
            self.nuclear.cell_derivatives(&by, &self.how, self.start().as_ref(), ctx)?;
        let solve = solution.as_ref().map(|solution| Solve {
            stationarity: problem.stationarity(theta),
            damping: solution.damping,
            steps: solution.steps,
            residual: solution.residual,
        });
        let right = self.nuclear.solution.as_ref().map(|x| x.right.clone());
        self.adjoint = solution.map(|solution| solution.s).zip(right);
        Ok(Evaluation { utility: slope.value, gradient, solve })
    }
}
