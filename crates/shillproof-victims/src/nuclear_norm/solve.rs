//! Accelerated proximal gradient on the nuclear-norm objective.

use nalgebra::DMatrix;
use shillproof_core::{Ctx, FitError};

use super::completion::Completion;
use super::observed::Observed;
use super::subspace::{Search, SparseLowRank};

/// `Σ ω_r (M_rc − X_rc)² + 2λ‖X‖_*`, the first sum over the observed cells.
pub(super) struct Problem<'a> {
    pub(super) cells: &'a Observed,
    /// λ.
    pub(super) regularization: f64,
    /// ω of the rows; 1 if none.
    pub(super) row_weight: Option<&'a [f32]>,
}

/// When to stop.
pub(super) struct Stop {
    pub(super) iterations: usize,
    pub(super) tolerance: f64,
}

/// A completion with its values at the observed cells.
struct Point {
    x: Completion,
    fitted: Vec<f64>,
}

impl Problem<'_> {
    /// Iterates from `start` until the relative change of X is below the tolerance.
    pub(super) fn solve(
        &self,
        start: Completion,
        stop: &Stop,
        mut search: Search,
        ctx: &Ctx<'_>,
    ) -> Result<Completion, FitError> {
        let weights = self.row_weight.map(|weights| self.cell_weights(weights));
        // The step is the inverse of the largest curvature, so heavier rows make smaller steps for all.
        let largest = weights.iter().flatten().copied().fold(0.0, f64::max);
        let step = if largest > 0.0 { 1.0 / largest } else { 1.0 };
        let mut now = self.point(start, weights.as_deref());
        let mut before = Point { x: now.x.clone(), fitted: now.fitted.clone() };
        let mut t = 1.0_f64;
        for iteration in 0..stop.iterations {
            ctx.check()?;
            let next_t = f64::midpoint(1.0, (1.0 + 4.0 * t * t).sqrt());
            let momentum = (t - 1.0) / next_t;
            let target = self.forward(&now, &before, momentum, step, weights.as_deref());
            let found = search.leading(&target, step * self.regularization, now.x.basis.clone());
            let singular = found.singular.iter().map(|s| s - step * self.regularization).collect();
            let x = Completion {
                left: found.left,
                singular,
                right: found.right,
                basis: found.basis,
                ..Completion::zero(0, 0)
            };
            let next = self.point(x, weights.as_deref());
            if !next.x.objective.is_finite() {
                return Err(FitError::Diverged { iteration });
            }
            ctx.observer.progress("nuclear-norm", iteration as u64 + 1, stop.iterations as u64);
            if next.x.objective > now.x.objective && momentum > 0.0 {
                // Function restart (O'Donoghue and Candès 2015): drop the step and the momentum.
                now.x.basis = next.x.basis;
                now.x.iterations = iteration + 1;
                t = 1.0;
                continue;
            }
            (before, now) = (now, next);
            t = next_t;
            now.x.change = now.x.change_from(&before.x);
            now.x.iterations = iteration + 1;
            if now.x.change < stop.tolerance {
                break;
            }
        }
        Ok(now.x)
    }

    /// A gradient step from the extrapolated point: `Y + step · ω ∘ R_Ω(M − Y)`, `Y = X + β(X − X_before)`.
    fn forward(
        &self,
        now: &Point,
        before: &Point,
        momentum: f64,
        step: f64,
        weights: Option<&[f64]>,
    ) -> SparseLowRank<'_> {
        let extrapolated = now.fitted.iter().zip(&before.fitted).map(|(x, old)| x + momentum * (x - old));
        let residual = self.cells.values().iter().zip(extrapolated).map(|(m, y)| m - y);
        let sparse = match weights {
            Some(weights) => residual.zip(weights).map(|(r, w)| step * w * r).collect(),
            None => residual.collect(),
        };
        let (x, old) = (&now.x, &before.x);
        if momentum == 0.0 {
            return SparseLowRank {
                cells: self.cells,
                sparse,
                left: x.scaled_left(),
                right: x.right.clone(),
            };
        }
        let left = stack(&(x.scaled_left() * (1.0 + momentum)), &(old.scaled_left() * -momentum));
        SparseLowRank { cells: self.cells, sparse, left, right: stack(&x.right, &old.right) }
    }

    fn point(&self, mut x: Completion, weights: Option<&[f64]>) -> Point {
        let fitted = x.at(self.cells);
        let squares = self.cells.values().iter().zip(&fitted).map(|(m, x)| (m - x) * (m - x));
        let error: f64 = match weights {
            Some(weights) => squares.zip(weights).map(|(s, w)| w * s).sum(),
            None => squares.sum(),
        };
        x.objective = error + 2.0 * self.regularization * x.singular.iter().sum::<f64>();
        Point { x, fitted }
    }

    /// The weight of each cell's row.
    fn cell_weights(&self, rows: &[f32]) -> Vec<f64> {
        let of_row = |(row, &weight): (usize, &f32)| {
            std::iter::repeat_n(f64::from(weight), self.cells.span(row).len())
        };
        rows.iter().enumerate().flat_map(of_row).collect()
    }
}

fn stack(above: &DMatrix<f64>, below: &DMatrix<f64>) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(above.nrows() + below.nrows(), above.ncols());
    out.rows_mut(0, above.nrows()).copy_from(above);
    out.rows_mut(above.nrows(), below.nrows()).copy_from(below);
    out
}
