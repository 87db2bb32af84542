//! What would have caught an attack, and what stopping it costs.

use maud::{Markup, html};

use crate::report::html::{
    Column, Curve, CurveChart, Data, Point, curve_chart, number, percent, table, with_interval,
};
use crate::stats::{Comparison, Summary};

/// What one detector made of one attack.
pub(crate) struct Catch {
    /// What tells the row from the others, in the order of the headings.
    pub(crate) names: Vec<String>,
    /// Detector.
    pub(crate) detector: String,
    /// Probability that a fake user looks more suspicious than a genuine one.
    pub(crate) auroc: Option<Summary>,
    /// Share of fake users caught where 1 % of the users of clean data are accused.
    pub(crate) recall: Option<Summary>,
    /// Share of genuine users flagged by its own rule.
    pub(crate) flagged: Option<Summary>,
    /// Share of fake users missed by it.
    pub(crate) missed: Option<Summary>,
}

/// One detector's points of false alarms and share caught.
pub(crate) struct Roc {
    /// Detector.
    pub(crate) detector: String,
    /// Share of users of clean data accused, and fake users caught then.
    pub(crate) points: Vec<(f64, Summary)>,
}

/// What one defense left of one attack.
pub(crate) struct Guard {
    /// What tells the row from the others, in the order of the headings; the attack is the last.
    pub(crate) names: Vec<String>,
    /// Defense.
    pub(crate) defense: String,
    /// Mean hit ratio without it.
    pub(crate) without: Option<f64>,
    /// With it.
    pub(crate) with: Summary,
    /// With minus without over the same targets and trainings.
    pub(crate) change: Option<Comparison>,
    /// Genuine users removed.
    pub(crate) removed_genuine: Option<Summary>,
    /// Fake users removed.
    pub(crate) removed_fake: Option<Summary>,
}

/// An ROC curve with the false alarms on a logarithmic axis: what matters happens at its left end.
pub(crate) fn roc(title: &str, curves: &[Roc]) -> Markup {
    let point = |(false_alarms, caught): &(f64, Summary)| Point {
        x: 100.0 * false_alarms,
        y: caught.mean,
        ci95: caught.ci95,
        n: caught.n,
        x_label: format!("{} false alarms", percent(*false_alarms)),
    };
    let curves = curves
        .iter()
        .map(|roc| Curve { name: roc.detector.clone(), points: roc.points.iter().map(point).collect() });
    curve_chart(&CurveChart {
        title,
        x_title: "users of clean data accused, %",
        y_title: "share of fake users caught",
        log_x: true,
        curves: curves.collect(),
        level: None,
    })
}

/// Detectors by attack; empty without a row.
pub(crate) fn catches(names: &[&str], rows: &[Catch]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let mut columns: Vec<Column<'_>> = names.iter().map(|name| Column::text(name)).collect();
    columns.extend([
        Column::text("Detector"),
        Column::number("AUROC"),
        Column::number("Caught at 1 % false alarms"),
        Column::number("Genuine users flagged"),
        Column::number("Fake users missed"),
        Column::number("n"),
    ]);
    let rows: Vec<Vec<Data>> = rows
        .iter()
        .map(|row| {
            let mut cells: Vec<Data> = row.names.iter().map(Data::text).collect();
            cells.push(Data::text(&row.detector));
            cells.extend([&row.auroc, &row.recall, &row.flagged, &row.missed].map(|s| estimate(s.as_ref())));
            let n = row.auroc.as_ref().map_or(0, |s| s.n);
            cells.push(Data::count(n));
            cells
        })
        .collect();
    table(&columns, &rows)
}

/// Defenses by attack, and for each of them what an attacker who knows it would choose; empty without a row.
pub(crate) fn guards(names: &[&str], rows: &[Guard]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let mut columns: Vec<Column<'_>> = names.iter().map(|name| Column::text(name)).collect();
    columns.extend([
        Column::text("Defense"),
        Column::number("Hit ratio without"),
        Column::number("With"),
        Column::number("Change"),
        Column::number("Genuine users removed"),
        Column::number("Fake users removed"),
        Column::number("n"),
    ]);
    let cells: Vec<Vec<Data>> = rows
        .iter()
        .map(|row| {
            let mut cells: Vec<Data> = row.names.iter().map(Data::text).collect();
            cells.push(Data::text(&row.defense));
            cells.push(row.without.map_or_else(Data::gap, |value| Data::number(value, number(value))));
            cells.push(shown(&row.with));
            cells.push(row.change.as_ref().map_or_else(Data::gap, |change| shown(&change.difference)));
            cells.extend([&row.removed_genuine, &row.removed_fake].map(|s| estimate(s.as_ref())));
            cells.push(Data::count(row.with.n));
            cells
        })
        .collect();
    html! {
        (table(&columns, &cells))
        ul.notes { @for line in informed(rows) { li { (line) } } }
    }
}

/// What remains to an attacker who knows a defense and takes, of the attacks tried, the one that gets furthest through it.
fn informed(rows: &[Guard]) -> Vec<String> {
    let mut seen: Vec<(&[String], &str)> = Vec::new();
    let mut lines = Vec::new();
    for row in rows {
        let context = row.names.split_last().map_or(&[][..], |(_, context)| context);
        if seen.contains(&(context, &row.defense)) {
            continue;
        }
        seen.push((context, &row.defense));
        let same = |other: &&Guard| {
            other.defense == row.defense && other.names.split_last().is_some_and(|(_, c)| c == context)
        };
        let most = rows.iter().filter(same).max_by(|a, b| a.with.mean.total_cmp(&b.with.mean));
        let Some(most) = most else { continue };
        let place = if context.is_empty() { String::new() } else { format!(" ({})", context.join(", ")) };
        lines.push(format!(
            "Who knows {} takes {} and still reaches {} of the users{place}.",
            row.defense,
            most.names.last().map_or("", String::as_str),
            with_interval(most.with.mean, most.with.ci95)
        ));
    }
    lines
}

fn shown(summary: &Summary) -> Data {
    Data::interval(summary.mean, summary.ci95)
}

fn estimate(summary: Option<&Summary>) -> Data {
    summary.map_or_else(Data::gap, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(kind: &str, attack: &str, with: f64) -> Guard {
        let with = Summary { mean: with, std: None, ci95: None, n: 5, notes: Vec::new() };
        Guard {
            names: vec![kind.into(), attack.into()],
            defense: "remove-flagged".into(),
            without: Some(0.5),
            with,
            change: None,
            removed_genuine: None,
            removed_fake: None,
        }
    }

    #[test]
    fn who_knows_a_defense_takes_the_attack_that_gets_furthest_through_it() {
        let rows = [
            guard("random", "average", 0.01),
            guard("random", "segment", 0.2),
            guard("unpopular", "average", 0.3),
            guard("unpopular", "segment", 0.1),
        ];
        let lines = informed(&rows);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].contains("takes segment") && lines[0].contains("0.2 of the users (random)"),
            "{lines:?}"
        );
        assert!(lines[1].contains("takes average") && lines[1].contains("(unpopular)"), "{lines:?}");
    }
}
