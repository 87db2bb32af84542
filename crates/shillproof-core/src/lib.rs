//! The nouns of Shillproof and the traits that its parts meet in.
//!
//! A *victim* is fitted on [`Interactions`] and becomes a [`Recommender`]. An [`Attack`] sees
//! [`Knowledge`] and nothing else, and returns [`FakeProfiles`]. A [`Detector`] sees the log and nothing else,
//! and a [`Defense`] owns the whole fit. Genuine users keep the ids
//! `0..n`; fake users are appended after them. All randomness comes from a [`Seed`].

pub mod attack;
pub mod catalogue;
pub mod context;
pub mod defense;
pub mod detect;
pub mod fraction;
pub mod ids;
pub mod interactions;
pub mod oracle;
pub mod ranking;
pub mod scale;
pub mod seed;
pub mod size;
pub mod stats;
pub mod victim;

pub use attack::{
    Attack, AttackError, Audience, Budget, FakeProfiles, Goal, Grant, Knowledge, Needs, Objective, Profile,
    ThreatCase, VictimAccess,
};
pub use context::{Cancelled, Checkpoint, Ctx, Observer, Silent};
pub use defense::{Defended, Defense, DefenseError, DefenseJob};
pub use detect::{DetectError, Detector, FittedDetector, LabelledProfiles, Suspicion};
pub use fraction::Fraction;
pub use ids::{ItemId, UserId};
pub use interactions::{InteractionError, Interactions, Row, Triples};
pub use oracle::{OracleError, QueryOracle};
pub use ranking::{Ties, select_top_k};
pub use scale::RatingScale;
pub use seed::{Rng, Seed};
pub use size::Size;
pub use stats::ItemStats;
pub use victim::{Feedback, FitError, FitJob, HeldOut, Query, Recommender, Scorer, Victim};
