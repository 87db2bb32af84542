//! Training without the users that a detector flags.

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use shillproof_core::catalogue::{Card, Catalogue};
use shillproof_core::{
    Ctx, Defended, Defense, DefenseError, DefenseJob, Detector, FitJob, Interactions, Size, UserId, Victim,
};

use super::Described;
use crate::{DetectorSpec, PcaDetector};

/// Removes all rows of flagged users, genuine ones too, and trains the victim on the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RemoveFlagged {
    /// Who flags.
    #[serde(deserialize_with = "named_or_whole")]
    pub detector: DetectorSpec,
    /// Attacks that a detector which learns gets examples of, in the order given: `NAME` or `NAME:key=value,...`, or `same` for the
    /// attack under evaluation.
    pub train_attack: Vec<String>,
    /// Fake users in one block of examples. None: as many as are in the evaluated data, 1 % of the genuine users where there are none.
    pub train_size: Option<Size>,
}

/// A detector as a table, or in the words of the command line: `svm-tia`, `pca:zscore=item`.
fn named_or_whole<'de, D: Deserializer<'de>>(from: D) -> Result<DetectorSpec, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Spelling {
        Inline(String),
        Table(DetectorSpec),
    }
    match Spelling::deserialize(from)? {
        Spelling::Inline(text) => DetectorSpec::from_inline(&text).map_err(D::Error::custom),
        Spelling::Table(spec) => Ok(spec),
    }
}

impl Default for RemoveFlagged {
    fn default() -> Self {
        Self {
            detector: DetectorSpec::Pca(PcaDetector::default()),
            train_attack: ["random", "average", "bandwagon"].map(str::to_owned).to_vec(),
            train_size: None,
        }
    }
}

impl Defense for RemoveFlagged {
    fn detector(&self) -> Option<&dyn Detector> {
        Some(self.detector.detector())
    }

    fn fit(
        &self,
        victim: &dyn Victim,
        job: &DefenseJob<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Defended, DefenseError> {
        let detector = job.detector.ok_or(DefenseError::NoDetector)?;
        let suspicion = detector.inspect(job.log, &ctx.at(ctx.seed.child("detector")))?;
        let removed: Vec<UserId> = job.log.users().filter(|user| suspicion.flagged[user.index()]).collect();
        // Rows are emptied, not taken out: every other user keeps id and random start.
        let keep = |data: &Interactions| data.filter(|user, _, _| !suspicion.flagged[user.index()]);
        let (train, valid) = (keep(job.fit.train), job.fit.valid.map(keep));
        let fit = FitJob { train: &train, valid: valid.as_ref(), ..job.fit };
        Ok(Defended { recommender: victim.fit(&fit, ctx)?, removed })
    }
}

impl Described for RemoveFlagged {
    const CARD: Card = Card {
        name: "remove-flagged",
        summary: "trains without the users that a detector flags",
        doc: include_str!("../../../../docs/defenses/remove-flagged.md"),
        reference: "M. Fang, N. Z. Gong, J. Liu: Influence function based data poisoning attacks to top-N recommender systems. WWW 2020",
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detector_is_named_in_words_or_given_whole() {
        let spelled = |text: &str| crate::DefenseSpec::from_inline(text);
        let named = spelled("remove-flagged:detector=pca:zscore=item").unwrap();
        let crate::DefenseSpec::RemoveFlagged(RemoveFlagged { detector, .. }) = &named else {
            panic!("{named:?}")
        };
        let pca = PcaDetector { zscore: crate::ZScore::Item, ..PcaDetector::default() };
        assert_eq!(*detector, DetectorSpec::Pca(pca));
        assert_eq!(
            serde_json::from_str::<crate::DefenseSpec>(&serde_json::to_string(&named).unwrap()).unwrap(),
            named
        );
        let wrong = spelled("remove-flagged:detector=pcx").unwrap_err().to_string();
        assert!(wrong.contains("pcx"), "{wrong}");
    }
}
