//! What the attack minimises: how far the targets are below the lists of the users it is after.

use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Objective, Ties, UserId, select_top_k};
use shillproof_kernels::{ItemPanels, Matrix};

use crate::mf::vector::{axpy, dot};
use crate::mf::{Factors, Theta};

/// A user whose list the targets are to enter (or leave).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seeker {
    /// Row of the sample.
    pub(crate) user: UserId,
    /// Factor on the user's part of the loss.
    pub(crate) weight: f64,
    /// The targets that count for this user.
    pub(crate) targets: Vec<ItemId>,
    /// The user's list Γ_u.
    pub(crate) list: Vec<ItemId>,
}

/// `L = Σ_u H_u Σ_t Σ_{i ∈ Γ_u, i ≠ t} g(r̂_ui − r̂_ut)` with the Wilcoxon–Mann–Whitney loss g(x) = 1/(1 + e^{−x/b});
/// to demote, g(r̂_ut − r̂_ui).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wmw {
    /// b.
    pub(crate) width: f64,
    /// Up or down.
    pub(crate) objective: Objective,
}

impl Wmw {
    /// The loss and its gradient in all factors.
    ///
    /// # Shapes
    /// `theta`: rows for all users and items that the seekers name. The gradient has its shape.
    pub(crate) fn gradient(&self, seekers: &[Seeker], theta: &Theta) -> (f64, Theta) {
        let (users, items) = (&theta.users, &theta.items);
        let mut out = Theta::zeros(users.rows(), items.rows(), users.width());
        let sign = match self.objective {
            Objective::Promote => 1.0,
            Objective::Demote => -1.0,
        };
        let mut loss = 0.0;
        for seeker in seekers {
            let u = seeker.user.index();
            let x = users.row(u);
            let score = |i: &ItemId| dot(x, items.row(i.index()));
            let scores: Vec<f64> = seeker.list.iter().map(score).collect();
            for target in &seeker.targets {
                let own = score(target);
                let mut total = 0.0;
                for (i, s) in seeker.list.iter().zip(&scores).filter(|(i, _)| *i != target) {
                    let g = logistic(sign * (s - own) / self.width);
                    loss += seeker.weight * g;
                    let slope = sign * seeker.weight * g * (1.0 - g) / self.width;
                    total += slope;
                    axpy(slope, items.row(i.index()), out.users.row_mut(u));
                    axpy(slope, x, out.items.row_mut(i.index()));
                }
                axpy(-total, items.row(target.index()), out.users.row_mut(u));
                axpy(-total, x, out.items.row_mut(target.index()));
            }
        }
        (loss, out)
    }
}

/// 1/(1 + e^{−x}) without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// Users scored at a time.
const BLOCK: usize = 16;

/// Gives every seeker its list: the `length` best items that the user does not have.
///
/// # Shapes
/// `theta`: at least a row for every user of `sample` and every item.
pub(crate) fn refresh_lists(
    seekers: &mut [Seeker],
    theta: &Theta,
    sample: &Interactions,
    length: usize,
    ties: Ties,
) {
    let panels = ItemPanels::new(&single(&theta.items));
    seekers.par_chunks_mut(BLOCK).for_each(|block| {
        let rows: Vec<Vec<f32>> = block
            .iter()
            .map(|s| theta.users.row(s.user.index()).iter().map(|&x| x as f32).collect())
            .collect();
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let mut scores = vec![0.0; rows.len() * panels.items()];
        panels.score_block(&rows, &mut scores);
        let mut list = Vec::with_capacity(length);
        for (seeker, scores) in block.iter_mut().zip(scores.chunks_exact(panels.items())) {
            let skip = sample.row(seeker.user).sorted();
            select_top_k(seeker.user, scores, skip, length, ties, &mut list);
            seeker.list = list.iter().map(|e| e.0).collect();
        }
    });
}

fn single(factors: &Factors) -> Matrix {
    let values = factors.as_slice().iter().map(|&x| x as f32).collect::<Vec<_>>();
    Matrix::from_slice(factors.rows(), factors.width(), &values).expect("invariant: one value a cell")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Seed;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let mut theta = Theta {
            users: Factors::normal(4, 3, 1.0, Seed::new(1)),
            items: Factors::normal(6, 3, 1.0, Seed::new(2)),
        };
        let ids = |i: &[u32]| i.iter().copied().map(ItemId).collect::<Vec<_>>();
        let seekers = [
            Seeker { user: UserId(0), weight: 0.7, targets: ids(&[0, 3]), list: ids(&[3, 4]) },
            Seeker { user: UserId(2), weight: 1.5, targets: ids(&[0]), list: ids(&[1, 4, 5]) },
        ];
        for objective in [Objective::Promote, Objective::Demote] {
            let wmw = Wmw { width: 0.8, objective };
            let (loss, gradient) = wmw.gradient(&seekers, &theta);
            // Five pairs of a target and a listed item besides it: each between 0 and 1.
            assert!(loss > 0.0 && loss < 0.7 * 3.0 + 1.5 * 3.0);
            for k in 0..12 {
                let step = 1e-6;
                let mut moved = |by: f64| {
                    theta.users.as_mut_slice()[k] += by;
                    let loss = wmw.gradient(&seekers, &theta).0;
                    theta.users.as_mut_slice()[k] -= by;
                    loss
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((slope - gradient.users.as_slice()[k]).abs() < 1e-7, "user cell {k}");
            }
            for k in 0..18 {
                let step = 1e-6;
                let mut moved = |by: f64| {
                    theta.items.as_mut_slice()[k] += by;
                    let loss = wmw.gradient(&seekers, &theta).0;
                    theta.items.as_mut_slice()[k] -= by;
                    loss
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((slope - gradient.items.as_slice()[k]).abs() < 1e-7, "item cell {k}");
            }
        }
    }

    #[test]
    fn far_apart_scores_saturate_instead_of_overflowing() {
        assert_eq!((logistic(1e6), logistic(-1e6), logistic(0.0)), (1.0, 0.0, 0.5));
    }
}
