//! How the numbers came about.

use maud::{Markup, html};

use crate::audit::{Accuracy, Audit, Unfinished};
use crate::report::html::{Column, Data, Download, table};
use crate::report::part::measured::Measured;
use crate::stats::Summary;
use crate::store::Versions;

pub(super) fn measured(audit: &Audit, command: &str) -> Markup {
    let json = serde_json::to_string_pretty(audit).expect("invariant: findings are plain values");
    Measured {
        facts: &[
            ("Effort", audit.effort.to_string()),
            ("Seed", audit.seed.to_string()),
            ("Trainings of each victim", audit.repeats.to_string()),
            ("Trials in all", audit.trainings.to_string()),
            ("Shillproof", Versions::current().shillproof),
        ],
        protocol: "An attack sees the training part of the data and nothing that is held out; attacks that ask the recommender may ask \
            for 1 % as many lists as there are interactions. Items that a user has in the training part are masked from the lists; users \
            who have the target stay in the denominator. Clean and attacked trainings share their seeds.",
        datasets: std::slice::from_ref(&audit.dataset),
        notes: &[],
        more: html! { (accuracy(audit)) (unfinished(audit)) },
        sources: &[
            ("The command that repeats it", command),
            ("The victim's parameters", &audit.victim),
            ("The grid as an experiment file, every default written out", &audit.experiment),
        ],
        files: &[
            Download::text("audit.json", "application/json", json),
            Download::text("curves.csv", "text/csv", curves_csv(audit)),
            Download::text("experiment.toml", "application/toml", audit.experiment.clone()),
        ],
    }
    .markup()
}

fn accuracy(audit: &Audit) -> Markup {
    let row = |a: &Accuracy| {
        vec![
            Data::text(&a.metric),
            Data::interval(a.mean, a.ci95),
            a.n.map_or_else(|| Data::text("n/a"), Data::count),
        ]
    };
    let rows: Vec<Vec<Data>> = audit.accuracy.iter().map(row).collect();
    html! {
        @if !rows.is_empty() {
            h3 { "Accuracy without attack" }
            p { "Leave-one-out, full ranking, seen items masked; the interval is over users." }
            (table(&[Column::text("Metric"), Column::number("Mean"), Column::number("Users")], &rows))
        }
    }
}

fn unfinished(audit: &Audit) -> Markup {
    let row = |u: &Unfinished| {
        vec![Data::text(&u.cell), Data::text(&u.status), Data::text(&u.reason), Data::count(u.cells)]
    };
    let columns =
        [Column::text("Attack"), Column::text("Status"), Column::prose("Reason"), Column::number("Trials")];
    html! {
        @if !audit.unfinished.is_empty() {
            h3 { "Trials without a result" }
            (table(&columns, &audit.unfinished.iter().map(row).collect::<Vec<_>>()))
        }
    }
}

/// One row a point of a curve, numbers in full.
fn curves_csv(audit: &Audit) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let header = [
        "targets",
        "attack",
        "fake_users",
        "share",
        "k",
        "hit_ratio",
        "ci95_low",
        "ci95_high",
        "n",
        "hit_ratio_eligible",
        "to_none",
        "p_holm",
    ];
    let ends =
        |s: &Summary| s.ci95.map_or([String::new(), String::new()], |ends| ends.map(|e| e.to_string()));
    let mut write = |row: &[String]| out.write_record(row).expect("invariant: memory takes every row");
    write(&header.map(String::from));
    for curve in &audit.curves {
        for p in &curve.points {
            let [low, high] = ends(&p.hit_ratio);
            write(&[
                curve.kind.clone(),
                curve.attack.clone(),
                p.fake_users.to_string(),
                p.share.to_string(),
                audit.k.to_string(),
                p.hit_ratio.mean.to_string(),
                low,
                high,
                p.hit_ratio.n.to_string(),
                p.hit_ratio_eligible.mean.to_string(),
                p.change.difference.mean.to_string(),
                p.p_holm.map(|p| p.to_string()).unwrap_or_default(),
            ]);
        }
    }
    out.into_inner().expect("invariant: memory takes every row")
}
