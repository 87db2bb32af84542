//! How long a profile is and how popular its items are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Interactions, LabelledProfiles, Suspicion,
};

use crate::catalogue::Described;
use crate::flag::{flag, in_range};

/// Flags users whose profile length or mean item popularity is far from everybody's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileShapeDetector {
    /// Robust standard deviations from the median beyond which a user is flagged.
    pub deviations: f64,
}

impl Default for ProfileShapeDetector {
    fn default() -> Self {
        Self { deviations: 3.5 }
    }
}

impl Detector for ProfileShapeDetector {
    fn fit(
        &self,
        _: Option<&LabelledProfiles<'_>>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        in_range("deviations", self.deviations, 0.0, f64::MAX, "a number of at least 0")?;
        Ok(Box::new(self.clone()))
    }
}

impl FittedDetector for ProfileShapeDetector {
    fn inspect(&self, log: &Interactions, _: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let counts = log.item_counts();
        let active: Vec<_> = log.rows().map(|row| (!row.is_empty()).then_some(row)).collect();
        let length: Vec<Option<f64>> =
            active.iter().map(|row| row.map(|row| (row.len() as f64).ln())).collect();
        // In the order of ids, so that the sum has the same bits whatever the order of times.
        let popularity: Vec<Option<f64>> = active
            .iter()
            .map(|row| {
                let row = (*row)?;
                let sum: f64 = row.sorted().iter().map(|i| f64::from(counts[i.index()]).ln()).sum();
                Some(sum / row.len() as f64)
            })
            .collect();
        let (length, popularity) = (robust_z(&length), robust_z(&popularity));
        let score: Vec<f64> = length.iter().zip(&popularity).map(|(l, p)| l.abs().max(p.abs())).collect();
        let reason = |user: usize| {
            let (l, p) = (length[user], popularity[user]);
            Some(if p.abs() >= l.abs() {
                format!("items {} popular than usual ({:.1} deviations)", more_or_less(p), p.abs())
            } else {
                format!("a profile {} than usual ({:.1} deviations)", longer_or_shorter(l), l.abs())
            })
        };
        Ok(flag(log, score, Some(self.deviations), |_, score| score > self.deviations, &reason))
    }
}

fn more_or_less(z: f64) -> &'static str {
    if z > 0.0 { "more" } else { "less" }
}

fn longer_or_shorter(z: f64) -> &'static str {
    if z > 0.0 { "longer" } else { "shorter" }
}

/// Distance to the median in units of 1.4826 median absolute deviations, or 1.2533 mean absolute deviations where most users
/// are alike; both are one standard deviation of a normal distribution. 0 where there is no value or no spread.
fn robust_z(values: &[Option<f64>]) -> Vec<f64> {
    let center = median(values.iter().flatten().copied().collect());
    let deviations: Vec<f64> = values.iter().flatten().map(|v| (v - center).abs()).collect();
    let mean = deviations.iter().sum::<f64>() / deviations.len().max(1) as f64;
    let typical = median(deviations);
    let spread = if typical > 0.0 { 1.4826 * typical } else { 1.2533 * mean };
    let z = |value: &Option<f64>| value.filter(|_| spread > 0.0).map_or(0.0, |v| (v - center) / spread);
    values.iter().map(z).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

impl Described for ProfileShapeDetector {
    const CARD: Card = Card {
        name: "profile-shape",
        summary: "users whose profile length or item popularity is far from everybody's",
        doc: include_str!("../../../docs/detectors/profile-shape.md"),
        reference: "B. Iglewicz, D. C. Hoaglin: How to detect and handle outliers. ASQC 1993",
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_taken_to_the_median() {
        let z = robust_z(&[Some(1.0), Some(2.0), Some(3.0), None, Some(4.0), Some(100.0)]);
        // Median 3, absolute deviations 2, 1, 0, 1, 97 with median 1.
        let want = [-2.0, -1.0, 0.0, 0.0, 1.0, 97.0].map(|d| d / 1.4826);
        assert!(z.iter().zip(want).all(|(z, want)| (z - want).abs() < 1e-12), "{z:?}");
        let alike = robust_z(&[Some(5.0), Some(5.0), Some(9.0)]);
        assert_eq!(alike[..2], [0.0; 2]);
        assert!((alike[2] - 3.0 / 1.2533).abs() < 1e-12);
        assert_eq!(robust_z(&[Some(5.0), None, Some(5.0)]), [0.0; 3]);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
    }
}
