//! Attacks by gradients of a random walk with restart, and the influence of its edges and users.

mod descent;
mod influence;
mod relaxed;
mod s_graph;
mod srwa;

pub use descent::ScoreScale;
pub(crate) use descent::refuse_low_ratings;
pub use influence::WalkInfluence;
pub use s_graph::SGraphAttack;
pub use srwa::SrwaAttack;

#[cfg(test)]
mod tests;
