//! How far attacks get, what a reach costs, and what it costs in accuracy.

use maud::{Markup, html};

use super::{change, estimate, p_value};
use crate::audit::{Audit, CurvePoint, Price, PriceOfReach, REACHES, SecurityCurve};
use crate::report::html::{
    Column, Curve, CurveChart, Data, Level, Point, number, percent, table, with_interval,
};
use crate::report::part::curves::curves;
use crate::report::part::price::{PriceCell, PriceRow, prices};

pub(super) fn reach(audit: &Audit) -> Markup {
    let hit_ratio = format!("hit ratio @{}, share of users", audit.k);
    let titles: Vec<String> = audit.kinds().iter().map(|kind| format!("{} targets", capital(kind))).collect();
    let charts = audit.kinds().into_iter().zip(&titles).map(|(kind, title)| {
        let of_kind = audit.curves_of(kind);
        let clean = of_kind.first().map(|c| c.clean.mean);
        CurveChart {
            title,
            x_title: "fake users, % of genuine users",
            y_title: &hit_ratio,
            log_x: true,
            level: clean.map(|y| Level { name: format!("no attack ({})", number(y)), y }),
            curves: of_kind.into_iter().map(|c| curve(audit, c)).collect(),
        }
    });
    let lead = format!(
        "Share of all genuine users whose first {} places hold the target after the victim was trained again with the fake users in. \
         Mean over targets and trainings; the band is the 95 % bootstrap interval.",
        audit.k
    );
    html! {
        (curves(&lead, &charts.collect::<Vec<_>>()))
        details {
            summary { "Every attack at every size, with paired tests" }
            (curve_table(audit))
        }
    }
}

fn curve(audit: &Audit, curve: &SecurityCurve) -> Curve {
    let point = |p: &CurvePoint| Point {
        x: 100.0 * p.share,
        y: p.hit_ratio.mean,
        ci95: p.hit_ratio.ci95,
        n: p.hit_ratio.n,
        x_label: audit.fake_users(p.fake_users),
    };
    Curve { name: curve.attack.clone(), points: curve.points.iter().map(point).collect() }
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
                    Data::count(p.fake_users),
                    Data::number(p.share, percent(p.share)),
                    estimate(&p.hit_ratio),
                    estimate(&p.hit_ratio_eligible),
                    change(&p.change),
                    p_value(p.p_holm),
                    Data::count(p.hit_ratio.n),
                ]);
            }
        }
    }
    table(&columns, &rows)
}

pub(super) fn price_table(audit: &Audit) -> Markup {
    let lead = format!(
        "The smallest number of fake users found at which the interval of the mean hit ratio lies above the reach; in brackets the largest \
         number that surely is too few. Each fake user clicks the target and at most {} other items; below, what all of them click together.",
        audit.profile_size
    );
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for price in &audit.prices {
        let row = (price.kind.as_str(), price.attack.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let row = |&(kind, attack): &(&str, &str)| {
        let own = || audit.prices.iter().filter(|p| p.kind == kind && p.attack == attack);
        PriceRow {
            names: vec![kind.into(), attack.into()],
            cells: REACHES.iter().map(|reach| own().find(|p| p.reach == *reach).map(price_cell)).collect(),
            targets: own().map(|p| p.targets).max().unwrap_or(0),
        }
    };
    let rows: Vec<PriceRow> = rows.iter().map(row).collect();
    prices(&lead, &["Targets", "Attack"], &REACHES, &rows)
}

fn price_cell(price: &PriceOfReach) -> PriceCell {
    let fake_users = match price.price {
        Price::Found { fake_users, .. } => fake_users as f64,
        Price::NotReached { .. } => f64::INFINITY,
    };
    PriceCell { text: price.text(), fake_users, clicks: price.clicks }
}

pub(super) fn damage(audit: &Audit) -> Markup {
    if audit.damage.is_empty() {
        return html! {};
    }
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
            Data::count(d.change.difference.n),
        ]
    });
    let size = audit.fake_users(audit.damage.first().map_or(0, |d| d.fake_users));
    html! {
        p { "Accuracy for genuine users under " (size) ", minus that without attack, over the same targets and trainings."
            @if let Some(worst) = audit.worst_damage() {
                @let change = &worst.change.difference;
                " At worst " (worst.metric) " changes by " (with_interval(change.mean, change.ci95)) " (" (worst.attack) ", " (worst.kind) " targets, n = " (change.n) ")."
            }
        }
        details { summary { "Every attack and metric" } (table(&columns, &rows.collect::<Vec<_>>())) }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
