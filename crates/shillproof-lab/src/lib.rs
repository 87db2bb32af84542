//! The laboratory: what is run, measured, compared and reported.

pub mod metrics;
pub mod rankings;
pub mod stats;
