//! The tidy rows of one trial.

use shillproof_core::{Audience, FakeProfiles, Interactions, ItemId, UserId};

use super::groups::UserGroup;
use crate::metrics::{
    self, Displacement, Measure, MetricError, PerUser, Protocol, average_predicted_rating, display_rate_any,
    display_rate_pair, hit_ratio, hit_ratio_any, hit_ratio_eligible, prediction_shift, rank_shift,
};
use crate::rankings::Rankings;
use crate::spec::MeasureSpec;

type AccuracyMetric = fn(&Rankings, usize, Protocol) -> Result<PerUser, MetricError>;

/// Prefix of the metric that looks at one kind of user.
pub const HIT_RATIO_OF: &str = "hit_ratio_of/";

/// What one trial is measured by.
pub(crate) struct Trial<'a> {
    /// The victim on clean data, where it was trained: shifts are taken to it.
    pub(crate) clean: Option<&'a Rankings>,
    pub(crate) displacement: Option<Displacement>,
    pub(crate) attacked: &'a Rankings,
    pub(crate) fakes: &'a FakeProfiles,
    /// Genuine data that the victim was trained on.
    pub(crate) train: &'a Interactions,
    pub(crate) audience: &'a Audience,
    /// Labels of the targets, in the order of the rankings.
    pub(crate) labels: &'a [String],
    /// Kinds of users, where there is one target and everybody is the audience.
    pub(crate) groups: &'a [UserGroup],
    pub(crate) spec: &'a MeasureSpec,
    /// Users whom a defense removed; none without a defense.
    pub(crate) removed: Option<&'a [UserId]>,
    /// Rows about detectors and about the fake users as a group.
    pub(crate) further: Vec<Measure>,
}

/// Collects rows; a metric that this victim or split cannot have leaves none.
#[derive(Default)]
struct Rows(Vec<Measure>);

impl Rows {
    fn push(
        &mut self,
        metric: impl Into<String>,
        k: Option<usize>,
        target: Option<&str>,
        value: Option<f64>,
    ) {
        let row = |value| Measure { metric: metric.into(), k, target: target.map(str::to_owned), value };
        self.0.extend(value.map(row));
    }
}

impl Rows {
    fn lacks(&self, metric: &str, k: usize) -> bool {
        !self.0.iter().any(|row| row.metric == metric && row.k == Some(k))
    }
}

