//! One trial: cut the data, craft fake users, train, rank the genuine users, measure.
//!
//! [`Setup`] has the steps; [`Trials`] strings them together for the cells of a plan and does once what
//! cells share.

mod craft;
mod detect;
mod executor;
mod groups;
mod measures;
mod memo;
mod setup;

pub use craft::simulating;
pub(crate) use executor::POPULAR_ALREADY;
pub use executor::Trials;
pub use groups::{TRAITS, UserGroup, user_groups};
pub use measures::HIT_RATIO_OF;
pub(crate) use measures::Trial;
pub use setup::{Fitted, Guard, Setup};

use shillproof_attacks::{PoisonError, SelectError};
use shillproof_core::catalogue::CatalogueError;
use shillproof_core::{DefenseError, DetectError, FitError, InteractionError};
use shillproof_data::DataError;
use shillproof_data::knowledge::KnowledgeError;
use shillproof_data::split::SplitError;
use thiserror::Error;

use crate::metrics::MetricError;
use crate::rankings::RankError;
use crate::stats::GroupedError;

/// Why a trial came to no end. Fragments that read well after "failed to".
#[derive(Debug, Error)]
pub enum TrialError {
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data is no longer what the plan was made for.
    #[error("`{name}` has changed since the plan was made")]
    DataChanged {
        /// The data set.
        name: String,
    },
    /// The data could not be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// There are no such targets or users.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The selection is shorter than the plan thought.
    #[error("target number {place} of a selection that found {found}")]
    NoSuchTarget {
        /// Its place, from 0.
        place: usize,
        /// Targets that were found.
        found: usize,
    },
    /// Targets are to be selected by predictions, and there are none.
    #[error("targets are selected by predicted rating, and this victim predicts none")]
    NoPredictions,
    /// The attacker could not be given its knowledge.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// The attack trains one model, and the threat names several.
    #[error("`{attack}` trains one surrogate, and the threat names {found} together")]
    OneSurrogate {
        /// Its name.
        attack: String,
        /// Models that were named.
        found: usize,
    },
    /// The attack failed or broke its budget.
    #[error(transparent)]
    Poison(#[from] PoisonError),
    /// Fake users do not fit the data.
    #[error(transparent)]
    Fakes(#[from] InteractionError),
    /// The victim could not be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A detector has nothing to say.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The defense failed, otherwise than by its victim or its detector.
    #[error(transparent)]
    Defend(DefenseError),
    /// An attack to learn from that does not exist.
    #[error(transparent)]
    TrainAttack(#[from] CatalogueError),
    /// The genuine users could not be ranked.
    #[error(transparent)]
    Rank(#[from] RankError),
    /// A measured value is not a number, or there twice.
    #[error(transparent)]
    Values(#[from] GroupedError),
    /// Something could not be measured.
    #[error(transparent)]
    Metric(#[from] MetricError),
}

/// What a victim or a detector says is told as without a defense around it.
impl From<DefenseError> for TrialError {
    fn from(error: DefenseError) -> Self {
        match error {
            DefenseError::Fit(error) => Self::Fit(error),
            DefenseError::Detect(error) => Self::Detect(error),
            DefenseError::Cancelled(stop) => Self::Fit(stop.into()),
            DefenseError::NoDetector => Self::Defend(error),
        }
    }
}

impl TrialError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Split(error) => error.hint(),
            Self::Select(error) => error.hint(),
            Self::Knowledge(error) => error.hint(),
            Self::Poison(error) => error.hint(),
            Self::Rank(error) => error.hint(),
            Self::Metric(error) => error.hint(),
            Self::Detect(error) => error.hint(),
            Self::TrainAttack(error) => error.hint(),
            Self::Defend(error) => error.hint(),
            Self::Fit(FitError::NeedsRatings) => {
                Some("choose a victim for implicit data, such as `wrmf`, or give data with ratings".into())
            }
            Self::Fit(FitError::NeedsOrder) => Some(
                "give data with a `timestamp` or `position` column (`--columns` names it), or choose a victim that reads no order, such as `bpr`"
                    .into(),
            ),
            Self::NoPredictions => Some(
                "choose targets by another rule, or a victim that predicts ratings, such as `als`".into(),
            ),
            Self::OneSurrogate { .. } => {
                Some("name one surrogate, or choose an attack that simulates a black box by several models, such as `loki`".into())
            }
            Self::DataChanged { .. } => Some("run the command again: it plans anew".into()),
            Self::NoSuchTarget { .. } | Self::Values(_) | Self::Fakes(_) | Self::Fit(_) => None,
        }
    }
}
