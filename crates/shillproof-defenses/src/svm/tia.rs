//! Target item analysis on top of the classifier.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Interactions, LabelledProfiles, Objective, Suspicion, UserId,
};

use super::{FittedSvm, SvmDetector};
use crate::catalogue::Described;
use crate::flag::{flag, in_range};

/// How the number of suspects behind an item is compared with the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetCount {
    /// More than the threshold.
    #[default]
    Above,
    /// At least the threshold.
    AtLeast,
}

/// The classifier of `svm`; then suspects are kept only if they share a pushed item with enough other suspects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SvmTiaDetector {
    /// The classifier.
    pub svm: SvmDetector,
    /// Suspects behind a target item, as a share of all users with interactions, rounded to a whole number.
    pub threshold: f64,
    /// How the number of suspects is compared with it.
    pub count: TargetCount,
}

impl Default for SvmTiaDetector {
    fn default() -> Self {
        Self { svm: SvmDetector::default(), threshold: 0.004, count: TargetCount::default() }
    }
}

impl Detector for SvmTiaDetector {
    fn examples(&self) -> usize {
        self.svm.examples
    }

    fn fit(
        &self,
        examples: Option<&LabelledProfiles<'_>>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        in_range("threshold", self.threshold, 0.0, 1.0, "0 to 1")?;
        let svm = self.svm.train(examples, ctx)?;
        Ok(Box::new(FittedTia { svm, threshold: self.threshold, count: self.count }))
    }
}

struct FittedTia {
    svm: FittedSvm,
    threshold: f64,
    count: TargetCount,
}

/// What target item analysis makes of suspects.
struct Targets {
    /// Whether an item is taken for a target.
    is_target: Vec<bool>,
    /// The rating that pushes.
    extreme: f32,
}

impl FittedTia {
    fn targets(&self, log: &Interactions, suspect: &[bool]) -> Result<Targets, DetectError> {
        let scale = log.scale().ok_or(DetectError::NeedsRatings)?;
        let extreme = match self.svm.recipe.objective {
            Objective::Promote => scale.max,
            Objective::Demote => scale.min,
        };
        let users = log.rows().filter(|row| !row.is_empty()).count();
        let threshold = (self.threshold * users as f64).round();
        let mut pushed = vec![0u32; log.n_items()];
        for user in log.users().filter(|user| suspect[user.index()]) {
            for (item, _) in log.row(user).iter().filter(|&(_, r)| r == extreme) {
                pushed[item.index()] += 1;
            }
        }
        let enough = |&n: &u32| match self.count {
            TargetCount::Above => f64::from(n) > threshold,
            TargetCount::AtLeast => n > 0 && f64::from(n) >= threshold,
        };
        Ok(Targets { is_target: pushed.iter().map(enough).collect(), extreme })
    }
}

impl Targets {
    /// How many of them the user pushes.
    fn pushed_by(&self, log: &Interactions, user: usize) -> usize {
        let pushes =
            |&(item, r): &(shillproof_core::ItemId, f32)| r == self.extreme && self.is_target[item.index()];
        log.row(UserId(user as u32)).iter().filter(pushes).count()
    }
}

/// Confirmed suspects keep their decision value, released ones fall into (−1, 0), all others below −1.
fn rank(value: f64, confirmed: bool) -> f64 {
    match (value > 0.0, confirmed) {
        (true, true) => value,
        (true, false) => -1.0 / (1.0 + value),
        (false, _) => value - 1.0,
    }
}

impl FittedDetector for FittedTia {
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let values = self.svm.decision_values(log, ctx)?;
        let suspect: Vec<bool> = values.iter().map(|&value| value > 0.0).collect();
        let targets = self.targets(log, &suspect)?;
        let pushed: Vec<usize> = (0..log.n_users()).map(|user| targets.pushed_by(log, user)).collect();
        let score = values.iter().zip(&pushed).map(|(&value, &n)| rank(value, n > 0)).collect();
        let reason = |user: usize| {
            let items = if pushed[user] == 1 { "an item" } else { "items" };
            Some(format!("ratings like those of the fake examples, and pushes {items} with other suspects"))
        };
        Ok(flag(log, score, Some(0.0), |_, score| score > 0.0, &reason))
    }
}

impl Described for SvmTiaDetector {
    const CARD: Card = Card {
        name: "svm-tia",
        summary: "the support vector machine, then only suspects who push an item together",
        doc: include_str!("../../../../docs/detectors/svm-tia.md"),
        reference: "W. Zhou, J. Wen, Q. Xiong, M. Gao, J. Zeng: SVM-TIA a shilling attack detection method based on SVM \
                    and target item analysis in recommender systems. Neurocomputing 210, 2016",
    };
    const NEEDS_RATINGS: bool = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_suspects_stand_between_confirmed_ones_and_the_rest() {
        let ranks = [rank(2.0, true), rank(0.1, true), rank(0.1, false), rank(9.0, false), rank(-0.1, true)];
        assert_eq!((ranks[0], ranks[1]), (2.0, 0.1));
        assert!(ranks[2] < 0.0 && ranks[2] < ranks[3] && ranks[3] < 0.0 && ranks[2] > -1.0);
        assert!(ranks[4] < -1.0);
    }
}
