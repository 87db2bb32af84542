//! Means with what is left open about them: spread, bootstrap intervals and paired tests.
//!
//! Measurements come in two levels: a target is attacked and the victim retrained with several seeds.
//! [`Grouped`] keeps both levels apart; a plain list of values is [`Grouped::flat`].

mod bootstrap;
mod grouped;
mod paired;

pub use bootstrap::{RESAMPLES, bootstrap_interval, bootstrap_spread};
pub use grouped::{Grouped, GroupedError};
pub use paired::{Comparison, Test, Unit, compare, holm, t_test, wilcoxon};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The divisor of a variance of n values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// n: the spread of exactly these values (ddof = 0).
    Population,
    /// n − 1: an estimate for the population they are from (ddof = 1).
    Sample,
}

/// Arithmetic mean; none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard deviation; none of nothing, and none of one value with the sample divisor.
///
/// ```
/// use shillproof_lab::stats::{Divisor, std};
/// assert_eq!(std(&[1.0, 3.0], Divisor::Population), Some(1.0));
/// assert_eq!(std(&[1.0, 3.0], Divisor::Sample), Some(2f64.sqrt()));
/// assert_eq!(std(&[1.0], Divisor::Sample), None);
/// ```
pub fn std(values: &[f64], divisor: Divisor) -> Option<f64> {
    let mean = mean(values)?;
    let n = match divisor {
        Divisor::Population => values.len(),
        Divisor::Sample => values.len() - 1,
    };
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (n > 0).then(|| (squares / n as f64).sqrt())
}

/// A mean as reports print it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Mean over targets of the mean over seeds.
    pub mean: f64,
    /// Standard deviation of the n values (divisor n − 1); none of one value.
    pub std: Option<f64>,
    /// 95 % bootstrap interval of the mean; none of one value.
    pub ci95: Option<[f64; 2]>,
    /// Number of values: (target, seed) pairs.
    pub n: usize,
    /// What a reader must know before trusting the interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
