//! Users who correlate with many others and little with the main directions of taste.

mod subspace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Interactions, LabelledProfiles, Size, Suspicion,
};

use crate::catalogue::Described;
use crate::coin_flip::five_percent;
use crate::flag::flag_most_suspicious;
use subspace::{Standardised, leading_directions};

/// What is brought to mean 0 and deviation 1, unrated cells counting as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ZScore {
    /// Each user's row.
    #[default]
    User,
    /// Each item's column.
    Item,
}

/// `PCASelectUsers`: flags the users with the smallest squared loadings on the leading principal components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PcaDetector {
    /// Principal components that are looked at; 1 to 10.
    pub components: usize,
    /// What is standardised.
    pub zscore: ZScore,
    /// Users that are flagged: the share or number that is assumed to be fake.
    pub contamination: Size,
}

impl Default for PcaDetector {
    fn default() -> Self {
        Self { components: 3, zscore: ZScore::User, contamination: five_percent() }
    }
}

impl Detector for PcaDetector {
    fn fit(
        &self,
        _: Option<&LabelledProfiles<'_>>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        if !(1..=10).contains(&self.components) {
            let got = self.components.to_string();
            return Err(DetectError::Parameter { name: "components", got, expected: "1 to 10" });
        }
        Ok(Box::new(self.clone()))
    }
}

impl FittedDetector for PcaDetector {
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let rows = Standardised::new(log, self.zscore);
        let loadings = leading_directions(&rows, self.components, ctx)?;
        let distance = |user: usize| loadings.iter().map(|v| v[user] * v[user]).sum::<f64>();
        let score = (0..log.n_users()).map(|user| -distance(user)).collect();
        let reason = |_| Some("little in common with the main directions of taste".to_owned());
        Ok(flag_most_suspicious(log, score, self.contamination, &reason))
    }
}

impl Described for PcaDetector {
    const CARD: Card = Card {
        name: "pca",
        summary: "users who have little in common with the main directions of taste",
        doc: include_str!("../../../../docs/detectors/pca.md"),
        reference: "B. Mehta, W. Nejdl: Unsupervised strategies for shilling detection and robust collaborative \
                    filtering. User Modeling and User-Adapted Interaction 19, 2009",
    };
}
