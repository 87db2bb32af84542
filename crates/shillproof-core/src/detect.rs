//! Detectors: from the log as the operator has it to a suspicion a user.

use thiserror::Error;

use crate::attack::FakeProfiles;
use crate::context::{Cancelled, Ctx};
use crate::interactions::{InteractionError, Interactions};

/// Examples for a detector that learns: genuine users and fake users of attacks made for the purpose.
/// They say nothing about who is fake in the data that is inspected later.
#[derive(Clone, Copy, Debug)]
pub struct LabelledProfiles<'a> {
    /// A log without fake users.
    pub genuine: &'a Interactions,
    /// Fake users for that log. Each block is one attack of its own, to be looked at among the genuine
    /// users without the other blocks: features of a group then see the density of one attack.
    pub blocks: &'a [FakeProfiles],
}

/// A recipe for a detector: parameters only. It sees the log and nothing else, neither who is fake nor how
/// many are, unless its own parameters assume a share.
pub trait Detector: Send + Sync {
    /// Fake example profiles that it learns from; none for a detector that does not learn.
    fn examples(&self) -> usize {
        0
    }

    /// Makes the detector ready. One that does not learn ignores `examples`.
    ///
    /// # Errors
    /// If a parameter is out of range, examples are needed and missing or of one kind only, or somebody asked to stop.
    fn fit(
        &self,
        examples: Option<&LabelledProfiles<'_>>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError>;
}

/// A detector that is ready to look at data.
pub trait FittedDetector: Send + Sync {
    /// Scores every user of `log`. The same log and seed give the same bits with any number of threads.
    ///
    /// # Errors
    /// If the data lacks what the detector looks at, or somebody asked to stop.
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError>;
}

/// What a detector thinks of each user of a log.
///
/// # Shapes
/// One entry a user, in the order of ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspicion {
    /// Higher is more suspicious; finite. Scores order users, and mean nothing more across detectors.
    pub score: Vec<f64>,
    /// Whom the detector would remove. More than a threshold where a detector takes suspicions back.
    pub flagged: Vec<bool>,
    /// Why, for flagged users, where the detector can say it in words.
    pub reason: Vec<Option<String>>,
    /// The score beyond which users are flagged, where there is one.
    pub threshold: Option<f64>,
}

impl Suspicion {
    /// Number of flagged users.
    ///
    /// ```
    /// let two = shillproof_core::Suspicion { flagged: vec![true, false, true], ..Default::default() };
    /// assert_eq!(two.count(), 2);
    /// ```
    pub fn count(&self) -> usize {
        self.flagged.iter().filter(|&&flagged| flagged).count()
    }
}

/// Why a detector has nothing to say. Fragments that read well after "failed to detect".
#[derive(Debug, Error)]
pub enum DetectError {
    /// Somebody asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A parameter out of range.
    #[error("parameter `{name}` is {got}, expected {expected}")]
    Parameter {
        /// Field of the detector.
        name: &'static str,
        /// What it was.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The features are made of rating values.
    #[error("the data has no rating values, and without them every user looks the same to this detector")]
    NeedsRatings,
    /// Nothing to learn from.
    #[error(
        "this detector learns from labelled examples, and there are {genuine} genuine and {fake} fake ones"
    )]
    NeedsExamples {
        /// Genuine examples there are.
        genuine: usize,
        /// Fake examples there are.
        fake: usize,
    },
    /// Fake users that are not of this catalogue.
    #[error(transparent)]
    Fakes(#[from] InteractionError),
    /// The solver gave up.
    #[error("the classifier could not be trained: {0}")]
    Training(String),
}

impl DetectError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NeedsRatings => {
                Some("use `pca`, `duplicates` or `profile-shape`, or data with ratings".into())
            }
            Self::NeedsExamples { .. } => {
                Some("name attacks to learn from, for example `--train-attack random,average`".into())
            }
            _ => None,
        }
    }
}