/// The value of a metric, none where the victim has not what it is made of.
fn available<T>(result: Result<T, MetricError>) -> Result<Option<T>, MetricError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(MetricError::NotAvailable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Trial<'_> {
    pub(crate) fn measures(&self) -> Result<Vec<Measure>, MetricError> {
        let mut rows = Rows::default();
        for (&target, label) in self.attacked.targets().iter().zip(self.labels) {
            self.target(&mut rows, target, label)?;
        }
        for &k in &self.spec.hit_ratio {
            self.set(&mut rows, k)?;
            self.accuracy(&mut rows, k)?;
        }
        rows.push("rmse", None, None, available(metrics::rmse(self.attacked))?);
        rows.push("mae", None, None, available(metrics::mae(self.attacked))?);
        if let Some(Displacement { value, standard_error }) = self.displacement {
            rows.push("rmse_shift", None, None, Some(value));
            rows.push("rmse_shift/standard_error", None, None, Some(standard_error));
        }
        if let Some(removed) = self.removed {
            let genuine = removed.partition_point(|user| user.index() < self.attacked.n_users());
            rows.push("removed_genuine", None, None, Some(genuine as f64));
            rows.push("removed_fake", None, None, Some((removed.len() - genuine) as f64));
        }
        rows.0.extend(self.further.iter().cloned());
        rows.push("fake_users", None, None, Some(self.fakes.profiles.len() as f64));
        rows.push("fake_interactions", None, None, Some(self.fakes.interactions() as f64));
        rows.push("filler_frequency", None, None, self.filler_frequency().map(f64::from));
        rows.push("queries", None, None, Some(self.fakes.queries as f64));
        Ok(rows.0)
    }

    /// Fake users who have the most frequent item that is no target.
    fn filler_frequency(&self) -> Option<u32> {
        let mut count = vec![0; self.attacked.n_items()];
        for (item, _) in self.fakes.profiles.iter().flat_map(|profile| &profile.entries) {
            count[item.index()] += 1;
        }
        for target in self.attacked.targets() {
            count[target.index()] = 0;
        }
        count.into_iter().max().filter(|&most| most > 0)
    }

    fn target(&self, rows: &mut Rows, target: ItemId, label: &str) -> Result<(), MetricError> {
        for &k in &self.spec.hit_ratio {
            let eligible = hit_ratio_eligible(self.attacked, target, k)?;
            let hits = hit_ratio(self.attacked, target, k)?;
            rows.push("hit_ratio", Some(k), Some(label), hits.mean());
            if let Some(removed) = self.removed {
                let left = self.attacked.users().filter(|user| removed.binary_search(user).is_err());
                let of_left = hits.over(&Audience::Users(left.collect()))?.mean();
                rows.push("hit_ratio_remaining", Some(k), Some(label), of_left);
            }
            rows.push("hit_ratio_eligible", Some(k), Some(label), eligible.mean());
            for group in self.groups {
                let of_group = eligible.over(&Audience::Users(group.members.clone()))?.mean();
                rows.push(format!("{HIT_RATIO_OF}{}", group.name), Some(k), Some(label), of_group);
            }
        }
        let rating = available(average_predicted_rating(self.attacked, target))?.flatten();
        rows.push("average_predicted_rating", None, Some(label), rating);
        let Some(clean) = self.clean else { return Ok(()) };
        let moved = |result| available(result).map(|value: Option<PerUser>| value.and_then(|v| v.mean()));
        rows.push("rank_shift", None, Some(label), moved(rank_shift(clean, self.attacked, target))?);
        rows.push(
            "prediction_shift",
            None,
            Some(label),
            moved(prediction_shift(clean, self.attacked, target))?,
        );
        Ok(())
    }

    fn set(&self, rows: &mut Rows, k: usize) -> Result<(), MetricError> {
        rows.push("hit_ratio_any", Some(k), None, hit_ratio_any(self.attacked, k)?.mean());
        if *self.audience != Audience::All {
            let any = display_rate_any(self.attacked, self.audience, k)?;
            rows.push("display_rate_any", Some(k), None, any.mean());
            let pair = display_rate_pair(self.attacked, self.audience, k)?;
            rows.push("display_rate_pair", Some(k), None, pair.mean());
        }
        for of in metrics::reached(self.attacked, self.audience, self.train, k)? {
            let name = format!("{}/{}", if of.reached { "reached" } else { "spared" }, of.name);
            rows.push(format!("{name}/std"), Some(k), None, of.std);
            rows.push(name, Some(k), None, of.mean);
        }
        Ok(())
    }

    fn accuracy(&self, rows: &mut Rows, k: usize) -> Result<(), MetricError> {
        let protocols = [(Protocol::Full, String::new())];
        let sampled = self.spec.sampled.map(|n| (Protocol::Sampled, format!("/sampled-{n}")));
        let all: [(&str, AccuracyMetric); 4] = [
            ("accuracy_hit_ratio", metrics::accuracy_hit_ratio),
            ("ndcg", metrics::ndcg),
            ("recall", metrics::recall),
            ("mrr", metrics::mrr),
        ];
        for (protocol, suffix) in protocols.into_iter().chain(sampled) {
            for (name, metric) in all {
                let Some(value) = available(metric(self.attacked, k, protocol))? else { continue };
                let name = format!("{name}{suffix}");
                rows.push(format!("{name}/standard_error"), Some(k), None, value.standard_error());
                rows.push(
                    "accuracy_users",
                    Some(k),
                    None,
                    (rows.lacks("accuracy_users", k)).then(|| value.population() as f64),
                );
                rows.push(name, Some(k), None, value.mean());
            }
        }
        Ok(())
    }
}
