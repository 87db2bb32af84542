//! Training, validation and test parts.
//!
//! A split is a partition: every interaction is in exactly one part, and all parts have the same
//! users and items. Nobody's training row becomes empty by splitting: users with too few
//! interactions keep all of them in training.

mod parts;
mod spec;

use shillproof_core::{Interactions, Seed};
use thiserror::Error;

use crate::Dataset;
use parts::Parts;

pub use spec::{LeaveOneOut, Order, Per, Pick, Ratio, SplitSpec, SplitTextError};

/// The parts of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What victims learn from.
    pub train: Interactions,
    /// Held out for the selection of epochs and hyper-parameters.
    pub valid: Option<Interactions>,
    /// Held out for measuring accuracy.
    pub test: Option<Interactions>,
}

impl SplitSpec {
    /// Splits `data`; the same for the same seed.
    ///
    /// # Errors
    /// If the split needs times or labels that are not here, its fractions are not shares of one
    /// whole, or nobody has enough interactions to hold one out.
    pub fn split(&self, data: &Interactions, seed: Seed) -> Result<Split, SplitError> {
        let mut rng = seed.child("split").rng();
        let parts = match self {
            Self::None => {
                return Ok(Split { train: data.clone(), valid: None, test: None });
            }
            Self::LeaveOneOut(spec) => Parts::leave_one_out(data, *spec, &mut rng)?,
            Self::Ratio(spec) => Parts::ratio(data, spec, None, &mut rng)?,
            Self::Sequence => Parts::sequence(data)?,
        };
        parts.cut(data)
    }

    /// Splits the interactions of `data` as [`SplitSpec::split`] does, and can order by labels too.
    ///
    /// # Errors
    /// As [`SplitSpec::split`]; and if labels are asked for that are not whole numbers below 2^32.
    pub fn split_dataset(&self, data: &Dataset, seed: Seed) -> Result<Split, SplitError> {
        match self {
            Self::Ratio(spec @ Ratio { order: Order::LabelHash, .. }) => {
                let keys = parts::label_hashes(data)?;
                Parts::ratio(&data.interactions, spec, Some(&keys), &mut seed.child("split").rng())?
                    .cut(&data.interactions)
            }
            _ => self.split(&data.interactions, seed),
        }
    }
}

/// Why data could not be split. Fragments that read well after "failed to split the data".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SplitError {
    /// An order in time is needed and not there.
    #[error("`{split}` needs times, and the data has none")]
    NoTimes {
        /// The split.
        split: &'static str,
    },
    /// Shares that do not make one whole.
    #[error("train {train}, valid {valid} and test {test} must add up to 1, with train above 0")]
    Fractions {
        /// Share of training.
        train: f64,
        /// Share of validation.
        valid: f64,
        /// Share of test.
        test: f64,
    },
    /// Nothing could be held out.
    #[error("nothing can be held out: the longest row has {longest} interactions, too few for `{split}`")]
    TooFew {
        /// The split.
        split: &'static str,
        /// The most any user has.
        longest: usize,
    },
    /// An order by labels, asked of interactions without labels.
    #[error("the order `label-hash` needs labels, and bare interactions have none")]
    NoLabels,
    /// An order by labels that are not numbers.
    #[error(
        "the order `label-hash` needs whole numbers below 4294967296 as labels, and {kind} `{label}` is none"
    )]
    Label {
        /// "user" or "item".
        kind: &'static str,
        /// The label.
        label: String,
    },
}

impl SplitError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoTimes { split: "sequence" } => {
                "name the column of times or positions, or use the split `leave-one-out:random`".into()
            }
            Self::NoTimes { .. } => {
                "use `leave-one-out:random`, or name the column of times or positions".into()
            }
            Self::Fractions { .. } => "for example train = 0.8, valid = 0.1, test = 0.1".into(),
            Self::TooFew { .. } => {
                "use data with more interactions a user, a larger held-out share, or the split `none`".into()
            }
            Self::NoLabels => "split the data set instead of its interactions".into(),
            Self::Label { .. } => "use the order `shuffled`".into(),
        })
    }
}

#[cfg(test)]
mod tests;
