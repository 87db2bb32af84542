//! The audit as one self-contained HTML page.

use maud::{Markup, html};

use super::{Audit, SecurityCurve};
use crate::report::html::{
    Column, Curve, CurveChart, Data, Level, Point, curve_chart, facts, number, page as shell, percent,
    source, table, with_interval,
};
use crate::stats::{Comparison, Summary};
use crate::store::Versions;

/// The page. `command` repeats the audit.
pub fn page(audit: &Audit, command: &str) -> String {
    let json = serde_json::to_string_pretty(audit).expect("invariant: findings are plain values");
    let body = html! {
        p.lead { strong { (audit.verdict()) } }
        (facts(&headline(audit)))
        @if !audit.warnings.is_empty() {
            ul.notes { @for warning in &audit.warnings { li { (warning) } } }
        }
        h2 { "How far each attack gets" }
        p { "Share of all genuine users whose first " (audit.k) " places hold the target after the victim was trained again with the fake users in. Mean over targets and trainings; the band is the 95 % bootstrap interval." }
        div.charts { @for kind in audit.kinds() { (chart(audit, kind)) } }
        details {
            summary { "The same as a table" }
            (curve_table(audit))
        }
        h2 { "What a reach costs" }
        p { "The smallest number of fake users found at which the interval of the mean hit ratio lies above the reach; in brackets the largest number that surely is too few. Each fake user has at most " (audit.profile_size) " fillers besides the target." }
        (price_table(audit))
        h2 { "Who is weak" }
        (weak(audit))
        h2 { "What the attack costs in accuracy" }
        p { "Accuracy for genuine users under " (audit.fake_users(audit.damage.first().map_or(0, |d| d.fake_users))) ", minus that without attack, over the same targets and trainings." }
        (damage_table(audit))
        @if !audit.caught.is_empty() {
            h2 { "What would have caught it, and what it costs genuine users" }
            p { "Every detector saw the attacked data of " (audit.fake_users(audit.reference)) " and nothing else. AUROC is the chance that a fake user looks more suspicious than a genuine one (coin-flip: 0.5 but for luck); the share caught is that beyond a threshold which accuses 1 % of the users of clean data; the last two columns are by the detector's own rule. Mean and 95 % interval over targets." }
            (caught_table(audit))
        }
        @if !audit.guarded.is_empty() {
            p { "Training again without the users whom the detector flags. Genuine users among them get no recommendations and count as not hit." }
            (guarded_table(audit))
        }
        @if !audit.gates.is_empty() {
            h2 { "Gates" }
            (gate_table(audit))
        }
        h2 { "How this was measured" }
        (measured(audit))
        (source("The command that repeats it", command))
        (source("All findings as JSON", &json))
    };
    shell(&format!("Audit of {}", audit.dataset.name), &body)
}

fn headline(audit: &Audit) -> Vec<(&'static str, String)> {
    let data = &audit.dataset;
    let mut headline = vec![
        (
            "Data",
            format!(
                "{}: {} users, {} items, {} interactions",
                data.name, data.users, data.items, data.interactions
            ),
        ),
        ("Victim", audit.victim_name()),
        ("Strongest attack", audit.strongest.clone().unwrap_or_else(|| "none".into())),
    ];
    let accuracy = audit.accuracy.iter().take(2);
    let accuracy = accuracy.map(|a| format!("{} {}", a.metric, with_interval(a.mean, a.ci95)));
    headline.push(("Without attack", accuracy.collect::<Vec<_>>().join(", ")));
    headline
}

fn chart(audit: &Audit, kind: &str) -> Markup {
    let curves = audit.curves_of(kind);
    let level = curves.first().map(|c| Level { name: "no attack".into(), y: c.clean.mean });
    let title = format!("{} targets", capital(kind));
    curve_chart(&CurveChart {
        title: &title,
        x_title: "fake users, % of genuine users",
        y_title: &format!("hit ratio @{}", audit.k),
        log_x: true,
        curves: curves.into_iter().map(|c| curve(audit, c)).collect(),
        level,
    })
}

fn curve(audit: &Audit, curve: &SecurityCurve) -> Curve {
    let point = |p: &super::CurvePoint| Point {
        x: 100.0 * p.share,
        y: p.hit_ratio.mean,
        ci95: p.hit_ratio.ci95,
        n: p.hit_ratio.n,
        x_label: audit.fake_users(p.fake_users),
    };
    Curve { name: curve.attack.clone(), points: curve.points.iter().map(point).collect() }
}

