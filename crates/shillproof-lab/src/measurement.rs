//! A victim on given data, with or without given fake users: what genuine users see, over several trainings.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use shillproof_core::{Audience, Ctx, FakeProfiles, ItemId};

use crate::command::VictimChoice;
use crate::metrics::{self, MetricError, PerUser, Protocol};
use crate::rankings::{Exclude, Rankings};
use crate::spec::MeasureSpec;
use crate::stats::{Grouped, Summary};
use crate::trial::{Setup, TrialError};

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
    /// Any target, over all genuine users.
    pub hit_ratio_any: BTreeMap<usize, Summary>,
    /// Any target, over the audience; empty where that is everybody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub display_rate_any: BTreeMap<usize, Summary>,
    /// (User, target) pairs of the audience; empty where that is everybody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub display_rate_pair: BTreeMap<usize, Summary>,
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
    let mut values = Values::default();
    let mut seconds = Seconds::default();
    for repeat in 0..request.repeats {
        ctx.observer.progress("trainings", repeat, request.repeats);
        let start = Instant::now();
        let fitted = setup.fit(request.victim, request.fakes, repeat, depth, ctx)?;
        seconds.fit += start.elapsed().as_secs_f64() / request.repeats as f64;
        let start = Instant::now();
        let rankings =
            setup.rank(request.victim, &fitted, request.targets, request.exclude, request.measure, ctx)?;
        seconds.rank += start.elapsed().as_secs_f64() / request.repeats as f64;
        values.add(request, &rankings, &labels, repeat)?;
    }
    ctx.observer.progress("trainings", request.repeats, request.repeats);
    Ok(values.summarize(setup, seconds))
}

/// Values by metric and list length, then by target and repeat.
#[derive(Default)]
struct Values {
    hit_ratio: BTreeMap<usize, Grouped>,
    hit_ratio_eligible: BTreeMap<usize, Grouped>,
    hit_ratio_any: BTreeMap<usize, Grouped>,
    display_rate_any: BTreeMap<usize, Grouped>,
    display_rate_pair: BTreeMap<usize, Grouped>,
    accuracy: BTreeMap<String, Grouped>,
}

/// Adds a value; none where the population is empty.
fn put<K: Ord>(map: &mut BTreeMap<K, Grouped>, key: K, target: &str, repeat: u64, value: Option<f64>) {
    if let Some(value) = value {
        let group = map.entry(key).or_default();
        group
            .insert(target.to_owned(), repeat, value)
            .expect("invariant: one finite value a target and repeat");
    }
}

impl Values {
    fn add(
        &mut self,
        request: &Request<'_>,
        rankings: &Rankings,
        labels: &[String],
        repeat: u64,
    ) -> Result<(), MetricError> {
        let audience = request.audience;
        for &k in &request.measure.hit_ratio {
            for (&target, label) in request.targets.iter().zip(labels) {
                let hits = metrics::hit_ratio(rankings, target, k)?.mean();
                put(&mut self.hit_ratio, k, label, repeat, hits);
                let eligible = metrics::hit_ratio_eligible(rankings, target, k)?.mean();
                put(&mut self.hit_ratio_eligible, k, label, repeat, eligible);
            }
            put(&mut self.hit_ratio_any, k, "", repeat, metrics::hit_ratio_any(rankings, k)?.mean());
            if *audience != Audience::All {
                let any = metrics::display_rate_any(rankings, audience, k)?.mean();
                put(&mut self.display_rate_any, k, "", repeat, any);
                let pair = metrics::display_rate_pair(rankings, audience, k)?.mean();
                put(&mut self.display_rate_pair, k, "", repeat, pair);
            }
            self.add_accuracy(rankings, request.measure.sampled, k, repeat)?;
        }
        for (name, value) in [("rmse", metrics::rmse(rankings)), ("mae", metrics::mae(rankings))] {
            put(&mut self.accuracy, name.to_owned(), "", repeat, available(value)?);
        }
        Ok(())
    }

    fn add_accuracy(
        &mut self,
        rankings: &Rankings,
        sampled: Option<usize>,
        k: usize,
        repeat: u64,
    ) -> Result<(), MetricError> {
        type Metric = fn(&Rankings, usize, Protocol) -> Result<PerUser, MetricError>;
        let all: [(&str, Metric); 4] = [
            ("hit_ratio", metrics::accuracy_hit_ratio),
            ("ndcg", metrics::ndcg),
            ("recall", metrics::recall),
            ("mrr", metrics::mrr),
        ];
        let sampled = sampled.map(|n| (Protocol::Sampled, format!("/sampled-{n}")));
        for (protocol, suffix) in [(Protocol::Full, String::new())].into_iter().chain(sampled) {
            for (name, metric) in all {
                let value = available(metric(rankings, k, protocol))?.and_then(|values| values.mean());
                put(&mut self.accuracy, format!("{name}@{k}{suffix}"), "", repeat, value);
            }
        }
        Ok(())
    }

    fn summarize(self, setup: &Setup, seconds: Seconds) -> Measurement {
        let seed = setup.root.child("bootstrap");
        let summary = |values: &Grouped| values.summary(seed).expect("invariant: groups hold values");
        let targets = |map: BTreeMap<usize, Grouped>| {
            let one = |values: Grouped| TargetSummary {
                summary: summary(&values),
                per_target: values.per_target(),
            };
            map.into_iter().map(|(k, values)| (k, one(values))).collect()
        };
        let plain = |map: BTreeMap<usize, Grouped>| map.iter().map(|(&k, v)| (k, summary(v))).collect();
        Measurement {
            hit_ratio: targets(self.hit_ratio),
            hit_ratio_eligible: targets(self.hit_ratio_eligible),
            hit_ratio_any: plain(self.hit_ratio_any),
            display_rate_any: plain(self.display_rate_any),
            display_rate_pair: plain(self.display_rate_pair),
            accuracy: self.accuracy.iter().map(|(name, values)| (name.clone(), summary(values))).collect(),
            seconds,
        }
    }
}

/// The value of a metric, none where the victim or the split has not what it is made of.
fn available<T>(result: Result<T, MetricError>) -> Result<Option<T>, MetricError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(MetricError::NotAvailable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
