//! A detector that knows nothing: what every other is compared with.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Fraction, Interactions, LabelledProfiles, Size, Suspicion,
};

use crate::catalogue::Described;
use crate::flag::flag_most_suspicious;

/// Suspects users at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CoinFlipDetector {
    /// Users that are flagged.
    pub contamination: Size,
}

/// The share of users that a detector assumes to be fake where nobody says otherwise.
pub(crate) fn five_percent() -> Size {
    Size::Fraction(Fraction::new(0.05).expect("invariant: a share of the whole"))
}

impl Default for CoinFlipDetector {
    fn default() -> Self {
        Self { contamination: five_percent() }
    }
}

impl Detector for CoinFlipDetector {
    fn fit(
        &self,
        _: Option<&LabelledProfiles<'_>>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        Ok(Box::new(self.clone()))
    }
}

impl FittedDetector for CoinFlipDetector {
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let seed = ctx.seed.child("coin-flip");
        let score = (0..log.n_users() as u64).map(|user| seed.index(user).rng().random::<f64>()).collect();
        Ok(flag_most_suspicious(log, score, self.contamination, &|_| None))
    }
}

impl Described for CoinFlipDetector {
    const CARD: Card = Card {
        name: "coin-flip",
        summary: "suspects users at random: what every detector has to beat",
        doc: include_str!("../../../docs/detectors/coin-flip.md"),
        reference: "-",
    };
}
