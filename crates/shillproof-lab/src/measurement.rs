//! A victim on given data, with or without given fake users: what genuine users see, over several trainings.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use shillproof_core::{Audience, Ctx, FakeProfiles, ItemId};
use shillproof_defenses::DefenseSpec;

use crate::command::VictimChoice;
use crate::metrics::Measure;
use crate::rankings::Exclude;
use crate::spec::MeasureSpec;
use crate::stats::{Grouped, Summary};
use crate::trial::{Guard, Setup, Trial, TrialError};

/// What is to be measured.
pub struct Request<'a> {
    /// The recommender.
    pub victim: &'a VictimChoice,
    /// Fake users it trains with.
    pub fakes: Option<&'a FakeProfiles>,
    /// Items that are looked for in the lists.
    pub targets: &'a [ItemId],
    /// Users of the display rates.
    pub audience: &'a Audience,
    /// Which of a user's own items are no candidates.
    pub exclude: Exclude,
    /// List lengths and protocol.
    pub measure: &'a MeasureSpec,
    /// What stands in front of the victim.
    pub guard: Guard<'a>,
    /// Trainings; repeat r has the victim seed of repeat r everywhere.
    pub repeats: u64,
}

/// One metric of each target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetSummary {
    /// Over targets and repeats.
    #[serde(flatten)]
    pub summary: Summary,
    /// Mean over repeats, by label.
    pub per_target: BTreeMap<String, f64>,
}

/// Means with their intervals. Keys of maps are list lengths, or `metric@length`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Over all genuine users.
    pub hit_ratio: BTreeMap<usize, TargetSummary>,
    /// Over genuine users without the target.
    pub hit_ratio_eligible: BTreeMap<usize, TargetSummary>,
    /// Over the genuine users whom the defense left; empty without a defense.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hit_ratio_remaining: BTreeMap<usize, TargetSummary>,
    /// Genuine users whom the defense removed; none without a defense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_genuine: Option<Summary>,
    /// Fake users whom the defense removed; none without a defense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_fake: Option<Summary>,
    /// Any target, over all genuine users.
    pub hit_ratio_any: BTreeMap<usize, Summary>,
    /// Any target, over the audience; empty where that is everybody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub display_rate_any: BTreeMap<usize, Summary>,
    /// (User, target) pairs of the audience; empty where that is everybody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub display_rate_pair: BTreeMap<usize, Summary>,
    /// Users of the audience whose list holds any target, `reached/...`, and the others, `spared/...`, by characteristic and list length.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub characteristics: BTreeMap<String, Summary>,
    /// Over all genuine users; none for victims that predict no ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_predicted_rating: Option<TargetSummary>,
    /// On what the split held out; empty where it held out nothing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub accuracy: BTreeMap<String, Summary>,
    /// Wall time.
    pub seconds: Seconds,
}

/// Mean wall time of one training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Seconds {
    /// Fitting.
    pub fit: f64,
    /// Ranking all genuine users.
    pub rank: f64,
}

/// Trains and ranks `repeats` times.
///
/// # Errors
/// If the victim cannot be fitted or ranked.
pub fn measure(setup: &Setup, request: &Request<'_>, ctx: &Ctx<'_>) -> Result<Measurement, TrialError> {
    let labels = setup.labels(request.targets);
    let depth = request.measure.hit_ratio.iter().copied().max().unwrap_or(0);
    let none = FakeProfiles::default();
    let mut values = Values::default();
    let mut seconds = Seconds::default();
    let guarded = !matches!(request.guard.defense, DefenseSpec::None(_));
    for repeat in 0..request.repeats {
        if request.repeats > 1 {
            ctx.observer.progress("trainings", repeat, request.repeats);
        }
        let start = Instant::now();
        let fitted = setup.fit_guarded(&request.guard, request.victim, request.fakes, repeat, depth, ctx)?;
        seconds.fit += start.elapsed().as_secs_f64() / request.repeats as f64;
        let start = Instant::now();
        let rankings =
            setup.rank(request.victim, &fitted, request.targets, request.exclude, request.measure, ctx)?;
        seconds.rank += start.elapsed().as_secs_f64() / request.repeats as f64;
        let trial = Trial {
            clean: None,
            displacement: None,
            attacked: &rankings,
            fakes: request.fakes.unwrap_or(&none),
            train: &setup.parts(setup.feedback(request.victim)).train,
            audience: request.audience,
            labels: &labels,
            groups: &[],
            spec: request.measure,
            removed: guarded.then_some(&fitted.removed),
            further: Vec::new(),
        };
        values.add(trial.measures()?, repeat)?;
    }
    if request.repeats > 1 {
        ctx.observer.progress("trainings", request.repeats, request.repeats);
    }
    Ok(values.summarize(setup, seconds))
}

