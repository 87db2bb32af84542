//! Which items are attacked, and in whose lists.

mod audience;
mod error;
mod labels;
mod text;

use std::path::PathBuf;

use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Interactions, ItemId, ItemStats, Seed};

pub use audience::AudienceSpec;
pub use error::SelectError;

/// A rule that selects target items.
///
/// On the command line `random:10`, `unpopular:10`, `unpopular:10:max=5`, `near:0.8:tol=0.05:10`,
/// `band:20-40:10`, `ids:L1,L2` and `@file`; in a file `{ unpopular = { count = 10, max_interactions = 5 } }`.
///
/// ```
/// use shillproof_attacks::TargetSpec;
/// let rule: TargetSpec = "unpopular:5:max=10".parse()?;
/// assert_eq!(rule, TargetSpec::Unpopular { count: 5, max_interactions: Some(10) });
/// # Ok::<(), shillproof_attacks::SelectError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TargetSpec {
    /// Uniform over all items.
    Random {
        /// How many.
        count: usize,
    },
    /// The items with fewest interactions, ties drawn by the seed.
    Unpopular {
        /// How many.
        count: usize,
        /// Instead: uniform over all items with at most this many interactions, those without any included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_interactions: Option<u32>,
    },
    /// Uniform over the items whose average predicted rating, before any attack, is near a value.
    Near {
        /// The value.
        value: f64,
        /// How near.
        #[serde(default = "default_tolerance")]
        tolerance: f64,
        /// How many.
        count: usize,
    },
    /// Uniform over the items between two percentiles of popularity, the lower one excluded.
    Band {
        /// Percentile from which on, 0 to 100; 0 is the least popular item.
        low: f64,
        /// Percentile up to which, 0 to 100.
        high: f64,
        /// How many.
        count: usize,
    },
    /// These labels.
    Ids(Vec<String>),
    /// The labels in this file, one a line.
    File(PathBuf),
}

fn default_tolerance() -> f64 {
    0.05
}

impl Default for TargetSpec {
    fn default() -> Self {
        Self::Random { count: 10 }
    }
}

impl TargetSpec {
    /// Whether [`TargetSpec::select`] needs average predicted ratings.
    pub fn needs_predictions(&self) -> bool {
        matches!(self, Self::Near { .. })
    }

    /// The targets, in random order where the rule draws them and in the given order otherwise.
    ///
    /// Randomness comes from a child of `seed` of its own, so that every attack gets the same targets.
    ///
    /// # Shapes
    /// `data`: all genuine interactions, not only those of the training part. `label`: the label of an
    /// item. `predictions`: average predicted rating an item over all genuine users, by the victim
    /// fitted without an attack.
    ///
    /// # Errors
    /// If a label is unknown or named twice, a number is out of range, fewer items fit the rule than
    /// it asks for, or predictions are needed and not given.
    pub fn select<'l>(
        &self,
        data: &Interactions,
        label: &dyn Fn(ItemId) -> &'l str,
        predictions: Option<&[f64]>,
        seed: Seed,
    ) -> Result<Vec<ItemId>, SelectError> {
        self.check()?;
        let seed = seed.child("targets");
        let all = || (0..data.n_items() as u32).map(ItemId);
        let labels = || all().map(label).collect::<Vec<_>>();
        match self {
            Self::Random { count } => self.draw(&all().collect::<Vec<_>>(), *count, seed),
            Self::Unpopular { count, max_interactions: None } => {
                let ranked = least_popular(data, seed);
                if *count > ranked.len() {
                    return Err(self.too_few(*count, ranked.len()));
                }
                Ok(ranked[..*count].to_vec())
            }
            Self::Unpopular { count, max_interactions: Some(most) } => {
                let counts = data.item_counts();
                let rare: Vec<ItemId> = all().filter(|i| counts[i.index()] <= *most).collect();
                self.draw(&rare, *count, seed)
            }
            Self::Near { value, tolerance, count } => {
                let averages = predictions.ok_or(SelectError::NeedsPredictions)?;
                let near = |i: &ItemId| (averages[i.index()] - value).abs() <= *tolerance;
                self.draw(&all().filter(near).collect::<Vec<_>>(), *count, seed)
            }
            Self::Band { low, high, count } => {
                let ranked = least_popular(data, seed);
                let n = ranked.len() as f64;
                let inside = ranked.iter().enumerate().filter(|(rank, _)| {
                    let percentile = 100.0 * (*rank as f64 + 1.0) / n;
                    percentile > *low && percentile <= *high
                });
                self.draw(&inside.map(|(_, &i)| i).collect::<Vec<_>>(), *count, seed)
            }
            Self::Ids(wanted) => {
                Ok(labels::find("item", wanted, &labels())?.into_iter().map(ItemId).collect())
            }
            Self::File(path) => Ok(labels::read("item", path, &labels())?.into_iter().map(ItemId).collect()),
        }
    }

    fn check(&self) -> Result<(), SelectError> {
        let refuse =
            |got: String, expected| Err(SelectError::Number { rule: self.to_string(), got, expected });
        match *self {
            Self::Random { count: 0 }
            | Self::Unpopular { count: 0, .. }
            | Self::Near { count: 0, .. }
            | Self::Band { count: 0, .. } => refuse("0".into(), "at least one target"),
            Self::Near { value, .. } if !value.is_finite() => refuse(value.to_string(), "a finite rating"),
            Self::Near { tolerance, .. } if !(tolerance >= 0.0 && tolerance.is_finite()) => {
                refuse(tolerance.to_string(), "a tolerance of at least 0")
            }
            Self::Band { low, high, .. } if !(0.0 <= low && low < high && high <= 100.0) => {
                refuse(format!("{low}-{high}"), "two ascending percentiles from 0 to 100")
            }
            _ => Ok(()),
        }
    }

    fn draw(&self, from: &[ItemId], count: usize, seed: Seed) -> Result<Vec<ItemId>, SelectError> {
        if count > from.len() {
            return Err(self.too_few(count, from.len()));
        }
        let mut rng = seed.child("draw").rng();
        Ok(index::sample(&mut rng, from.len(), count).into_iter().map(|k| from[k]).collect())
    }

    fn too_few(&self, wanted: usize, found: usize) -> SelectError {
        SelectError::TooFew { rule: self.to_string(), wanted, found, what: "items" }
    }
}

/// All items, least popular first, equal counts in an order drawn from `seed`.
fn least_popular(data: &Interactions, seed: Seed) -> Vec<ItemId> {
    let ties = seed.child("ties");
    let mut ranked = ItemStats::of(data).by_popularity(|i| ties.index(u64::from(i.0)).value());
    ranked.reverse();
    ranked
}