fn estimate(summary: &Summary) -> Data {
    Data::number(summary.mean, with_interval(summary.mean, summary.ci95))
}

fn change(comparison: &Comparison) -> Data {
    estimate(&comparison.difference)
}

fn p_value(p: Option<f64>) -> Data {
    p.map_or_else(|| Data::text("n/a"), |p| Data::number(p, number(p)))
}

fn curve_table(audit: &Audit) -> Markup {
    let columns = [
        Column::text("Targets"),
        Column::text("Attack"),
        Column::number("Fake users"),
        Column::number("Share"),
        Column::number("Hit ratio"),
        Column::number("Among users without the target"),
        Column::number("Change from no attack"),
        Column::number("p (signed rank, Holm)"),
        Column::number("n"),
    ];
    let mut rows = Vec::new();
    for kind in audit.kinds() {
        for curve in audit.curves_of(kind) {
            for p in &curve.points {
                rows.push(vec![
                    Data::text(kind),
                    Data::text(&curve.attack),
                    Data::number(p.fake_users as f64, p.fake_users.to_string()),
                    Data::number(p.share, percent(p.share)),
                    estimate(&p.hit_ratio),
                    estimate(&p.hit_ratio_eligible),
                    change(&p.change),
                    p_value(p.p_holm),
                    Data::number(p.hit_ratio.n as f64, p.hit_ratio.n.to_string()),
                ]);
            }
        }
    }
    table(&columns, &rows)
}

fn price_table(audit: &Audit) -> Markup {
    let columns = [
        Column::text("Targets"),
        Column::text("Attack"),
        Column::number("Reach"),
        Column::number("Fake users"),
        Column::number("n targets"),
    ];
    let rows = audit.prices.iter().map(|p| {
        let sort = match p.price {
            super::Price::Found { fake_users, .. } => fake_users as f64,
            super::Price::NotReached { .. } => f64::INFINITY,
        };
        vec![
            Data::text(&p.kind),
            Data::text(&p.attack),
            Data::number(p.reach, percent(p.reach)),
            Data::number(sort, p.text()),
            Data::number(p.targets as f64, p.targets.to_string()),
        ]
    });
    table(&columns, &rows.collect::<Vec<_>>())
}

fn weak(audit: &Audit) -> Markup {
    let under = format!(
        "{} attack, {}",
        audit.strongest.as_deref().unwrap_or("no"),
        audit.fake_users(audit.reference)
    );
    let items = audit.items.iter().map(|i| {
        vec![
            Data::text(&i.item),
            Data::text(&i.kind),
            Data::number(f64::from(i.interactions), i.interactions.to_string()),
            Data::number(i.popularity, percent(i.popularity)),
            Data::number(i.clean, number(i.clean)),
            estimate(&i.hit_ratio),
        ]
    });
    let users = audit.users.iter().map(|u| {
        vec![
            Data::text(&u.by),
            Data::text(&u.group),
            Data::text(&u.kind),
            estimate(&u.hit_ratio),
            Data::number(u.hit_ratio.n as f64, u.hit_ratio.n.to_string()),
        ]
    });
    html! {
        p { "Hit ratio of each target that was tried (" (under) "), from most to least reached." }
        (table(
            &[
                Column::text("Item"),
                Column::text("Drawn as"),
                Column::number("Interactions"),
                Column::number("Items no more popular"),
                Column::number("No attack"),
                Column::number("Attacked"),
            ],
            &items.collect::<Vec<_>>(),
        ))
        p { "Hit ratio among users of one kind who do not have the target (" (under) ")." }
        (table(
            &[
                Column::text("By"),
                Column::text("Users"),
                Column::text("Targets"),
                Column::number("Attacked"),
                Column::number("n"),
            ],
            &users.collect::<Vec<_>>(),
        ))
    }
}

fn damage_table(audit: &Audit) -> Markup {
    let columns = [
        Column::text("Attack"),
        Column::text("Targets"),
        Column::text("Metric"),
        Column::number("Change"),
        Column::number("p (signed rank)"),
        Column::number("n"),
    ];
    let rows = audit.damage.iter().map(|d| {
        vec![
            Data::text(&d.attack),
            Data::text(&d.kind),
            Data::text(&d.metric),
            change(&d.change),
            p_value(d.change.wilcoxon.map(|test| test.p)),
            Data::number(d.change.difference.n as f64, d.change.difference.n.to_string()),
        ]
    });
    table(&columns, &rows.collect::<Vec<_>>())
}

