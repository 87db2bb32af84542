//! The legal ratings of an explicit data set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Legal ratings: `min`, `min + step`, …, `max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatingScale {
    /// Smallest legal rating.
    pub min: f32,
    /// Largest legal rating.
    pub max: f32,
    /// Distance between neighbouring legal ratings; positive.
    pub step: f32,
}

/// A scale that no rating could be on.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("rating scale {min}:{max}:{step} is not a scale: expected finite min <= max and step > 0")]
pub struct ScaleError {
    min: f32,
    max: f32,
    step: f32,
}

impl RatingScale {
    /// The scale from `min` to `max` in steps of `step`.
    ///
    /// # Errors
    /// If a bound is not finite, `min > max`, or `step` is not positive.
    pub fn new(min: f32, max: f32, step: f32) -> Result<Self, ScaleError> {
        if min.is_finite() && max.is_finite() && step.is_finite() && min <= max && step > 0.0 {
            Ok(Self { min, max, step })
        } else {
            Err(ScaleError { min, max, step })
        }
    }

    /// The nearest legal rating; halves go up, values beyond an end go to that end.
    ///
    /// ```
    /// use shillproof_core::RatingScale;
    /// let stars = RatingScale::new(1.0, 5.0, 1.0)?;
    /// assert_eq!(stars.nearest(2.5), 3.0);
    /// assert_eq!(stars.nearest(-7.0), 1.0);
    /// # Ok::<(), shillproof_core::scale::ScaleError>(())
    /// ```
    pub fn nearest(&self, value: f64) -> f32 {
        let steps = ((value - self.min as f64) / self.step as f64 + 0.5).floor();
        self.level(steps).clamp(self.min, self.max)
    }

    /// Whether `rating` is legal (within a thousandth of a step).
    pub fn contains(&self, rating: f32) -> bool {
        let steps = (rating as f64 - self.min as f64) / self.step as f64;
        let slack = 1e-3;
        rating.is_finite()
            && (steps - steps.round()).abs() <= slack
            && rating as f64 >= self.min as f64 - slack * self.step as f64
            && rating as f64 <= self.max as f64 + slack * self.step as f64
    }

    /// All legal ratings in ascending order.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        let n = ((self.max as f64 - self.min as f64) / self.step as f64 + 0.5).floor() as usize + 1;
        (0..n).map(|k| self.level(k as f64).min(self.max))
    }

    fn level(&self, steps: f64) -> f32 {
        (self.min as f64 + steps * self.step as f64) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_up_and_ends_clip() {
        let halves = RatingScale::new(0.5, 5.0, 0.5).unwrap();
        assert_eq!(halves.nearest(0.74), 0.5);
        assert_eq!(halves.nearest(0.75), 1.0);
        assert_eq!(halves.nearest(99.0), 5.0);
        assert_eq!(halves.levels().len(), 10);
        assert!(halves.contains(4.5) && !halves.contains(4.4) && !halves.contains(f32::NAN));
    }

    #[test]
    fn a_single_rating_is_a_scale_and_nonsense_is_not() {
        let one = RatingScale::new(3.0, 3.0, 1.0).unwrap();
        assert_eq!(one.levels().collect::<Vec<_>>(), [3.0]);
        assert!(RatingScale::new(5.0, 1.0, 1.0).is_err());
        assert!(RatingScale::new(1.0, 5.0, 0.0).is_err());
        assert!(RatingScale::new(f32::NAN, 5.0, 1.0).is_err());
    }
}
