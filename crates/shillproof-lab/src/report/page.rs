//! The page of an experiment.

use std::collections::BTreeMap;

use maud::{Markup, html};

use shillproof_core::Size;

use super::export::{Settings, plain};
use super::html::{
    Column, Curve, CurveChart, Data, Level, Point, curve_chart, facts, number, page, percent, seconds,
    source, table, with_interval,
};
use super::{Report, Row, Setting};

/// The whole page.
pub(super) fn html(report: &Report) -> String {
    let settings = Settings::of(report);
    let title = match &report.datasets[..] {
        [data] => format!("Experiment on {}", data.name),
        several => format!("Experiment on {} data sets", several.len()),
    };
    let common: Vec<(&str, String)> = settings
        .common
        .iter()
        .filter(|(name, _)| name != "checksum")
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let charts = charts(report);
    let body = html! {
        p.soft {
            (report.done) " of " (report.cells) " cells measured"
            @if !report.unsettled.is_empty() { "; " a href="#unsettled" { (report.unsettled.len()) " skipped or failed" } }
            ", " (seconds(report.seconds)) " of computing."
        }
        (facts(&common))
        @if !charts.is_empty() {
            h2 { "Security curves" }
            p.soft { "Hit ratio against attack size; the band is the 95 % bootstrap interval over targets and repeats." }
            div.charts { @for chart in &charts { (chart) } }
        }
        h2 { "All numbers" }
        p.soft {
            "Means over targets and repeats with 95 % bootstrap intervals; n counts (target, repeat) pairs. "
            "“Minus none” is the difference to the same setting without an attack, over identical pairs; p is that of a paired t-test."
        }
        (numbers(report, &settings))
        @if !report.unsettled.is_empty() {
            h2 id="unsettled" { "Skipped and failed cells" }
            (unsettled(report, &settings))
        }
        h2 { "How this was measured" }
        @if !report.notes.is_empty() {
            ul.notes { @for (note, cells) in &report.notes { li { (note) " (" (cells) " cells)" } } }
        }
        (datasets(report))
        p { "Made by shillproof "
            (report.versions.iter().map(|v| v.shillproof.as_str()).collect::<Vec<_>>().join(", "))
            "; records of format "
            (report.versions.iter().map(|v| v.format.to_string()).collect::<Vec<_>>().join(", ")) "."
        }
        @if let Some(spec) = &report.spec {
            (source("The experiment, with every default written out", spec))
        }
    };
    page(&title, &body)
}

