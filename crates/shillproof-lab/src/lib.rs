//! The laboratory: what is run, measured, compared and reported.

pub mod audit;
pub mod command;
pub mod detection;
pub mod leaderboard;
pub mod measurement;
pub mod metrics;
pub mod plan;
pub mod rankings;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod spec;
pub mod stats;
pub mod stealth;
pub mod store;
pub mod trial;
pub mod vectors;
