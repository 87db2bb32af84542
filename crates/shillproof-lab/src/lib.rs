//! The laboratory: what is run, measured, compared and reported.

pub mod rankings;