fn caught_table(audit: &Audit) -> Markup {
    let columns = [
        Column::text("Attack"),
        Column::text("Targets"),
        Column::text("Detector"),
        Column::number("AUROC"),
        Column::number("Caught at 1 % false alarms"),
        Column::number("Genuine users flagged"),
        Column::number("Fake users missed"),
        Column::number("n"),
    ];
    let rows = audit.caught.iter().map(|c| {
        vec![
            Data::text(&c.attack),
            Data::text(&c.kind),
            Data::text(&c.detector),
            estimate(&c.auroc),
            c.recall_at_1_percent.as_ref().map_or_else(|| Data::text("n/a"), estimate),
            estimate(&c.fpr),
            estimate(&c.fnr),
            Data::number(c.auroc.n as f64, c.auroc.n.to_string()),
        ]
    });
    table(&columns, &rows.collect::<Vec<_>>())
}

fn guarded_table(audit: &Audit) -> Markup {
    let columns = [
        Column::text("Attack"),
        Column::text("Targets"),
        Column::text("Detector"),
        Column::number("Hit ratio without"),
        Column::number("With"),
        Column::number("Change"),
        Column::number("Genuine users removed"),
        Column::number("Fake users removed"),
        Column::number("n"),
    ];
    let rows = audit.guarded.iter().map(|g| {
        vec![
            Data::text(&g.attack),
            Data::text(&g.kind),
            Data::text(&g.detector),
            Data::number(g.without, number(g.without)),
            Data::number(g.hit_ratio, number(g.hit_ratio)),
            change(&g.change),
            estimate(&g.removed_genuine),
            estimate(&g.removed_fake),
            Data::number(g.change.difference.n as f64, g.change.difference.n.to_string()),
        ]
    });
    table(&columns, &rows.collect::<Vec<_>>())
}

fn gate_table(audit: &Audit) -> Markup {
    let rows = audit.gates.iter().map(|g| {
        let state = if g.broken_by.is_empty() { "held" } else { "broken" };
        vec![Data::text(&g.gate), Data::text(state), Data::text(g.broken_by.join("; "))]
    });
    table(
        &[Column::text("Gate"), Column::text("State"), Column::prose("Broken by")],
        &rows.collect::<Vec<_>>(),
    )
}

fn measured(audit: &Audit) -> Markup {
    let data = &audit.dataset;
    let accuracy: Vec<Vec<Data>> = audit
        .accuracy
        .iter()
        .map(|a| {
            vec![
                Data::text(&a.metric),
                Data::number(a.mean, with_interval(a.mean, a.ci95)),
                a.n.map_or_else(|| Data::text("n/a"), |n| Data::number(n as f64, n.to_string())),
            ]
        })
        .collect();
    let unfinished = audit.unfinished.iter().map(|u| {
        vec![
            Data::text(&u.cell),
            Data::text(&u.status),
            Data::text(&u.reason),
            Data::number(u.cells as f64, u.cells.to_string()),
        ]
    });
    html! {
        (facts(&[
            ("Effort", audit.effort.to_string()),
            ("Seed", audit.seed.to_string()),
            ("Trainings of each victim", audit.repeats.to_string()),
            ("Trials in all", audit.trainings.to_string()),
            ("Shillproof", Versions::current().shillproof),
            ("Checksum of the data", data.checksum.clone()),
        ]))
        p { "An attack sees the training part of the data and nothing that is held out; attacks that ask the recommender may ask for 1 % as many lists as there are interactions. Items that a user has in the training part are masked from the lists; users who have the target stay in the denominator. Clean and attacked trainings share their seeds." }
        h3 { "Accuracy without attack" }
        p { "Leave-one-out, full ranking, seen items masked; the interval is over users." }
        (table(&[Column::text("Metric"), Column::number("Mean"), Column::number("Users")], &accuracy))
        @if !audit.unfinished.is_empty() {
            h3 { "Trials without a result" }
            (table(
                &[Column::text("Attack"), Column::text("Status"), Column::prose("Reason"), Column::number("Trials")],
                &unfinished.collect::<Vec<_>>(),
            ))
        }
        (source("The victim's parameters", &audit.victim))
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
