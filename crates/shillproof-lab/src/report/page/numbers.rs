//! The rows of a run as tables.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::View;
use crate::report::export::{Settings, plain};
use crate::report::html::{Column, Data, number, table};
use crate::report::{Row, Setting};

/// Most rows of the table; the downloads have all.
const MOST_ROWS: usize = 800;

/// What a reader looks for first; other metrics follow in the order of their names.
const FIRST: [&str; 8] = [
    "hit_ratio",
    "hit_ratio_eligible",
    "hit_ratio_any",
    "ndcg",
    "accuracy_hit_ratio",
    "rmse",
    "promoted_targets",
    "prediction_shift",
];

impl View<'_> {
    /// Whole metrics, as many as fit.
    fn shown(&self) -> (Vec<&Row>, Vec<String>) {
        let rank = |row: &Row| FIRST.iter().position(|name| *name == row.metric).unwrap_or(FIRST.len());
        let mut by_metric: BTreeMap<(usize, String), Vec<&Row>> = BTreeMap::new();
        for row in &self.report.rows {
            by_metric.entry((rank(row), row.metric_at_k())).or_default().push(row);
        }
        let (mut shown, mut left): (Vec<&Row>, Vec<String>) = (Vec::new(), Vec::new());
        for ((_, metric), rows) in by_metric {
            if shown.is_empty() || shown.len() + rows.len() <= MOST_ROWS {
                shown.extend(rows);
            } else {
                left.push(metric);
            }
        }
        (shown, left)
    }

    pub(super) fn numbers(&self) -> Markup {
        let (shown, left) = self.shown();
        let mut columns: Vec<Column<'_>> = self.settings.varying.iter().map(|name| column(name)).collect();
        columns.extend([
            Column::text("metric"),
            Column::number("mean [95 %]"),
            Column::number("n"),
            Column::number("minus none [95 %]"),
            Column::number("p"),
        ]);
        let rows: Vec<Vec<Data>> = shown
            .iter()
            .map(|row| {
                let mut cells = varying(&row.setting, &self.settings);
                let comparison = row.to_none.as_ref();
                cells.extend([
                    Data::text(row.metric_at_k()),
                    Data::interval(row.value.mean, row.value.ci95),
                    Data::count(row.value.n),
                    comparison
                        .map_or_else(Data::gap, |c| Data::interval(c.difference.mean, c.difference.ci95)),
                    comparison
                        .and_then(|c| c.t_test)
                        .map_or_else(Data::gap, |t| Data::number(t.p, number(t.p))),
                ]);
                cells
            })
            .collect();
        html! {
            p {
                "Means over targets and repeats with 95 % bootstrap intervals; n counts (target, repeat) pairs. “Minus none” is the "
                "difference to the same setting without an attack, over identical pairs; p is that of a paired t-test."
            }
            @if !left.is_empty() {
                p.soft { "In the files below, but not in this table: " (left.join(", ")) "." }
            }
            (table(&columns, &rows))
        }
    }

    pub(super) fn unsettled(&self) -> Markup {
        if self.report.unsettled.is_empty() {
            return html! {};
        }
        let mut columns = vec![Column::text("status"), Column::prose("reason")];
        columns.extend(self.settings.varying.iter().map(|name| column(name)));
        columns.extend([Column::number("target"), Column::number("repeat"), Column::text("key")]);
        let rows: Vec<Vec<Data>> = self
            .report
            .unsettled
            .iter()
            .map(|cell| {
                let mut cells = vec![Data::text(cell.status), Data::text(cell.reason.clone())];
                cells.extend(varying(&cell.setting, &self.settings));
                let target = cell
                    .target
                    .map_or_else(|| Data::text("all"), |t| Data::number(t as f64, (t + 1).to_string()));
                cells.extend([target, Data::count(cell.repeat as usize), Data::text(cell.key.as_str())]);
                cells
            })
            .collect();
        table(&columns, &rows)
    }
}

fn column(name: &str) -> Column<'_> {
    if matches!(name, "size" | "fake_users" | "seed") { Column::number(name) } else { Column::text(name) }
}

fn varying(setting: &Setting, settings: &Settings) -> Vec<Data> {
    let fields: BTreeMap<String, serde_json::Value> = setting.fields().into_iter().collect();
    let cell = |name: &String| match name.as_str() {
        "size" => Data::number(setting.fake_users as f64, setting.size.clone()),
        _ => Data::text(plain(&fields[name])),
    };
    settings.varying.iter().map(cell).collect()
}
