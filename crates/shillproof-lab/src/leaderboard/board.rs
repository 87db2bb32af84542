//! Who stands where.

use std::collections::BTreeMap;

use serde::Serialize;
use shillproof_core::Seed;

use super::Values;
use crate::report::Setting;
use crate::stats::{Comparison, Grouped, Summary, compare, holm, mean};
use crate::store::Record;

/// Beyond this a difference is taken as real.
const LEVEL: f64 = 0.05;
const NONE: &str = "none";

/// What is compared on equal terms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// What all of it has in common; attack and defense are empty.
    pub terms: Setting,
    /// Attacks on the victim without a defense, strongest first.
    pub attacks: Vec<Standing>,
    /// Defenses, none among them, by the attack that is worst for each; least reach first.
    pub defenses: Vec<Guard>,
    /// Detectors, by the attack that each finds least of; most found first.
    pub detectors: Vec<Watch>,
}

/// One attack.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Those who share a place cannot be told apart from the best of them.
    pub place: usize,
    /// Attack.
    pub attack: String,
    /// Mean hit ratio of the targets.
    pub hit_ratio: Summary,
    /// The same target by target.
    pub per_target: BTreeMap<String, f64>,
    /// The same minus no attack, same targets and trainings.
    pub gain: Option<Comparison>,
    /// That it is as strong as the first of its place, or for a first of that of the place before, by the paired t-test over targets (Holm over the board); none
    /// where nothing differs or there is nobody to compare with.
    pub p_holm: Option<f64>,
    /// What it costs the attacker.
    pub cost: Cost,
}

/// What an attack costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Fake users.
    pub fake_users: f64,
    /// Interactions of all of them.
    pub clicks: f64,
    /// Trainings of copies of the victim.
    pub trainings: f64,
    /// Lists that the victim was asked for.
    pub queries: f64,
    /// Seconds of crafting, on the machine that ran it.
    pub seconds: f64,
}

/// One defense.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guard {
    /// Defense.
    pub defense: String,
    /// The attack that reaches most through it.
    pub worst: String,
    /// What that attack reaches.
    pub hit_ratio: Summary,
    /// NDCG on held-out items without any attack; none where nothing is held out.
    pub ndcg: Option<Summary>,
}

/// One detector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watch {
    /// Detector.
    pub detector: String,
    /// The attack that it finds least of.
    pub worst: String,
    /// Share of that attack's fake users beyond the threshold that a hundredth of genuine users pass.
    pub recall: Summary,
    /// Mean area under the ROC curve over all attacks.
    pub auroc: Option<f64>,
}

impl Board {
    /// What attacks must have in common to be compared.
    pub(super) fn terms(setting: &Setting) -> Setting {
        Setting { attack: String::new(), defense: String::new(), ..setting.clone() }
    }

    /// The board of these terms; none if nothing was measured.
    pub(super) fn of(
        terms: &Setting,
        values: &Values,
        records: &BTreeMap<Setting, Vec<&Record>>,
    ) -> Option<Self> {
        let on_board = |s: &&Setting| Self::terms(s) == *terms;
        let settings: Vec<&Setting> = records.keys().filter(on_board).collect();
        let board = Seen { values, seed: Seed::new(terms.seed).child("leaderboard") };
        let attacks = board.attacks(&settings, records);
        (!attacks.is_empty()).then(|| Self {
            terms: terms.clone(),
            attacks,
            defenses: board.defenses(&settings),
            detectors: board.detectors(&settings),
        })
    }
}

/// The values behind a board.
struct Seen<'a> {
    values: &'a Values,
    seed: Seed,
}

