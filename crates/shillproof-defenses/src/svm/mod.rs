//! A support vector machine on the features of rating profiles, trained on labelled examples.

mod classifier;
mod examples;
#[cfg(test)]
mod golden;
mod tia;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Interactions, LabelledProfiles, Objective, Suspicion,
};

use crate::catalogue::Described;
use crate::features::{Extreme, FeatureSet, MeanVar, ProfileFeatures};
use crate::flag::flag;
use classifier::Classifier;
pub use classifier::Scaling;
pub use tia::{SvmTiaDetector, TargetCount};

/// Which log gives the means and counts of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistics {
    /// The one that is inspected, fake users included: what an operator has.
    #[default]
    Poisoned,
    /// The genuine part of the examples.
    Genuine,
}

/// An RBF support vector machine on profile features; its parameters are chosen by 5-fold cross-validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SvmDetector {
    /// Fake examples to learn from, and as many genuine ones; at least 10.
    pub examples: usize,
    /// Features.
    pub features: FeatureSet,
    /// Which log gives the means and counts of items.
    pub statistics: Statistics,
    /// What an extreme rating is.
    pub extreme: Extreme,
    /// Ratings of the mean variance.
    pub mean_var: MeanVar,
    /// What the attack is expected to do with its targets.
    pub objective: Objective,
    /// How features are brought to one scale; fitted on the examples alone.
    pub scaling: Scaling,
}

impl Default for SvmDetector {
    fn default() -> Self {
        Self {
            examples: 300,
            features: FeatureSet::default(),
            statistics: Statistics::default(),
            extreme: Extreme::default(),
            mean_var: MeanVar::default(),
            objective: Objective::Promote,
            scaling: Scaling::default(),
        }
    }
}

impl SvmDetector {
    fn profile_features(&self) -> ProfileFeatures {
        ProfileFeatures { extreme: self.extreme, mean_var: self.mean_var, objective: self.objective }
    }

    fn train(
        &self,
        examples: Option<&LabelledProfiles<'_>>,
        ctx: &Ctx<'_>,
    ) -> Result<FittedSvm, DetectError> {
        if self.examples < 10 {
            let got = self.examples.to_string();
            return Err(DetectError::Parameter { name: "examples", got, expected: "at least 10" });
        }
        let examples = examples.ok_or(DetectError::NeedsExamples { genuine: 0, fake: 0 })?;
        let labelled = examples::gather(self, examples, ctx)?;
        let classifier = Classifier::fit(&labelled, self.scaling, ctx)?;
        let reference = (self.statistics == Statistics::Genuine).then(|| examples.genuine.clone());
        Ok(FittedSvm { recipe: self.clone(), classifier, reference })
    }
}

/// A trained classifier, and what it needs to compute features.
struct FittedSvm {
    recipe: SvmDetector,
    classifier: Classifier,
    reference: Option<Interactions>,
}

impl FittedSvm {
    /// Decision values, positive for suspects; negative infinity for users without ratings.
    fn decision_values(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Vec<f64>, DetectError> {
        let reference = self.reference.as_ref().unwrap_or(log);
        let rows = self.recipe.profile_features().of(log, reference)?;
        ctx.check()?;
        Ok(self.classifier.decision_values(&rows, self.recipe.features.width()))
    }
}

impl Detector for SvmDetector {
    fn examples(&self) -> usize {
        self.examples
    }

    fn fit(
        &self,
        examples: Option<&LabelledProfiles<'_>>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        Ok(Box::new(self.train(examples, ctx)?))
    }
}

impl FittedDetector for FittedSvm {
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let values = self.decision_values(log, ctx)?;
        let reason = |_| Some("ratings like those of the fake examples".to_owned());
        Ok(flag(log, values, Some(0.0), |_, value| value > 0.0, &reason))
    }
}

impl Described for SvmDetector {
    const CARD: Card = Card {
        name: "svm",
        summary: "a support vector machine on features of rating profiles, trained on crafted examples",
        doc: include_str!("../../../../docs/detectors/svm.md"),
        reference: "B. Mobasher, R. Burke, R. Bhaumik, C. Williams: Toward trustworthy recommender systems. ACM TOIT 7(4), 2007",
    };
    const NEEDS_RATINGS: bool = true;
}
