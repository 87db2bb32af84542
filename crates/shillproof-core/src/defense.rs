//! Defenses: whoever owns the whole fit can filter, re-weight or train otherwise.

use thiserror::Error;

use crate::context::{Cancelled, Ctx};
use crate::detect::{DetectError, Detector, FittedDetector};
use crate::ids::UserId;
use crate::interactions::Interactions;
use crate::victim::{FitError, FitJob, Recommender, Victim};

/// One training under a defense.
#[derive(Clone, Copy)]
pub struct DefenseJob<'a> {
    /// What the victim would be trained on without the defense.
    pub fit: FitJob<'a>,
    /// The same users' log as they left it: with ratings where there are any, also when the victim takes none.
    pub log: &'a Interactions,
    /// The fitted form of [`Defense::detector`]; none for a defense without a detector.
    pub detector: Option<&'a dyn FittedDetector>,
}

/// A recipe for training a victim on data that nobody vouches for.
pub trait Defense: Send + Sync {
    /// The detector it relies on, which somebody has to fit beforehand.
    fn detector(&self) -> Option<&dyn Detector> {
        None
    }

    /// Trains `victim` its own way.
    ///
    /// # Errors
    /// If the detector is missing or fails, the victim cannot be fitted, or somebody asked to stop.
    fn fit(&self, victim: &dyn Victim, job: &DefenseJob<'_>, ctx: &Ctx<'_>)
    -> Result<Defended, DefenseError>;
}

/// What a defense yields.
pub struct Defended {
    /// The trained recommender. It knows all users of the log.
    pub recommender: Box<dyn Recommender>,
    /// Users whose rows were not trained on, in the order of ids: they get no recommendations.
    pub removed: Vec<UserId>,
}

/// Why there is no defended recommender. Fragments that read well after "failed to defend".
#[derive(Debug, Error)]
pub enum DefenseError {
    /// Somebody asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The victim could not be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The detector failed.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Nobody has fitted the detector.
    #[error("the defense's detector has not been fitted")]
    NoDetector,
}

impl DefenseError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Detect(error) => error.hint(),
            _ => None,
        }
    }
}