/// Values by metric, then by target and repeat.
#[derive(Default)]
struct Values(BTreeMap<(String, Option<usize>), Grouped>);

impl Values {
    fn add(&mut self, rows: Vec<Measure>, repeat: u64) -> Result<(), TrialError> {
        for Measure { metric, k, target, value } in rows {
            self.0.entry((metric, k)).or_default().insert(target.unwrap_or_default(), repeat, value)?;
        }
        Ok(())
    }

    fn summarize(self, setup: &Setup, seconds: Seconds) -> Measurement {
        let seed = setup.root.child("bootstrap");
        let summary = |values: &Grouped| values.summary(seed).expect("invariant: groups hold values");
        let of_targets =
            |values: &Grouped| TargetSummary { summary: summary(values), per_target: values.per_target() };
        let by_length = |metric: &str| {
            let lengths = self.0.iter().filter(|((name, _), _)| name == metric);
            lengths.filter_map(|((_, k), values)| Some(((*k)?, values))).collect::<Vec<_>>()
        };
        let targets =
            |metric| by_length(metric).into_iter().map(|(k, values)| (k, of_targets(values))).collect();
        let plain = |metric| by_length(metric).into_iter().map(|(k, values)| (k, summary(values))).collect();
        let accuracy = self.0.iter().filter_map(|((row, k), values)| {
            let name = row.strip_prefix("accuracy_").unwrap_or(row);
            let metric = name.split('/').next().filter(|m| ACCURACY.contains(m))?;
            // Hit ratios of targets have a place of their own.
            let of_targets = row.starts_with("hit_ratio") || row.ends_with("/standard_error");
            let length = k.map_or_else(String::new, |k| format!("@{k}"));
            let key = format!("{metric}{length}{}", &name[metric.len()..]);
            (!of_targets).then(|| (key, summary(values)))
        });
        let characteristics = self.0.iter().filter_map(|((name, k), values)| {
            let told = name.starts_with("reached/") || name.starts_with("spared/");
            told.then(|| (format!("{name}@{}", k.unwrap_or_default()), summary(values)))
        });
        Measurement {
            hit_ratio: targets("hit_ratio"),
            hit_ratio_eligible: targets("hit_ratio_eligible"),
            hit_ratio_remaining: targets("hit_ratio_remaining"),
            removed_genuine: self.0.get(&("removed_genuine".into(), None)).map(summary),
            removed_fake: self.0.get(&("removed_fake".into(), None)).map(summary),
            hit_ratio_any: plain("hit_ratio_any"),
            display_rate_any: plain("display_rate_any"),
            display_rate_pair: plain("display_rate_pair"),
            characteristics: characteristics.collect(),
            average_predicted_rating: self.0.get(&("average_predicted_rating".into(), None)).map(of_targets),
            accuracy: accuracy.collect(),
            seconds,
        }
    }
}

/// What is measured on held-out interactions.
const ACCURACY: [&str; 6] = ["hit_ratio", "ndcg", "recall", "mrr", "rmse", "mae"];
