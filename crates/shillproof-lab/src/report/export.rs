//! Rows for tools: tidy, with every number in full.

use std::collections::BTreeSet;

use serde_json::Value;

use super::setting::NAMES;
use super::{Format, Report, ReportError};

/// What a tidy column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Switch,
    Count,
    Number,
}

/// A tidy table: one row a number, and one a cell without numbers.
pub(super) struct Tidy {
    pub(super) columns: Vec<(String, Kind)>,
    /// Cells by row; null where there is nothing to say.
    pub(super) rows: Vec<Vec<Value>>,
}

const MEASURED: [(&str, Kind); 18] = [
    ("metric", Kind::Text),
    ("k", Kind::Count),
    ("mean", Kind::Number),
    ("std", Kind::Number),
    ("ci95_low", Kind::Number),
    ("ci95_high", Kind::Number),
    ("n", Kind::Count),
    ("to_none", Kind::Number),
    ("to_none_ci95_low", Kind::Number),
    ("to_none_ci95_high", Kind::Number),
    ("to_none_n", Kind::Count),
    ("to_none_p_t_test", Kind::Number),
    ("to_none_p_wilcoxon", Kind::Number),
    ("notes", Kind::Text),
    ("status", Kind::Text),
    ("key", Kind::Text),
    ("repeat", Kind::Count),
    ("reason", Kind::Text),
];

fn kind_of(name: &str) -> Kind {
    match name {
        "each" | "targets_clicked" => Kind::Switch,
        "fake_users" | "seed" => Kind::Count,
        _ => Kind::Text,
    }
}

impl Tidy {
    pub(super) fn of(report: &Report) -> Self {
        let settings = NAMES.iter().map(|name| ((*name).to_owned(), kind_of(name)));
        let columns = settings.chain(MEASURED.map(|(name, kind)| (name.to_owned(), kind))).collect();
        let maybe = |x: Option<f64>| x.map_or(Value::Null, Value::from);
        let measured = report.rows.iter().map(|row| {
            let (value, to) = (&row.value, row.to_none.as_ref());
            let difference = to.map(|c| &c.difference);
            let cells = [
                row.metric.clone().into(),
                row.k.map_or(Value::Null, Value::from),
                value.mean.into(),
                maybe(value.std),
                maybe(value.ci95.map(|c| c[0])),
                maybe(value.ci95.map(|c| c[1])),
                value.n.into(),
                maybe(difference.map(|d| d.mean)),
                maybe(difference.and_then(|d| d.ci95).map(|c| c[0])),
                maybe(difference.and_then(|d| d.ci95).map(|c| c[1])),
                difference.map_or(Value::Null, |d| d.n.into()),
                maybe(to.and_then(|c| c.t_test).map(|t| t.p)),
                maybe(to.and_then(|c| c.wilcoxon).map(|t| t.p)),
                value.notes.join("; ").into(),
                "done".into(),
                Value::Null,
                Value::Null,
                Value::Null,
            ];
            row.setting.fields().into_iter().map(|(_, v)| v).chain(cells).collect()
        });
        let unsettled = report.unsettled.iter().map(|cell| {
            let mut cells = vec![Value::Null; MEASURED.len() - 4];
            cells.extend([
                cell.status.into(),
                cell.key.as_str().into(),
                cell.repeat.into(),
                cell.reason.clone().into(),
            ]);
            cell.setting.fields().into_iter().map(|(_, v)| v).chain(cells).collect()
        });
        Self { columns, rows: measured.chain(unsettled).collect() }
    }
}

/// Tidy rows; numbers in full, so that they read back to the same bits.
pub(super) fn csv(report: &Report) -> Result<Vec<u8>, ReportError> {
    let tidy = Tidy::of(report);
    let problem =
        |e: &dyn std::fmt::Display| ReportError::Unwritable { format: Format::Csv, problem: e.to_string() };
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(tidy.columns.iter().map(|(name, _)| name)).map_err(|e| problem(&e))?;
    for row in &tidy.rows {
        let cells = row.iter().map(|cell| match cell {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        out.write_record(cells).map_err(|e| problem(&e))?;
    }
    out.into_inner().map_err(|e| problem(&e))
}

pub(super) fn json(report: &Report) -> Result<Vec<u8>, ReportError> {
    let text = serde_json::to_vec_pretty(report);
    text.map_err(|e| ReportError::Unwritable { format: Format::Json, problem: e.to_string() })
}

/// Settings that differ between rows, by name; the others are said once.
pub(super) struct Settings {
    pub(super) varying: Vec<String>,
    pub(super) common: Vec<(String, String)>,
}

impl Settings {
    pub(super) fn of(report: &Report) -> Self {
        let all =
            || report.rows.iter().map(|r| &r.setting).chain(report.unsettled.iter().map(|c| &c.setting));
        let (mut varying, mut common) = (Vec::new(), Vec::new());
        // The reference has no attacker whose means could differ from those of the attacks.
        let attackers = || all().filter(|s| s.attack != "none");
        let attacker = ["profile_size", "knowledge", "black_box", "surrogate", "targets_clicked"];
        for (at, name) in NAMES.iter().enumerate() {
            let value = |s: &super::Setting| plain(&s.fields()[at].1);
            let values: BTreeSet<String> = if attacker.contains(name) && attackers().next().is_some() {
                attackers().map(value).collect()
            } else {
                all().map(value).collect()
            };
            match values.first() {
                Some(only) if values.len() == 1 => common.push(((*name).to_owned(), only.clone())),
                _ => varying.push((*name).to_owned()),
            }
        }
        // Two names for one thing.
        if varying.iter().any(|n| n == "size") {
            varying.retain(|n| n != "fake_users" && n != "checksum");
        }
        Self { varying, common }
    }
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(b) => if *b { "yes" } else { "no" }.into(),
        other => other.to_string(),
    }
}
