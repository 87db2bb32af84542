//! What a fake interaction would do to scores, without training: influence functions on the attacker's own models.
//!
//! Training minimises the mean loss L of N samples. One more sample z with weight 1/N moves a score f by
//!
//! ```text
//! Δf ≈ −1/N ∇fᵀ H⁻¹ ∇ℓ(z),    H = ∇²L + damping
//! ```
//!
//! (Koh and Liang, ICML 2017, eq. 2 and 3). The inverse meets the sum of ∇f over all (user, target) pairs once; each sample that may be
//! added then costs one sparse inner product.

mod curvature;
mod goal;
mod local;
mod margin;
mod recurrent;
mod retraining;
#[cfg(test)]
mod tests;

pub use curvature::{Curvature, Hessian, Lissa, Solved, conjugate_gradient};
pub use goal::Aim;
pub use local::Estimator;
pub use margin::{Margins, NEGATIVES, Pairing};
pub use recurrent::Recurrent;
pub use retraining::{Addition, End, Stop};
