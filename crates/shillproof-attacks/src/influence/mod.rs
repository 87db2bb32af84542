//! Influence of edges and users on a target in matrix factorisation (Fang, Gong and Liu, WWW 2020, §4.3).
//!
//! Φ((k, j), (o, t)) is the change that the removal of user k's interaction with item j makes to the prediction
//! of user o for the target t, to first order: with H the Hessian of the objective and ℓ the removed term,
//! Φ = ∇r̂_otᵀH⁻¹∇ℓ (eq. 13). An edge's influence is φ = Σ_o |Φ|, a user's π = Σ_j φ over the own edges. The objective's Hessian
//! has the ridge in its diagonal blocks; the removed term has none.

mod neumann;
mod point;
mod select;
mod solved;
#[cfg(test)]
mod tests;

use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Cancelled, Ctx};

use crate::mf::{Problem, Solver, Theta};
use point::Point;
pub use select::{most_influential, user_influence};

/// How the inverse Hessian is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InfluenceOrder {
    /// Order 0: its diagonal blocks alone.
    BlockDiagonal,
    /// Order 1: one Neumann term more, the first at which users who never met the target matter to others.
    #[default]
    Neumann,
    /// A single solve for all users' predictions together: Σ_o Φ instead of Σ_o |Φ|.
    Signed,
    /// One solve a user, for 200 users drawn at random.
    Sampled,
    /// One solve for every user.
    Exact,
}

/// Users that [`InfluenceOrder::Sampled`] solves for.
const SAMPLED: usize = 200;

/// φ of every edge on `target` (with [`InfluenceOrder::Signed`], Σ_o Φ): user after user, in the order of the problem's cells.
///
/// # Shapes
/// `theta`: factors at, or near, a minimum of `problem`. `target`: an item of it.
///
/// # Errors
/// [`Cancelled`] after a request to stop.
///
/// ```
/// use shillproof_attacks::influence::{InfluenceOrder, edge_influence};
/// use shillproof_attacks::mf::{Problem, Rows, Solver, Weights};
/// use shillproof_core::{Ctx, Seed};
/// // Users 0 and 1 share item 1; user 2 rates item 2 alone.
/// let mut cells = Rows::default();
/// cells.push([(0, 5.0, 1.0), (1, 4.0, 1.0)]);
/// cells.push([(1, 5.0, 1.0)]);
/// cells.push([(2, 5.0, 1.0)]);
/// let weights = Weights { observed: 1.0, base: 0.0, user_ridge: 0.1, item_ridge: 0.1 };
/// let (problem, ctx) = (Problem::new(&cells, 3, &[], weights), Ctx::new(Seed::new(1)));
/// let mut theta = problem.start(1, ctx.seed);
/// problem.fit(&mut theta, 50, &ctx)?;
/// let phi = edge_influence(&problem, &theta, 0, InfluenceOrder::Neumann, &Solver::default(), &ctx)?;
/// // The only rating of the target matters most.
/// assert!(phi[1..].iter().all(|other| *other < phi[0]), "{phi:?}");
/// # Ok::<(), shillproof_core::AttackError>(())
/// ```
pub fn edge_influence(
    problem: &Problem,
    theta: &Theta,
    target: usize,
    order: InfluenceOrder,
    solver: &Solver,
    ctx: &Ctx<'_>,
) -> Result<Vec<f64>, Cancelled> {
    let at = Point::new(problem, theta);
    let users = problem.n_genuine();
    match order {
        InfluenceOrder::BlockDiagonal => neumann::edges(&at, target, false, ctx),
        InfluenceOrder::Neumann => neumann::edges(&at, target, true, ctx),
        InfluenceOrder::Signed => solved::signed(&at, target, solver, ctx),
        InfluenceOrder::Sampled => {
            let mut rng = ctx.seed.child("observers").rng();
            let mut observers = index::sample(&mut rng, users, users.min(SAMPLED)).into_vec();
            observers.sort_unstable();
            solved::absolute(&at, target, &observers, solver, ctx)
        }
        InfluenceOrder::Exact => solved::absolute(&at, target, &(0..users).collect::<Vec<_>>(), solver, ctx),
    }
}
