//! Weighted matrix factorisation as the attacker sees it: fitted, and differentiated with respect to the
//! scores of fake users.
//!
//! One objective covers the rating and the implicit victim. Over the observed cells E (genuine and fake) and all
//! other cells,
//!
//! `J(θ) = Σ_E w(r − x_uᵀy_j)² + w₀ Σ_rest (x_uᵀy_j)² + λ_U‖X‖² + λ_V‖Y‖²`,
//!
//! with w = 1, w₀ = 0 for explicit ratings and r = 1, w₀ = 1 for implicit feedback. θ = (X, Y); fake users are the
//! last rows of X. The sum over all cells never costs more than the observed ones (Gram trick).
//!
//! At a minimum, a utility R of θ changes with the score of a fake cell (v, j) by
//! `∂R/∂r_vj = 2w (s_vᵀy_j + s_jᵀx_v)` where `∇²J s = ∇R`: one linear solve serves all cells. [`Solver`] does it by damped,
//! preconditioned conjugate gradients; [`Mode`] names the cheaper forms of the literature.
//!
//! Everything here is `f64`: a derivative of a minimum needs the minimum to more digits than `f32` has, and rows
//! shorter than the vectors are solved in their own dimension, which makes the exact sweep as cheap as a rounded one.
//! No fused multiply-adds are used, so results are the same bits on every machine, with any number of threads.

// Indices say more than iterators in dense kernels, and vector code must be inlined into what `pulp` compiles.
#![allow(clippy::inline_always, clippy::needless_range_loop)]

mod blocks;
mod derivative;
mod factors;
mod hessian;
mod problem;
mod rows;
mod solve;
pub(crate) mod vector;

#[cfg(test)]
mod tests;

pub use blocks::Blocks;
pub use derivative::Mode;
pub use factors::{Factors, Theta};
pub use hessian::Hessian;
pub use problem::{Problem, Weights};
pub use rows::{FakeRow, Rows};
pub use solve::{Solution, Solver};