fn numbers(report: &Report, settings: &Settings) -> Markup {
    let mut columns: Vec<Column<'_>> = settings.varying.iter().map(|name| column(name)).collect();
    columns.extend([
        Column::text("metric"),
        Column::number("mean [95 %]"),
        Column::number("n"),
        Column::number("minus none [95 %]"),
        Column::number("p"),
    ]);
    let rows: Vec<Vec<Data>> = report
        .rows
        .iter()
        .map(|row| {
            let mut cells = varying(&row.setting, settings);
            let comparison = row.to_none.as_ref();
            cells.extend([
                Data::text(row.metric_at_k()),
                Data::number(row.value.mean, with_interval(row.value.mean, row.value.ci95)),
                Data::number(row.value.n as f64, row.value.n.to_string()),
                comparison.map_or_else(Data::gap, |c| {
                    Data::number(c.difference.mean, with_interval(c.difference.mean, c.difference.ci95))
                }),
                comparison.and_then(|c| c.t_test).map_or_else(Data::gap, |t| Data::number(t.p, number(t.p))),
            ]);
            cells
        })
        .collect();
    table(&columns, &rows)
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

fn unsettled(report: &Report, settings: &Settings) -> Markup {
    let mut columns = vec![Column::text("status"), Column::prose("reason")];
    columns.extend(settings.varying.iter().map(|name| column(name)));
    columns.extend([Column::number("target"), Column::number("repeat"), Column::text("key")]);
    let rows: Vec<Vec<Data>> = report
        .unsettled
        .iter()
        .map(|cell| {
            let mut cells = vec![Data::text(cell.status), Data::text(cell.reason.clone())];
            cells.extend(varying(&cell.setting, settings));
            let target = cell
                .target
                .map_or_else(|| Data::text("all"), |t| Data::number(t as f64, (t + 1).to_string()));
            cells.extend([
                target,
                Data::number(cell.repeat as f64, cell.repeat.to_string()),
                Data::text(cell.key.as_str()),
            ]);
            cells
        })
        .collect();
    table(&columns, &rows)
}

fn datasets(report: &Report) -> Markup {
    let columns = [
        Column::text("data set"),
        Column::number("users"),
        Column::number("items"),
        Column::number("interactions"),
        Column::text("checksum"),
    ];
    let count = |n: usize| Data::number(n as f64, grouped(n));
    let rows: Vec<Vec<Data>> = report
        .datasets
        .iter()
        .map(|d| {
            vec![
                Data::text(&d.name),
                count(d.users),
                count(d.items),
                count(d.interactions),
                Data::text(&d.checksum),
            ]
        })
        .collect();
    table(&columns, &rows)
}

fn grouped(n: usize) -> String {
    with_interval(n as f64, Some([n as f64 - 10.0, n as f64 + 10.0]))
        .split(' ')
        .next()
        .unwrap_or_default()
        .into()
}

/// One chart for all attacks that share everything but their size.
fn charts(report: &Report) -> Vec<Markup> {
    let mut groups: BTreeMap<Setting, Vec<&Row>> = BTreeMap::new();
    let first_k = report.rows.iter().filter(|r| r.metric == "hit_ratio").filter_map(|r| r.k).min();
    for row in report.rows.iter().filter(|r| r.metric == "hit_ratio" && r.k == first_k) {
        groups.entry(row.setting.reference()).or_default().push(row);
    }
    groups.iter().filter_map(|(reference, rows)| chart(report, reference, rows)).collect()
}

fn chart(report: &Report, reference: &Setting, rows: &[&Row]) -> Option<Markup> {
    let users = report.datasets.iter().find(|d| d.checksum == reference.checksum)?.users as f64;
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    for row in rows.iter().filter(|r| !r.is_clean()) {
        let s = &row.setting;
        let name = curve_name(rows, s);
        let share = s.fake_users as f64 / users;
        // A size that was asked for as a share stands at that share, whatever it rounds to.
        let asked = match s.size.parse() {
            Ok(Size::Fraction(fraction)) => fraction.get(),
            _ => share,
        };
        curves.entry(name.clone()).or_insert(Curve { name, points: Vec::new() }).points.push(Point {
            x: asked * 100.0,
            y: row.value.mean,
            ci95: row.value.ci95,
            n: row.value.n,
            x_label: format!("{} fake users ({})", s.fake_users, percent(share)),
        });
    }
    for curve in curves.values_mut() {
        curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    let curves: Vec<Curve> = curves.into_values().collect();
    if !curves.iter().any(|c| c.points.len() > 1) {
        return None;
    }
    let xs = || curves.iter().flat_map(|c| &c.points).map(|p| p.x).filter(|x| *x > 0.0);
    let log_x = xs().fold(0.0, f64::max) >= 5.0 * xs().fold(f64::INFINITY, f64::min);
    let metric = rows[0].metric_at_k();
    let clean = rows.iter().find(|r| r.is_clean());
    let points = points_table(&curves, &metric);
    let title = format!(
        "{} on {}: {} {}",
        reference.victim, reference.dataset, reference.objective, reference.targets
    );
    let figure = curve_chart(&CurveChart {
        title: &title,
        x_title: "fake users, % of genuine users",
        y_title: &format!("{metric}, share of genuine users"),
        log_x,
        curves,
        level: clean
            .map(|r| Level { name: format!("no attack ({})", number(r.value.mean)), y: r.value.mean }),
    });
    Some(html! {
        div {
            (figure)
            details { summary { "As a table" } (points) }
        }
    })
}

/// The attack, and whatever else of the attacker differs within the chart.
fn curve_name(rows: &[&Row], setting: &Setting) -> String {
    let attackers = || rows.iter().filter(|r| !r.is_clean()).map(|r| &r.setting);
    let extras = |s: &Setting| {
        let clicked = if s.targets_clicked { "targets clicked" } else { "targets not clicked" };
        [
            format!("profile {}", s.profile_size),
            format!("knows {}", s.knowledge),
            format!("black box {}", s.black_box),
            format!("surrogate {}", s.surrogate),
            clicked.to_owned(),
        ]
    };
    let differs = |at: &usize| attackers().any(|s| extras(s)[*at] != extras(setting)[*at]);
    let mut name = vec![setting.attack.clone()];
    name.extend((0..extras(setting).len()).filter(differs).map(|at| extras(setting)[at].clone()));
    name.join(", ")
}

fn points_table(curves: &[Curve], metric: &str) -> Markup {
    let title = format!("{metric} [95 %]");
    let columns =
        [Column::text("attack"), Column::number("size"), Column::number(&title), Column::number("n")];
    let rows: Vec<Vec<Data>> = curves
        .iter()
        .flat_map(|curve| {
            curve.points.iter().map(|p| {
                vec![
                    Data::text(&curve.name),
                    Data::number(p.x, &p.x_label),
                    Data::number(p.y, with_interval(p.y, p.ci95)),
                    Data::number(p.n as f64, p.n.to_string()),
                ]
            })
        })
        .collect();
    table(&columns, &rows)
}
