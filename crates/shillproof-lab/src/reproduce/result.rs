//! Our numbers beside the published ones.

use std::collections::BTreeMap;

use serde::Serialize;
use shillproof_core::Seed;

use super::{Judgement, Layout, Place, ReproduceError, Scale, Statistic};
use crate::report::{ReportError, target_of};
use crate::stats::Grouped;
use crate::store::{Key, Record, Status};

/// A filled table.
#[derive(Clone, Debug)]
pub struct Reproduction {
    /// Its layout.
    pub layout: Layout,
    /// Its cells, in the order of the layout.
    pub entries: Vec<Entry>,
    /// Its claims.
    pub claims: Vec<Judgement>,
}

/// One cell of the table, filled.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The data set, by the paper's name.
    pub block: String,
    /// The data that was used.
    pub data: String,
    /// Row.
    pub row: String,
    /// Column.
    pub column: String,
    /// What the number is.
    pub metric: String,
    /// The published number.
    pub published: Option<f64>,
    /// Ours; none where nothing could be measured.
    pub ours: Option<f64>,
    /// Its 95 % interval.
    pub ci95: Option<[f64; 2]>,
    /// (target, repeat) pairs.
    pub n: usize,
    /// Why there is no number, or what stands in for the paper's data.
    pub note: Option<String>,
    #[serde(skip)]
    pub(super) values: Grouped,
    #[serde(skip)]
    pub(super) seed: Seed,
}

impl Reproduction {
    /// Fills the table from what was recorded, and judges its claims.
    ///
    /// # Errors
    /// If records contradict each other.
    pub fn of(layout: Layout, records: &[Record]) -> Result<Self, ReproduceError> {
        let by_key: BTreeMap<&Key, &Record> = records.iter().map(|r| (&r.key, r)).collect();
        let statistic = layout.table.statistic;
        let filled = layout.places.iter().map(|place| entry(place, statistic, &by_key));
        let entries: Vec<Entry> = filled.collect::<Result<_, ReportError>>()?;
        let claims = layout.table.claims.iter().map(|claim| claim.judge(&entries)).collect();
        Ok(Self { layout, entries, claims })
    }

    /// The scale it was run at.
    pub fn scale(&self) -> Scale {
        self.layout.scale
    }
}

fn entry(
    place: &Place,
    statistic: Statistic,
    records: &BTreeMap<&Key, &Record>,
) -> Result<Entry, ReportError> {
    let (mut values, mut problem) = (Grouped::default(), None);
    for key in &place.keys {
        let Some(record) = records.get(key) else {
            problem = Some("not computed".to_owned());
            continue;
        };
        match &record.status {
            Status::Done { targets, measures, .. } => {
                let wanted =
                    measures.iter().filter(|m| m.metric == place.metric.metric && m.k == place.metric.k);
                for measure in wanted {
                    let target = target_of(measure, targets, record.cell.threat.target.is_some());
                    values
                        .insert(target, record.cell.repeat, measure.value)
                        .map_err(|source| ReportError::Grouping { metric: measure.metric.clone(), source })?;
                }
            }
            Status::Skipped { reason } => problem = Some(reason.clone()),
            Status::Failed { error } => problem = Some(error.clone()),
        }
    }
    if values.is_empty() && problem.is_none() {
        problem = Some(format!("no {} was measured", place.metric));
    }
    let seed = Seed::new(place.seed).child("report");
    let (ours, ci95) = match statistic {
        Statistic::Mean => values.summary(seed).map(|s| (s.mean, s.ci95)),
        Statistic::StdOverTargets => values.spread(seed),
    }
    .unzip();
    Ok(Entry {
        block: place.block.clone(),
        data: place.data.name.clone(),
        row: place.row.clone(),
        column: place.column.clone(),
        metric: match statistic {
            Statistic::Mean => place.metric.to_string(),
            Statistic::StdOverTargets => format!("standard deviation over targets of {}", place.metric),
        },
        published: place.published,
        ours,
        ci95: ci95.flatten(),
        n: values.len(),
        note: problem.or_else(|| place.stand_in.clone()),
        values,
        seed,
    })
}
