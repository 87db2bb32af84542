//! The attacks: recipes for fake profiles, the sealed call that injects them, and target selection.
//!
//! An attack is a struct of hyper-parameters that implements [`shillproof_core::Attack`]; all of
//! them are entries of [`AttackSpec`]. [`poison`] runs one, checks that it kept its budget, and
//! appends the fake users to the training data.

mod aop;
mod average;
mod bandwagon;
pub mod bilevel;
mod catalogue;
mod covis;
mod craft;
mod error;
pub mod influence;
pub mod loki;
mod love_hate;
pub mod mf;
mod none;
pub mod nuclear;
pub mod pga;
mod poison;
mod poison_model;
mod popular;
mod power_user;
mod probe;
mod random;
mod rapu_g;
mod rapu_r;
mod rev_adv;
mod s_attack;
mod segment;
mod sgld;
mod surrogate;
mod targets;
mod uniform;
mod walk;
mod weighting;

pub use aop::AopAttack;
pub use average::AverageAttack;
pub use bandwagon::{BandwagonAttack, Popularity, SelectedRatings};
pub use catalogue::{AttackSpec, Capabilities};
pub use covis::{CovisAttack, Form, Pad};
pub use error::PoisonError;
pub use loki::LokiAttack;
pub use love_hate::LoveHateAttack;
pub use none::NoAttack;
pub use pga::PgaAttack;
pub use poison::{Poisoned, poison};
pub use poison_model::{PoisonModelAttack, PoisonTraining};
pub use popular::{PopularAttack, Variant};
pub use power_user::{PowerUserAttack, Selection};
pub use probe::ProbeAttack;
pub use random::{RandomAttack, Shape};
pub use rapu_g::{OuterExclude, RapuGAttack};
pub use rapu_r::{Nearness, Proxies, Pulls, RapuRAttack};
pub use rev_adv::{Project, RevAdvAttack};
pub use s_attack::{Fillers, SAttack, Users};
pub use segment::{Affinity, SegmentAttack};
pub use sgld::{Prior, SgldAttack, TrainOn};
pub use targets::{AudienceSpec, SelectError, TargetSpec};
pub use uniform::UniformAttack;
pub use walk::{SGraphAttack, ScoreScale, SrwaAttack, WalkInfluence};
pub use weighting::{WeightScale, WeightingAttack};
