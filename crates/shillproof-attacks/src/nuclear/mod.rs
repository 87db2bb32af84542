//! Nuclear-norm completion as the attacker sees it: fitted, and differentiated with respect to the scores of fake
//! users.
//!
//! Where no singular value of the filled-in matrix equals λ, the rank of the solution does not change with a small change
//! of the data, and `2‖X‖_* = min ‖A‖² + ‖B‖²` over `X = AᵀB`. So the solution is a minimum of matrix factorisation
//! with ridge λ on both sides and as many factors, at `A = √Σ Uᵀ`, `B = √Σ Vᵀ`; its derivative with respect to the data
//! is that of the factorisation, [`crate::mf`], and no full singular value decomposition is needed. [`Printed`] is the
//! first-order form of Li et al.

mod model;
mod printed;
#[cfg(test)]
mod tests;

use nalgebra::DMatrix;
use shillproof_core::{AttackError, Ctx};
use shillproof_victims::{Completion, NuclearNorm, Observed};

use crate::mf::{Factors, FakeRow, Mode, Problem, Rows, Solution, Solver, Theta, Weights};
pub(crate) use model::NuclearModel;
pub use printed::{Printed, SigmaGrad};

/// Which derivative is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient {
    /// Exact, with fake users and items alone, or as printed.
    pub mode: Mode,
    /// The constants of [`Mode::Paper`].
    pub printed: Printed,
    /// How [`Mode::Implicit`] solves its system.
    pub solver: Solver,
}

/// A completion of genuine and fake rows, refitted from where it was when the fake rows change.
#[derive(Clone, Debug)]
pub struct Nuclear {
    recipe: NuclearNorm,
    genuine: Rows,
    problem: Problem,
    solution: Option<Completion>,
    theta: Theta,
}

impl Nuclear {
    /// Nothing is fitted yet: all predictions are 0.
    ///
    /// # Shapes
    /// `genuine`: one row a genuine user, centred as the victim centres, columns below `items`.
    pub fn new(recipe: NuclearNorm, genuine: Rows, items: usize) -> Self {
        let ridge = f64::from(recipe.regularization);
        let weights = Weights { observed: 1.0, base: 0.0, user_ridge: ridge, item_ridge: ridge };
        let problem = Problem::new(&genuine, items, &[], weights);
        let theta = Theta::zeros(genuine.len(), items, 1);
        Self { recipe, genuine, problem, solution: None, theta }
    }

    /// Completes genuine and fake rows, starting from the last solution.
    ///
    /// # Errors
    /// If a parameter of the recipe is out of range, or somebody asks to stop.
    pub fn fit(&mut self, fakes: &[FakeRow], ctx: &Ctx<'_>) -> Result<(), AttackError> {
        let items = self.problem.n_items();
        self.problem = Problem::new(&self.genuine, items, fakes, self.problem.weights());
        let rows = self.problem.by_user();
        let row = |u: usize| rows.columns(u).iter().copied().zip(rows.value(u).iter().copied()).collect();
        let cells = Observed::new(items, (0..rows.len()).map(row));
        let x = match self.solution.take() {
            Some(start) => self.recipe.fit_from(start, &cells, ctx)?,
            None => self.recipe.complete(&cells, ctx)?,
        };
        let (users, items) = x.balanced();
        // A solution of rank 0 still has a row for everybody.
        self.theta = if x.rank() == 0 {
            Theta::zeros(rows.len(), items.ncols(), 1)
        } else {
            Theta { users: factors(&users), items: factors(&items) }
        };
        self.solution = Some(x);
        Ok(())
    }

    /// The solution as factors: row u of `users` times row j of `items` is X_uj; fake users are the last rows.
    pub fn theta(&self) -> &Theta {
        &self.theta
    }

    /// The factorisation that [`Nuclear::theta`] is a minimum of.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The derivative of a utility in the score of every fake cell, from its derivative in the factors; and the solution of
    /// the system behind it, where there is one.
    ///
    /// # Shapes
    /// `gradient`, `start`: like [`Nuclear::theta`]. One list a fake user, in the order of its cells.
    ///
    /// # Errors
    /// If somebody asks to stop.
    pub fn cell_derivatives(
        &self,
        gradient: &Theta,
        how: &Gradient,
        start: Option<&Theta>,
        ctx: &Ctx<'_>,
    ) -> Result<(Vec<Vec<f64>>, Option<Solution>), AttackError> {
        let problem = &self.problem;
        let Some(x) = self.solution.as_ref().filter(|x| x.rank() > 0) else {
            let fakes = problem.n_genuine()..problem.n_users();
            return Ok((fakes.map(|v| vec![0.0; problem.by_user().columns(v).len()]).collect(), None));
        };
        if how.mode == Mode::Paper {
            let regularization = f64::from(self.recipe.regularization);
            return Ok((how.printed.cell_derivatives(x, problem, &gradient.items, regularization), None));
        }
        let blocks = problem.blocks(&self.theta);
        if how.mode == Mode::Coupled {
            let answer = problem.frozen(&self.theta, &blocks, &gradient.items, true);
            return Ok((problem.cell_derivatives(&self.theta, &answer), None));
        }
        let solution = how.solver.solve_one(problem, &self.theta, &blocks, gradient, start, ctx)?;
        Ok((problem.cell_derivatives(&self.theta, &solution.s), Some(solution)))
    }
}

/// Columns as rows.
fn factors(columns: &DMatrix<f64>) -> Factors {
    let mut out = Factors::zeros(columns.ncols(), columns.nrows());
    out.as_mut_slice().copy_from_slice(columns.as_slice());
    out
}
