//! The copy of the victim that PGA and SGLD climb on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{AttackError, Ctx};

use super::utility::Utility;
use crate::mf::{Blocks, FakeRow, Mode, Problem, Rows, Solver, Theta};
use crate::surrogate::VictimCopy;

/// Which model the attacker trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelChoice {
    /// What the recipe says that the attacker was granted.
    #[default]
    Recipe,
    /// Explicit matrix factorisation by alternating least squares, with its defaults unless the recipe is one.
    Als,
    /// Nuclear-norm completion, with its defaults unless the recipe is one.
    NuclearNorm,
}

/// A model trained on genuine data and relaxed fake users, again and again.
pub trait RelaxedModel {
    /// Observed cells of the genuine users, which [`Utility`] needs.
    fn genuine(&self) -> &Rows;

    /// Number of items.
    fn n_items(&self) -> usize;

    /// Lowest and highest score of a fake cell, in the model's units.
    fn range(&self) -> (f64, f64);

    /// What is added to a score to make it a rating.
    fn offset(&self) -> f64;

    /// Whether scores are ratings; otherwise a cell of a fake user is there or not.
    fn reads_ratings(&self) -> bool;

    /// Trains on the genuine data with `fakes`, from where the last call ended, and evaluates `utility` there.
    ///
    /// # Errors
    /// If training fails or somebody asks to stop.
    fn evaluate(
        &mut self,
        fakes: &[FakeRow],
        utility: &Utility,
        ctx: &Ctx<'_>,
    ) -> Result<Evaluation, AttackError>;
}

/// A utility and its derivative.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The utility after retraining.
    pub utility: f64,
    /// Its derivative with respect to the score of every cell of every fake user, in their order.
    pub gradient: Vec<Vec<f64>>,
    /// How the linear system behind an exact derivative was solved.
    pub solve: Option<Solve>,
}

/// How well an exact derivative is founded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Solve {
    /// |∇J|/|θ| of the model: 0 at a minimum, where the derivative is exact.
    pub stationarity: f64,
    /// The damping μ that was needed.
    pub damping: f64,
    /// Products with the Hessian.
    pub steps: usize,
    /// Relative residual that was left.
    pub residual: f64,
}

/// Sweeps of a refit from the last one's factors.
const WARM_SWEEPS: usize = 2;

/// Residual at which the linear system behind the exact gradient counts as solved; it starts from the last solution, so the
/// error does not add up.
const TOLERANCE: f64 = 0.01;

/// Matrix factorisation, explicit or weighted implicit.
pub(crate) struct MfModel {
    copy: VictimCopy,
    mode: Mode,
    solver: Solver,
    clean: Theta,
    theta: Theta,
    /// The last solution, where the next one starts.
    adjoint: Option<Theta>,
}

impl MfModel {
    /// Starts at a copy trained on genuine data alone.
    pub(crate) fn new(
        copy: VictimCopy,
        mode: Mode,
        damping: f64,
        ctx: &Ctx<'_>,
    ) -> Result<Self, AttackError> {
        let mut clean = copy.theta.clone();
        copy.problem(&[]).fit(&mut clean, WARM_SWEEPS, ctx)?;
        let solver = Solver { damping, tolerance: TOLERANCE, ..Solver::default() };
        Ok(Self { copy, mode, solver, theta: clean.clone(), clean, adjoint: None })
    }

    fn adjoint(
        &mut self,
        problem: &Problem,
        blocks: &Blocks,
        slope: &Theta,
        ctx: &Ctx<'_>,
    ) -> Result<(Theta, Option<Solve>), AttackError> {
        if self.mode != Mode::Implicit {
            let coupled = self.mode == Mode::Coupled;
            return Ok((problem.frozen(&self.theta, blocks, &slope.items, coupled), None));
        }
        let rows = self.theta.users.rows();
        let start = self.adjoint.as_ref().filter(|s| s.users.rows() == rows);
        let solved = self.solver.solve_one(problem, &self.theta, blocks, slope, start, ctx)?;
        let solve = Solve {
            stationarity: problem.stationarity(&self.theta),
            damping: solved.damping,
            steps: solved.steps,
            residual: solved.residual,
        };
        self.adjoint = Some(solved.s.clone());
        Ok((solved.s, Some(solve)))
    }
}

impl RelaxedModel for MfModel {
    fn genuine(&self) -> &Rows {
        &self.copy.surrogate.genuine
    }

    fn n_items(&self) -> usize {
        self.copy.theta.items.rows()
    }

    fn range(&self) -> (f64, f64) {
        self.copy.surrogate.range
    }

    fn offset(&self) -> f64 {
        self.copy.surrogate.offset
    }

    fn reads_ratings(&self) -> bool {
        self.copy.surrogate.reads_ratings()
    }

    fn evaluate(
        &mut self,
        fakes: &[FakeRow],
        utility: &Utility,
        ctx: &Ctx<'_>,
    ) -> Result<Evaluation, AttackError> {
        let problem = self.copy.problem(fakes);
        let blocks = problem.fit_with_blocks(&mut self.theta, WARM_SWEEPS, ctx)?;
        let slope = utility.slope(problem.by_user(), problem.by_item(), &self.theta, &self.clean);
        let by = Theta { users: slope.users, items: slope.items };
        let (s, solve) = self.adjoint(&problem, &blocks, &by, ctx)?;
        Ok(Evaluation { utility: slope.value, gradient: problem.cell_derivatives(&self.theta, &s), solve })
    }
}
