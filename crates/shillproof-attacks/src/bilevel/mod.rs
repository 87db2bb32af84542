//! Bilevel optimisation of fake users: a surrogate is trained on them by gradient descent, and the loss of the trained surrogate is
//! differentiated through its last epochs with respect to every cell of every fake user.
//!
//! The surrogate is weighted matrix factorisation of implicit feedback, whose loss is over *all* cells. Neither training nor its
//! derivative ever has a matrix of all users and items: a step costs `O((|U| + |I|) d² + |E| d)` either way
//! ([`shillproof_kernels::FullCells`]). Only what looks at every score by definition (a softmax over all items, the E-step of the
//! probabilistic model) does so, in blocks of 16 rows.

// Indices say more than iterators in dense kernels, and vector code must be inlined into what `pulp` compiles.
#![allow(clippy::needless_range_loop, clippy::inline_always)]

mod descent;
mod lists;
mod masked;
mod outer;
mod passing;
mod pgm;
mod project;
mod reverse;
mod surrogate;
#[cfg(test)]
mod tests;
mod training;

pub use descent::Evaluate;
pub(crate) use descent::{Descent, members, refuse_low_ratings};
pub use outer::{Difficulty, OuterLoss, Seekers};
pub use passing::Passing;
pub use pgm::{Em, Pgm};
pub(crate) use project::Projection;
pub use reverse::{Bilevel, Hypergradient};
pub use surrogate::Surrogate;
pub(crate) use surrogate::adam_of;
pub use training::{Optimizer, Trained, Training, Workspace};
