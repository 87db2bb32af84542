//! How splits are written: on the command line and in experiment files.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use shillproof_core::Fraction;
use shillproof_core::catalogue::nearest;
use shillproof_core::fraction::FractionError;
use thiserror::Error;

use crate::text_or_table;

const FORMS: &str = "none, leave-one-out[:latest|:random], ratio[:TRAIN:VALID:TEST][:per-user], or sequence";

/// How data is split into training, validation and test parts.
///
/// ```
/// use shillproof_data::split::{LeaveOneOut, Pick, SplitSpec};
/// let split: SplitSpec = "leave-one-out:random".parse()?;
/// assert_eq!(split, SplitSpec::LeaveOneOut(LeaveOneOut { pick: Pick::Random, validation: false }));
/// # Ok::<(), shillproof_data::split::SplitTextError>(())
/// ```
/// A file has the same text or a table: `"none"`, `{ leave-one-out = { pick = "random" } }`, `{ ratio = {} }`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SplitSpec {
    /// Everything is training.
    None,
    /// One interaction of each user is held out.
    LeaveOneOut(LeaveOneOut),
    /// Shares are held out.
    Ratio(Ratio),
    /// Of a user's T interactions the first T - 2 train, the next one validates, the last one tests.
    Sequence,
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self::LeaveOneOut(LeaveOneOut::default())
    }
}

/// One interaction of each user with at least two goes to test; with `validation`, another one of
/// each user with at least three. The test part is the same with and without validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeaveOneOut {
    /// Which one.
    pub pick: Pick,
    /// Also holds out the one before (latest) or another one (random) for validation.
    pub validation: bool,
}

/// Which interaction of a user is held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// The latest where the data has times, else a random one.
    #[default]
    Auto,
    /// The latest; among equal times the one of the greatest item. Data without times is refused.
    Latest,
    /// A uniform one.
    Random,
}

/// Shares of the interactions. Valid and test counts are rounded down; the rest trains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ratio {
    /// Share that trains, above 0.
    pub train: Fraction,
    /// Share that validates.
    pub valid: Fraction,
    /// Share that tests.
    pub test: Fraction,
    /// What the shares are taken of.
    pub per: Per,
    /// In which order interactions are dealt: first to training, last to test.
    pub order: Order,
}

impl Default for Ratio {
    /// 80 / 10 / 10 of all interactions, shuffled.
    fn default() -> Self {
        let tenths = |n: f64| Fraction::new(n / 10.0).expect("tenths up to ten are fractions");
        Self {
            train: tenths(8.0),
            valid: tenths(1.0),
            test: tenths(1.0),
            per: Per::default(),
            order: Order::default(),
        }
    }
}

/// What shares are taken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// All interactions together. Where a whole row would be held out, the one dealt first trains.
    #[default]
    Interactions,
    /// The interactions of each user.
    User,
}

/// In which order interactions are dealt to the parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// At random, by the seed.
    #[default]
    Shuffled,
    /// By `splitmix64(user << 32 | item)` of labels that are whole numbers, whatever the seed: a split
    /// that any language reproduces in a line, for comparing with other libraries.
    LabelHash,
}

/// Text that says no split. Fragments that read well after "failed to read the split".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SplitTextError {
    /// No split is called so.
    #[error("no split is called `{name}`, expected {FORMS}")]
    Name {
        /// What was asked for.
        name: String,
    },
    /// Something after the name that the split does not know.
    #[error("`{text}` is not a split, expected {FORMS}")]
    Parts {
        /// The whole text.
        text: String,
    },
    /// A part that is not a fraction.
    #[error("in `{text}`, {source}")]
    Fraction {
        /// The whole text.
        text: String,
        /// What was wrong.
        source: FractionError,
    },
}

impl SplitTextError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Name { name } => nearest(name, &["none", "leave-one-out", "ratio", "sequence"])
                .map(|n| format!("did you mean `{n}`?")),
            _ => Some(format!("write {FORMS}")),
        }
    }
}

impl FromStr for SplitSpec {
    type Err = SplitTextError;

    fn from_str(text: &str) -> Result<Self, SplitTextError> {
        let text = text.trim();
        let parts: Vec<&str> = text.split(':').collect();
        let share = |part: &str| -> Result<Fraction, SplitTextError> {
            part.parse().map_err(|source| SplitTextError::Fraction { text: text.into(), source })
        };
        let pick = |pick| Self::LeaveOneOut(LeaveOneOut { pick, validation: false });
        Ok(match parts[..] {
            ["none"] => Self::None,
            ["sequence"] => Self::Sequence,
            ["leave-one-out"] => pick(Pick::Auto),
            ["leave-one-out", "latest"] => pick(Pick::Latest),
            ["leave-one-out", "random"] => pick(Pick::Random),
            ["ratio"] => Self::Ratio(Ratio::default()),
            ["ratio", "per-user"] => Self::Ratio(Ratio { per: Per::User, ..Ratio::default() }),
            ["ratio", train, valid, test] | ["ratio", train, valid, test, "per-user"] => {
                let per = if parts.len() == 5 { Per::User } else { Per::Interactions };
                Self::Ratio(Ratio {
                    train: share(train)?,
                    valid: share(valid)?,
                    test: share(test)?,
                    per,
                    order: Order::Shuffled,
                })
            }
            ["none" | "sequence" | "leave-one-out" | "ratio", ..] => {
                return Err(SplitTextError::Parts { text: text.into() });
            }
            _ => return Err(SplitTextError::Name { name: parts[0].into() }),
        })
    }
}

/// The name alone, as tables of results show it.
impl fmt::Display for SplitSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::LeaveOneOut(_) => "leave-one-out",
            Self::Ratio(_) => "ratio",
            Self::Sequence => "sequence",
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Table {
    None {},
    LeaveOneOut(LeaveOneOut),
    Ratio(Ratio),
    Sequence {},
}

impl From<Table> for SplitSpec {
    fn from(table: Table) -> Self {
        match table {
            Table::None {} => Self::None,
            Table::LeaveOneOut(spec) => Self::LeaveOneOut(spec),
            Table::Ratio(spec) => Self::Ratio(spec),
            Table::Sequence {} => Self::Sequence,
        }
    }
}

impl<'de> Deserialize<'de> for SplitSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_table::deserialize::<D, Self, Table>(deserializer, FORMS)
    }
}
