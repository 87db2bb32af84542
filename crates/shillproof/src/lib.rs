//! How far can fake users move a recommender, and what stops them?
//!
//! This crate is the command line `shillproof` and, as a library, one roof over the parts it is
//! made of. A whole attack in a few lines: see [`lab::trial`].

pub use shillproof_attacks as attacks;
pub use shillproof_core as core;
pub use shillproof_data as data;
pub use shillproof_defenses as defenses;
pub use shillproof_lab as lab;
pub use shillproof_victims as victims;