impl<'a> Seen<'a> {
    fn get(&self, setting: &Setting, metric: &str) -> Option<&'a Grouped> {
        self.values.get(&(setting.clone(), metric.to_owned()))
    }

    fn summary(&self, setting: &Setting, metric: &str) -> Option<Summary> {
        self.get(setting, metric)?.summary(self.seed)
    }

    fn attacks(&self, settings: &[&Setting], records: &BTreeMap<Setting, Vec<&Record>>) -> Vec<Standing> {
        let open = settings.iter().filter(|s| s.defense == NONE);
        let mut found: Vec<(&Grouped, Standing)> = open
            .filter_map(|&setting| {
                let hits = self.get(setting, "hit_ratio")?;
                let clean = self.get(&setting.reference(), "hit_ratio");
                let standing = Standing {
                    place: 1,
                    attack: setting.attack.clone(),
                    hit_ratio: hits.summary(self.seed)?,
                    per_target: hits.per_target(),
                    gain: clean.and_then(|clean| compare(hits, clean, self.seed)),
                    p_holm: None,
                    cost: self.cost(setting, &records[setting]),
                };
                Some((hits, standing))
            })
            .collect();
        found.sort_by(|(_, a), (_, b)| {
            b.hit_ratio.mean.total_cmp(&a.hit_ratio.mean).then_with(|| a.attack.cmp(&b.attack))
        });
        self.places(&mut found);
        found.into_iter().map(|(_, standing)| standing).collect()
    }

    /// Whoever differs from the first of a place, all others on the board weighed in, opens the next place.
    fn places(&self, found: &mut [(&Grouped, Standing)]) {
        let (mut first, mut place) = (0, 1);
        while first < found.len() {
            let leader = found[first].0;
            let tests: Vec<Option<f64>> = found[first + 1..]
                .iter()
                .map(|(hits, _)| Some(compare(leader, hits, self.seed)?.t_test?.p))
                .collect();
            let corrected = holm(&tests.iter().map(|p| p.unwrap_or(1.0)).collect::<Vec<_>>());
            let next = corrected.iter().position(|&p| p < LEVEL).map_or(found.len(), |at| first + 1 + at);
            for (at, (_, standing)) in found.iter_mut().enumerate().skip(first) {
                if at < next {
                    standing.place = place;
                }
                if at > first && at <= next {
                    let test = at - first - 1;
                    standing.p_holm = tests[test].map(|_| corrected[test]);
                }
            }
            (first, place) = (next, next + 1);
        }
    }

    fn cost(&self, setting: &Setting, records: &[&Record]) -> Cost {
        let of = |metric| self.get(setting, metric).and_then(Grouped::mean).unwrap_or_default();
        let seconds: Vec<f64> = records.iter().map(|record| record.seconds.attack).collect();
        Cost {
            fake_users: of("fake_users"),
            clicks: of("fake_interactions"),
            trainings: of("attack_trainings"),
            queries: of("queries"),
            seconds: mean(&seconds).unwrap_or_default(),
        }
    }

    fn defenses(&self, settings: &[&Setting]) -> Vec<Guard> {
        let mut by_defense: BTreeMap<&str, Guard> = BTreeMap::new();
        for setting in settings {
            let Some(hit_ratio) = self.summary(setting, "hit_ratio") else { continue };
            let worse = |guard: &Guard| hit_ratio.mean > guard.hit_ratio.mean;
            if by_defense.get(setting.defense.as_str()).is_none_or(worse) {
                let ndcg = self.summary(&setting.reference(), "ndcg");
                let (defense, worst) = (setting.defense.clone(), setting.attack.clone());
                by_defense.insert(&setting.defense, Guard { defense, worst, hit_ratio, ndcg });
            }
        }
        let mut out: Vec<Guard> = by_defense.into_values().collect();
        out.sort_by(|a, b| a.hit_ratio.mean.total_cmp(&b.hit_ratio.mean));
        out
    }

    fn detectors(&self, settings: &[&Setting]) -> Vec<Watch> {
        const RECALL: &str = "recall_at_fpr/0.01/";
        let mut by_detector: BTreeMap<String, (Watch, Vec<f64>)> = BTreeMap::new();
        for &setting in settings.iter().filter(|s| s.defense == NONE) {
            let own = self.values.keys().filter(|(s, _)| s == setting);
            for detector in own.filter_map(|(_, metric)| metric.strip_prefix(RECALL)) {
                let Some(recall) = self.summary(setting, &format!("{RECALL}{detector}")) else { continue };
                let auroc = self.get(setting, &format!("auroc/{detector}")).and_then(Grouped::mean);
                let watch =
                    Watch { detector: detector.into(), worst: setting.attack.clone(), recall, auroc: None };
                let seen = by_detector.entry(detector.into()).or_insert_with(|| (watch.clone(), Vec::new()));
                if watch.recall.mean < seen.0.recall.mean {
                    seen.0 = watch;
                }
                seen.1.extend(auroc);
            }
        }
        let with_mean = |(watch, aurocs): (Watch, Vec<f64>)| Watch { auroc: mean(&aurocs), ..watch };
        let mut out: Vec<Watch> = by_detector.into_values().map(with_mean).collect();
        out.sort_by(|a, b| b.recall.mean.total_cmp(&a.recall.mean));
        out
    }
}
