//! Gradient passing: what a step does to a vector, it also does to the vectors along its interactions.

use shillproof_core::AttackError;
use shillproof_kernels::{Csr, Matrix};

use super::training::add_times;

/// Gradients of the surrogate's loss are handed on along interactions before the optimiser sees them, so that fewer epochs do
/// (Wu et al., RecSys 2024).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passing {
    /// Pairs of steps along interactions; at least 1.
    pub pairs: usize,
    /// Weight of what comes after an odd number of steps: from items to users, and back.
    pub odd: f32,
    /// Weight of what comes after an even number of steps: from users to users, from items to items.
    pub even: f32,
}

impl Passing {
    /// None without pairs.
    pub(crate) fn of(pairs: usize, odd: f64, even: f64) -> Result<Option<Self>, AttackError> {
        for (name, weight) in [("passing_odd", odd), ("passing_even", even)] {
            if !(weight.is_finite() && weight >= 0.0) {
                let expected = "a finite number of at least 0";
                return Err(AttackError::Parameter { name, got: weight.to_string(), expected });
            }
        }
        Ok((pairs > 0).then_some(Self { pairs, odd: odd as f32, even: even as f32 }))
    }
}

/// `G = I + Σ_p (α_odd Â^(2p−1) + α_even Â^(2p))`, Â being the normalised adjacency of users and items.
pub(super) struct Graph {
    by_user: Csr,
    by_item: Csr,
    passing: Passing,
}

impl Graph {
    /// # Shapes
    /// `rows`: one row a user, fake ones included.
    pub(super) fn new(rows: &Csr, passing: Passing) -> Self {
        let by_user = rows.normalized();
        Self { by_item: by_user.transpose(), by_user, passing }
    }

    /// `g ← G g`. G is symmetric, so cotangents go back the same way.
    ///
    /// # Shapes
    /// One row a user, one an item.
    pub(super) fn pass(&self, of_users: &mut Matrix, of_items: &mut Matrix) {
        let zeros = |like: &Matrix| Matrix::zeros(like.rows(), like.columns());
        let still = [zeros(of_users), zeros(of_items)];
        let mut at = [of_users.clone(), of_items.clone()];
        let mut next = still.clone();
        for step in 0..2 * self.passing.pairs {
            self.by_user.add_product(&at[1], &still[0], &mut next[0]);
            self.by_item.add_product(&at[0], &still[1], &mut next[1]);
            let weight = if step % 2 == 0 { self.passing.odd } else { self.passing.even };
            add_times(of_users.as_mut_slice(), weight, next[0].as_slice());
            add_times(of_items.as_mut_slice(), weight, next[1].as_slice());
            std::mem::swap(&mut at, &mut next);
        }
    }
}
