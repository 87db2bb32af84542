//! Records to rows: means over targets and repeats, with what is left open about them.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;
use shillproof_core::Seed;

use super::{ReportError, Setting};
use crate::metrics::{Measure, promoted_targets, uplift_factor, uplift_increase};
use crate::plan::DatasetFacts;
use crate::stats::{Comparison, Divisor, Grouped, GroupedError, Summary, compare, mean};
use crate::store::{Key, Record, Status, Versions};
use crate::trial::HIT_RATIO_OF;

/// Everything that a report shows, whatever its form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What made the records.
    pub versions: Vec<Versions>,
    /// The data they are about.
    pub datasets: Vec<DatasetFacts>,
    /// Cells in all.
    pub cells: usize,
    /// Cells that were measured.
    pub done: usize,
    /// Seconds of all cells together.
    pub seconds: f64,
    /// One setting and one metric each.
    pub rows: Vec<Row>,
    /// Hit ratios of single targets at the shortest list, over all users and over kinds of them.
    pub targets: Vec<TargetValue>,
    /// How attacks went while they learned.
    pub courses: Vec<Course>,
    /// Cells that were skipped or failed.
    pub unsettled: Vec<Unsettled>,
    /// What the cells noted, each once, with the number of cells that did.
    pub notes: Vec<(String, usize)>,
    /// The resolved experiment file.
    pub spec: Option<String>,
}

/// One number: a metric in a setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it is about.
    #[serde(flatten)]
    pub setting: Setting,
    /// Name of the metric.
    pub metric: String,
    /// Length of the list it looks at, if it looks at one.
    pub k: Option<usize>,
    /// Mean over targets and repeats.
    pub value: Summary,
    /// The same minus the clean reference, over identical (target, repeat) pairs; none for the reference itself and where it was not run.
    pub to_none: Option<Comparison>,
    /// The same minus that without the defense, over identical pairs; none where there is no defense or it was not run without.
    pub to_undefended: Option<Comparison>,
}

/// How a quantity went while an attack learned, in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Course {
    /// What it is about.
    #[serde(flatten)]
    pub setting: Setting,
    /// Place of its target in the selection.
    pub target: Option<usize>,
    /// Its repeat.
    pub repeat: u64,
    /// The quantity.
    pub name: String,
    /// Its values in equal steps.
    pub values: Vec<f32>,
}

/// What a metric is for one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetValue {
    /// What it is about.
    #[serde(flatten)]
    pub setting: Setting,
    /// Name of the metric.
    pub metric: String,
    /// Label of the target.
    pub target: String,
    /// Mean over repeats.
    pub value: f64,
}

impl Row {
    /// The metric with its list length, as `hit_ratio@10`.
    pub fn metric_at_k(&self) -> String {
        self.k.map_or_else(|| self.metric.clone(), |k| format!("{}@{k}", self.metric))
    }

    /// Whether this is the clean reference.
    pub fn is_clean(&self) -> bool {
        self.setting.attack == "none"
    }
}

/// A cell without a measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unsettled {
    /// Its key.
    pub key: Key,
    /// What it is about.
    #[serde(flatten)]
    pub setting: Setting,
    /// Place of its target in the selection.
    pub target: Option<usize>,
    /// Its repeat.
    pub repeat: u64,
    /// `skipped` or `failed`.
    pub status: &'static str,
    /// Why.
    pub reason: String,
}

type Values = BTreeMap<(Setting, String, Option<usize>), Grouped>;

