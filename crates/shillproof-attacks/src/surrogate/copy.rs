//! The attacker's own copy of the victim, fitted.

use shillproof_core::{AttackError, Ctx, FitError, FitJob, Interactions, ItemId};
use shillproof_kernels::Matrix;
use shillproof_victims::{FactorModel, Wrmf, WrmfSolver};

use super::{MfSurrogate, Recipe};
use crate::influence::{InfluenceOrder, edge_influence, user_influence};
use crate::mf::{Factors, FakeRow, Problem, Solver, Theta};

/// A copy fitted to what the attacker knows.
pub(crate) struct VictimCopy {
    pub(crate) surrogate: MfSurrogate,
    /// The interactions it learned from: those with positive ratings where ratings are not read.
    pub(crate) data: Interactions,
    /// Its factors.
    pub(crate) theta: Theta,
}

impl VictimCopy {
    /// Fits as the victim does, so that an attack starts where the victim would be.
    pub(crate) fn fit(recipe: Recipe, sample: &Interactions, ctx: &Ctx<'_>) -> Result<Self, AttackError> {
        let surrogate = MfSurrogate::of(&recipe, sample)?;
        let data = if surrogate.reads_ratings() { sample.clone() } else { sample.binarize() };
        let job = FitJob::new(&data);
        let model = match recipe {
            Recipe::Als(als) => als.fit_model(&job, ctx),
            Recipe::Wrmf(wrmf) => Wrmf { solver: WrmfSolver::Als, ..wrmf }.fit_model(&job, ctx),
        }
        .map_err(|error| match error {
            FitError::Cancelled(stopped) => AttackError::Cancelled(stopped),
            other => other.into(),
        })?;
        Ok(Self { surrogate, theta: theta_of(&model), data })
    }

    /// The copy's training problem with fake users.
    pub(crate) fn problem(&self, fakes: &[FakeRow]) -> Problem {
        Problem::new(&self.surrogate.genuine, self.theta.items.rows(), fakes, self.surrogate.weights)
    }

    /// π of every user on all targets together.
    pub(crate) fn influence_on(
        &self,
        targets: &[ItemId],
        order: InfluenceOrder,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<f64>, AttackError> {
        let problem = self.problem(&[]);
        let mut total = vec![0.0; problem.n_users()];
        for target in targets {
            let edges =
                edge_influence(&problem, &self.theta, target.index(), order, &Solver::default(), ctx)?;
            let users = user_influence(problem.by_user().starts(), &edges);
            total.iter_mut().zip(users).for_each(|(total, pi)| *total += pi);
        }
        Ok(total)
    }
}

fn theta_of(model: &FactorModel) -> Theta {
    let double = |m: &Matrix| {
        let mut out = Factors::zeros(m.rows(), m.columns());
        for (out, &x) in out.as_mut_slice().iter_mut().zip(m.as_slice()) {
            *out = f64::from(x);
        }
        out
    };
    Theta { users: double(model.users()), items: double(model.items()) }
}
