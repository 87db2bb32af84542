//! What would have caught the attacks, and what is left of them then.

use shillproof_attacks::AttackSpec;
use shillproof_core::Seed;
use shillproof_core::catalogue::Catalogue;
use shillproof_defenses::{DefenseSpec, DetectorSpec, RemoveFlagged};

use super::evidence::{Evidence, MetricAt, kind};
use super::findings::{Caught, Guarded};
use super::{AuditError, Search};
use crate::stats::{Summary, compare, mean};

/// What detectors and the defense built on the best of them achieved.
#[derive(Default)]
pub(super) struct Stopped {
    pub(super) caught: Vec<Caught>,
    pub(super) guarded: Vec<Guarded>,
}

impl Search<'_> {
    /// Lets the detectors of the preset look at every attack of the reference size, and trains the victim once more without the users whom the best
    /// of them flags under the strongest attack.
    pub(super) fn stop(&mut self, strongest: Option<&str>) -> Result<Stopped, AuditError> {
        let detectors = self.scene.effort.detectors();
        let seed = Seed::new(self.scene.seed);
        let mut experiment =
            self.scene.experiment(&self.scene.attacks, &self.scene.targets, &[self.scene.reference]);
        experiment.repeats = 1;
        experiment.attack.retain(|attack| !matches!(attack, AttackSpec::None(_)));
        experiment.measure.detectors.clone_from(&detectors);
        let looked_at = if self.scene.looks_at_once() {
            self.evidence.records().to_vec()
        } else {
            self.run(&experiment)?
        };
        let found = Evidence::new(looked_at, seed);
        let caught = self.caught(&found, &detectors)?;

        let best = strongest.and_then(|attack| best(&caught, attack));
        let spec = detectors.into_iter().find(|d| Some(d.card().name) == best.as_deref());
        let (Some(strongest), Some(detector)) = (strongest, spec) else {
            return Ok(Stopped { caught, guarded: Vec::new() });
        };
        experiment.attack.retain(|attack| attack.card().name == strongest);
        experiment.measure.detectors.clear();
        experiment.defense =
            vec![DefenseSpec::RemoveFlagged(RemoveFlagged { detector, ..Default::default() })];
        let defended = Evidence::new(self.run(&experiment)?, seed);
        let detector = best.unwrap_or_default();
        let guarded = self.guarded(&defended, strongest, &detector, seed)?;
        Ok(Stopped { caught, guarded })
    }

    fn caught(&self, found: &Evidence, detectors: &[DetectorSpec]) -> Result<Vec<Caught>, AuditError> {
        let reference = self.scene.reference;
        let mut caught = Vec::new();
        for attack in &self.scene.attacks {
            for targets in &self.scene.targets {
                for detector in detectors {
                    let (attack, kind, detector) = (attack.card().name, kind(targets), detector.card().name);
                    let of = |metric: &str| -> Result<Option<Summary>, AuditError> {
                        let metric = format!("{metric}/{detector}");
                        Ok(found.summary(attack, kind, reference, MetricAt { metric: &metric, k: None })?)
                    };
                    if let (Some(auroc), Some(fpr), Some(fnr)) = (of("auroc")?, of("fpr")?, of("fnr")?) {
                        caught.push(Caught {
                            detector: detector.into(),
                            attack: attack.into(),
                            kind: kind.into(),
                            fake_users: reference,
                            auroc,
                            recall_at_1_percent: of("recall_at_fpr/0.01")?,
                            fpr,
                            fnr,
                        });
                    }
                }
            }
        }
        Ok(caught)
    }

    fn guarded(
        &self,
        defended: &Evidence,
        attack: &str,
        detector: &str,
        seed: Seed,
    ) -> Result<Vec<Guarded>, AuditError> {
        let reference = self.scene.reference;
        let mut guarded = Vec::new();
        for targets in &self.scene.targets {
            let kind = kind(targets);
            let plain = self.evidence.values(attack, kind, reference, self.scene.hit_ratio())?;
            let with = defended.values(attack, kind, reference, self.scene.hit_ratio())?;
            let count = |metric| defended.summary(attack, kind, reference, MetricAt { metric, k: None });
            let (Some(change), Some(removed_genuine), Some(removed_fake)) =
                (compare(&with, &plain, seed), count("removed_genuine")?, count("removed_fake")?)
            else {
                continue;
            };
            guarded.push(Guarded {
                defense: "remove-flagged".into(),
                detector: detector.into(),
                attack: attack.into(),
                kind: kind.into(),
                fake_users: reference,
                without: plain.summary(seed).map_or(0.0, |s| s.mean),
                hit_ratio: defended
                    .summary(attack, kind, reference, self.scene.hit_ratio())?
                    .map_or(0.0, |s| s.mean),
                change,
                removed_genuine,
                removed_fake,
            });
        }
        Ok(guarded)
    }
}

/// The detector whose own rule tells fake from genuine users best under `attack`: the largest 1 − FNR − FPR over kinds of target, the
/// first of equals. Chance is not asked.
fn best(caught: &[Caught], attack: &str) -> Option<String> {
    let mut best: Option<(f64, &str)> = None;
    for row in caught.iter().filter(|c| c.attack == attack && c.detector != "coin-flip") {
        let own = caught.iter().filter(|c| c.attack == attack && c.detector == row.detector);
        let gains: Vec<f64> = own.map(|c| 1.0 - c.fnr.mean - c.fpr.mean).collect();
        if let Some(gain) = mean(&gains).filter(|gain| best.is_none_or(|(b, _)| *gain > b)) {
            best = Some((gain, &row.detector));
        }
    }
    best.map(|(_, name)| name.to_owned())
}