impl Report {
    /// The report of these records; `spec` is the resolved experiment file beside them.
    ///
    /// # Errors
    /// If there is no record, or two records hold the same measurement twice.
    pub fn of(records: &[Record], spec: Option<String>) -> Result<Self, ReportError> {
        if records.is_empty() {
            return Err(ReportError::Empty);
        }
        let mut values = Values::new();
        let mut unsettled = Vec::new();
        let mut courses = Vec::new();
        let mut notes: BTreeMap<String, usize> = BTreeMap::new();
        for record in records {
            let setting = Setting::of(record);
            let without = |status, reason: &String| Unsettled {
                key: record.key.clone(),
                setting: setting.clone(),
                target: record.cell.threat.target,
                repeat: record.cell.repeat,
                status,
                reason: reason.clone(),
            };
            match &record.status {
                Status::Skipped { reason } => unsettled.push(without("skipped", reason)),
                Status::Failed { error } => unsettled.push(without("failed", error)),
                Status::Done { targets, measures, notes: said, curves } => {
                    add(&mut values, &setting, record.cell.repeat, targets, measures)?;
                    courses.extend(curves.iter().map(|(name, values)| Course {
                        setting: setting.clone(),
                        target: record.cell.threat.target,
                        repeat: record.cell.repeat,
                        name: name.clone(),
                        values: values.clone(),
                    }));
                    for note in said {
                        *notes.entry(note.clone()).or_default() += 1;
                    }
                }
            }
        }
        unsettled.sort_by(|a, b| (&a.setting, a.target, a.repeat).cmp(&(&b.setting, b.target, b.repeat)));
        Ok(Self {
            versions: records
                .iter()
                .map(|r| r.versions.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            datasets: records.iter().map(|r| r.data.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            cells: records.len(),
            done: records.len() - unsettled.len(),
            seconds: records.iter().map(|r| r.seconds.total).sum(),
            rows: rows(&values),
            targets: by_target(&values),
            courses,
            unsettled,
            notes: notes.into_iter().collect(),
            spec,
        })
    }
}

/// The target that a number is about: its own, else the only one of a cell with `one_target`, else the whole set (no label).
pub(crate) fn target_of(measure: &Measure, targets: &[String], one_target: bool) -> String {
    let only = if one_target { targets.first() } else { None };
    measure.target.as_ref().or(only).cloned().unwrap_or_default()
}

fn add(
    values: &mut Values,
    setting: &Setting,
    repeat: u64,
    targets: &[String],
    measures: &[Measure],
) -> Result<(), ReportError> {
    for measure in measures {
        let target = target_of(measure, targets, setting.each);
        let place = (setting.clone(), measure.metric.clone(), measure.k);
        match values.entry(place).or_default().insert(target, repeat, measure.value) {
            // Two cells that differ only in what else they measured agree to the last bit.
            Err(GroupedError::Duplicate { first, second, .. }) if first == second => {}
            result => {
                result.map_err(|source| ReportError::Grouping { metric: measure.metric.clone(), source })?;
            }
        }
    }
    Ok(())
}

/// Rows in order of setting, smaller attacks first; the clean reference before all attacks.
fn rows(values: &Values) -> Vec<Row> {
    let mut rows: Vec<Row> = values
        .par_iter()
        .filter_map(|((setting, metric, k), grouped)| {
            let seed = Seed::new(setting.seed).child("report");
            let reference = setting.reference();
            let to_none = (*setting != reference)
                .then(|| values.get(&(reference, metric.clone(), *k)))
                .flatten()
                .and_then(|clean| compare(grouped, clean, seed));
            let open = setting.undefended();
            let to_undefended = (*setting != open)
                .then(|| values.get(&(open, metric.clone(), *k)))
                .flatten()
                .and_then(|open| compare(grouped, open, seed));
            let value = grouped.summary(seed)?;
            Some(Row {
                setting: setting.clone(),
                metric: metric.clone(),
                k: *k,
                value,
                to_none,
                to_undefended,
            })
        })
        .collect();
    rows.extend(values.iter().flat_map(|(place, grouped)| over_targets(place, grouped, values)));
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    rows
}

/// Hit ratios target by target, at the shortest list there is.
fn by_target(values: &Values) -> Vec<TargetValue> {
    let is_hit_ratio = |metric: &str| metric == "hit_ratio" || metric.starts_with(HIT_RATIO_OF);
    let hits = || values.iter().filter(|((_, metric, _), _)| is_hit_ratio(metric));
    let shortest = hits().filter_map(|((_, _, k), _)| *k).min();
    hits()
        .filter(|((_, _, k), _)| *k == shortest)
        .flat_map(|((setting, metric, _), grouped)| {
            grouped.per_target().into_iter().map(|(target, value)| TargetValue {
                setting: setting.clone(),
                metric: metric.clone(),
                target,
                value,
            })
        })
        .collect()
}

/// What only all targets together have: the spread of their hit ratios, how many of them an attack
/// promoted, and the uplift. Single numbers, so there is no interval.
fn over_targets(place: &(Setting, String, Option<usize>), grouped: &Grouped, values: &Values) -> Vec<Row> {
    let (setting, metric, k) = place;
    if metric != "hit_ratio" || grouped.targets() < 2 {
        return Vec::new();
    }
    let row = |(metric, value): (&str, Option<f64>)| {
        let n = grouped.targets();
        let value =
            Summary { mean: value?, std: None, ci95: None, n, notes: vec!["n counts targets".into()] };
        Some(Row {
            setting: setting.clone(),
            metric: metric.into(),
            k: *k,
            value,
            to_none: None,
            to_undefended: None,
        })
    };
    let mut numbers = vec![
        ("std_over_targets/population", grouped.std_over_targets(Divisor::Population)),
        ("std_over_targets/sample", grouped.std_over_targets(Divisor::Sample)),
    ];
    let reference = setting.reference();
    if let Some(clean) =
        values.get(&(reference.clone(), metric.clone(), *k)).filter(|_| *setting != reference)
    {
        let (before, after) = (clean.per_target(), grouped.per_target());
        let both = || before.iter().filter_map(|(target, b)| Some((*b, *after.get(target)?)));
        let (b, a): (Vec<f64>, Vec<f64>) = both().unzip();
        numbers.push(("promoted_targets", Some(promoted_targets(&b, &a) as f64)));
        if let (Some(b), Some(a)) = (mean(&b), mean(&a)) {
            numbers.push(("uplift/factor", uplift_factor(b, a)));
            numbers.push(("uplift/increase", uplift_increase(b, a)));
        }
    }
    numbers.into_iter().filter_map(row).collect()
}

type Order<'a> = (
    (&'a str, &'a str, &'a str, &'a str),
    (&'a str, &'a str, bool),
    (&'a str, usize),
    &'a Setting,
    (&'a str, Option<usize>),
);

fn order(row: &Row) -> Order<'_> {
    let s = &row.setting;
    (
        (&s.dataset, &s.split, &s.victim, &s.defense),
        (&s.targets, &s.objective, !row.is_clean()),
        (&s.attack, s.fake_users),
        s,
        (&row.metric, row.k),
    )
}
