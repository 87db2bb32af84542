//! The inverse Hessian itself, by conjugate gradients.

use rayon::prelude::*;
use shillproof_core::{Cancelled, Ctx};

use super::point::Point;
use crate::mf::vector::{axpy, dot, vectorized};
use crate::mf::{Hessian, Solver, Theta};

/// Right-hand sides that share a pass over the data.
const TOGETHER: usize = 16;

/// Σ_o Φ of every edge, with its sign: one solve.
pub(super) fn signed(
    at: &Point<'_>,
    target: usize,
    solver: &Solver,
    ctx: &Ctx<'_>,
) -> Result<Vec<f64>, Cancelled> {
    let everybody: Vec<usize> = (0..at.problem.n_genuine()).collect();
    let hessian = Hessian::new(at.problem, at.theta);
    let right = slope(at, target, &everybody);
    let solutions = solver.solve(&hessian, &at.blocks, &[&right], None, ctx)?;
    let mut out = vec![0.0; at.problem.by_user().cells()];
    for solution in solutions {
        add(at, &solution.s, &mut out, |phi| phi);
    }
    Ok(out)
}

/// Σ_o |Φ| of every edge over the users `observers`: one solve for each of them.
pub(super) fn absolute(
    at: &Point<'_>,
    target: usize,
    observers: &[usize],
    solver: &Solver,
    ctx: &Ctx<'_>,
) -> Result<Vec<f64>, Cancelled> {
    let hessian = Hessian::new(at.problem, at.theta);
    let mut out = vec![0.0; at.problem.by_user().cells()];
    for (done, some) in observers.chunks(TOGETHER).enumerate() {
        ctx.observer.progress("influence", (done * TOGETHER) as u64, observers.len() as u64);
        let right: Vec<Theta> = some.iter().map(|&o| slope(at, target, &[o])).collect();
        let right: Vec<&Theta> = right.iter().collect();
        for solution in solver.solve(&hessian, &at.blocks, &right, None, ctx)? {
            add(at, &solution.s, &mut out, f64::abs);
        }
    }
    Ok(out)
}

/// ∇ Σ_o r̂_ot.
fn slope(at: &Point<'_>, target: usize, observers: &[usize]) -> Theta {
    let d = at.item(target).len();
    let mut out = Theta::zeros(at.problem.n_users(), at.problem.n_items(), d);
    for &o in observers {
        axpy(1.0, at.item(target), out.users.row_mut(o));
        axpy(1.0, at.user(o), out.items.row_mut(target));
    }
    out
}

/// Adds `part(Φ)` of every edge, Φ = s·∇ℓ with ℓ what its removal takes out of the objective.
fn add(at: &Point<'_>, s: &Theta, out: &mut [f64], part: impl Fn(f64) -> f64 + Sync) {
    let cells = at.problem.by_user();
    let one = |k: usize| -> Vec<f64> {
        vectorized!(|| {
            let edge = |&j: &u32| {
                let j = j as usize;
                let along = dot(s.users.row(k), at.item(j)) + dot(s.items.row(j), at.user(k));
                part(-2.0 * at.lead(k, j) * along)
            };
            cells.columns(k).iter().map(edge).collect()
        })
    };
    let rows: Vec<Vec<f64>> = (0..cells.len()).into_par_iter().map(one).collect();
    out.iter_mut().zip(rows.into_iter().flatten()).for_each(|(out, phi)| *out += phi);
}
