//! What would have caught the attacks, and what is left of them then.

use shillproof_attacks::AttackSpec;
use shillproof_core::Seed;
use shillproof_core::catalogue::Catalogue;
use shillproof_defenses::{DefenseSpec, DetectorSpec, RemoveFlagged};

use super::evidence::{Evidence, MetricAt, kind};
use super::findings::{Accuracy, Caught, Guarded, PriceOfReach, RocPoint};
use super::verdict::named;
use super::{AuditError, Search, price};
use crate::metrics::FALSE_ALARM_SHARES;
use crate::stats::{Summary, compare, mean};

/// What detectors and the defense built on the best of them achieved.
#[derive(Default)]
pub(super) struct Stopped {
    pub(super) caught: Vec<Caught>,
    pub(super) guarded: Vec<Guarded>,
    pub(super) guarded_accuracy: Vec<Accuracy>,
    pub(super) guarded_price: Option<PriceOfReach>,
}

impl Search<'_> {
    /// Lets the detectors of the preset look at every attack of the reference size, and trains the victim once more without the users whom that one
    /// flags which is best under the strongest attack: against every attack, for an attacker who knows the defense takes another one.
    pub(super) fn stop(
        &mut self,
        strongest: Option<&str>,
        prices: &[PriceOfReach],
    ) -> Result<Stopped, AuditError> {
        let detectors = self.scene.effort.detectors();
        let seed = Seed::new(self.scene.seed);
        let mut experiment =
            self.scene.experiment(&self.scene.attacks, &self.scene.targets, &[self.scene.reference]);
        experiment.repeats = 1;
        let mut watched = experiment.clone();
        watched.attack.retain(|attack| !matches!(attack, AttackSpec::None(_)));
        watched.measure.detectors.clone_from(&detectors);
        let looked_at =
            if self.scene.looks_at_once() { self.evidence.records().to_vec() } else { self.run(&watched)? };
        let found = Evidence::new(looked_at, seed);
        let caught = self.caught(&found, &detectors)?;

        let best = strongest.and_then(|attack| best(&caught, attack));
        let spec = detectors.into_iter().find(|d| Some(d.card().name) == best.as_deref());
        let (Some(name), Some(detector)) = (best, spec) else {
            return Ok(Stopped { caught, ..Stopped::default() });
        };
        let defense = DefenseSpec::RemoveFlagged(RemoveFlagged { detector, ..Default::default() });
        experiment.defense = vec![defense.clone()];
        experiment.measure.detectors.clear();
        if !self.scene.effort.defends_against_all() {
            let is_strongest = |attack: &AttackSpec| Some(attack.card().name) == strongest;
            experiment.attack.retain(|attack| matches!(attack, AttackSpec::None(_)) || is_strongest(attack));
        }
        let defended = Evidence::new(self.run(&experiment)?, seed);
        let guarded = self.guarded(&defended, &name, seed)?;
        let guarded_accuracy = super::inspect::accuracy(self.scene, &defended)?;
        let guarded_price = match named(prices) {
            Some(price) => self.guarded_price(price, &defense)?,
            None => None,
        };
        Ok(Stopped { caught, guarded, guarded_accuracy, guarded_price })
    }

    /// What the reach of `price` costs the same attack when this defense stands.
    fn guarded_price(
        &mut self,
        price: &PriceOfReach,
        defense: &DefenseSpec,
    ) -> Result<Option<PriceOfReach>, AuditError> {
        let scene = self.scene;
        let attack = scene.attacks.iter().find(|a| a.card().name == price.attack);
        let targets = scene.targets.iter().find(|t| kind(t) == price.kind);
        let (Some(attack), Some(targets)) = (attack, targets) else { return Ok(None) };
        let mut defended = Evidence::new(Vec::new(), Seed::new(scene.seed));
        let found = price::search(price.reach, scene.cap(), &scene.sizes, |fake_users| {
            let (attacks, targets) = (std::slice::from_ref(attack), std::slice::from_ref(targets));
            let mut experiment = scene.experiment(attacks, targets, &[fake_users.max(1)]);
            if fake_users == 0 {
                experiment.attack.retain(|attack| matches!(attack, AttackSpec::None(_)));
            }
            experiment.defense = vec![defense.clone()];
            experiment.measure.detectors.clear();
            defended.extend(self.run(&experiment)?);
            let attack = if fake_users == 0 { "none" } else { price.attack.as_str() };
            Ok::<_, AuditError>(defended.summary(attack, &price.kind, fake_users, scene.hit_ratio())?)
        })?;
        Ok(found.map(|found| PriceOfReach { price: found, clicks: None, ..price.clone() }))
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
                            roc: roc(&of)?,
                            fpr,
                            fnr,
                        });
                    }
                }
            }
        }
        Ok(caught)
    }

    fn guarded(&self, defended: &Evidence, detector: &str, seed: Seed) -> Result<Vec<Guarded>, AuditError> {
        let reference = self.scene.reference;
        let mut guarded = Vec::new();
        let attacks = self.scene.attacks.iter().map(|attack| attack.card().name);
        for (attack, targets) in attacks.flat_map(|a| self.scene.targets.iter().map(move |t| (a, t))) {
            let kind = kind(targets);
            let plain = self.evidence.values(attack, kind, reference, self.scene.hit_ratio())?;
            let with = defended.values(attack, kind, reference, self.scene.hit_ratio())?;
            let count = |metric| defended.summary(attack, kind, reference, MetricAt { metric, k: None });
            let (Some(hit_ratio), Some(change), Some(removed_genuine), Some(removed_fake)) = (
                with.summary(seed),
                compare(&with, &plain, seed),
                count("removed_genuine")?,
                count("removed_fake")?,
            ) else {
                continue;
            };
            guarded.push(Guarded {
                defense: "remove-flagged".into(),
                detector: detector.into(),
                attack: attack.into(),
                kind: kind.into(),
                fake_users: reference,
                without: plain.summary(seed).map_or(0.0, |s| s.mean),
                hit_ratio,
                change,
                removed_genuine,
                removed_fake,
            });
        }
        Ok(guarded)
    }
}

/// The points of the ROC curve that were measured.
fn roc(of: &impl Fn(&str) -> Result<Option<Summary>, AuditError>) -> Result<Vec<RocPoint>, AuditError> {
    let mut points = Vec::new();
    for (name, false_alarms) in FALSE_ALARM_SHARES {
        let caught = of(&format!("recall_at_fpr/{name}"))?;
        points.extend(caught.map(|caught| RocPoint { false_alarms, caught }));
    }
    Ok(points)
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
