//! The audit as one self-contained HTML page.

use maud::{Markup, html};

use super::verdict::named;
use super::{Audit, Caught, Price, PriceOfReach, REACHES, SecurityCurve, WeakItem};
use crate::report::html::{
    Column, Curve, CurveChart, Data, Download, Level, Point, Section, Strip, StripChart, number,
    page as shell, percent, table, with_interval,
};
use crate::report::part::caught::{Catch, Guard, Roc, catches, guards, roc};
use crate::report::part::curves::curves;
use crate::report::part::measured::Measured;
use crate::report::part::price::{PriceCell, PriceRow, prices};
use crate::report::part::verdict::{Headline, verdict};
use crate::report::part::weak::strips;
use crate::stats::{Comparison, Summary};
use crate::store::Versions;

/// The page. `command` repeats the audit.
pub fn page(audit: &Audit, command: &str) -> String {
    let part = |id, title: &str, body| Section { id, title: title.into(), body };
    let sections = [
        part("curves", "How far each attack gets", reach(audit)),
        part("price", "What a reach costs", price_table(audit)),
        part("weak", "Who is weak", weak(audit)),
        part("damage", "What the attacks cost in accuracy", damage(audit)),
        part("caught", "What would have caught it, and what that costs", caught(audit)),
        part("gates", "Gates", gates(audit)),
        part("measured", "How this was measured", measured(audit, command)),
    ];
    let lead = verdict(&audit.verdict(), &headlines(audit), &audit.warnings);
    shell(&format!("Audit of {} · victim {}", audit.dataset.name, audit.victim_name()), &lead, &sections)
}

fn headlines(audit: &Audit) -> Vec<Headline> {
    let mut headlines = Vec::new();
    if let Some(price) = named(&audit.prices) {
        headlines.push(Headline {
            label: "Price",
            value: format!("{} fake users", price.text()),
            detail: format!(
                "until {} targets are in the top {} of {} of the users",
                price.kind,
                audit.k,
                percent(price.reach)
            ),
        });
    }
    let at_reference = |c: &SecurityCurve| {
        c.points.iter().find(|p| p.fake_users == audit.reference).map(|p| p.hit_ratio.clone())
    };
    let reached = audit.curves.iter().filter_map(|c| Some((c, at_reference(c)?)));
    if let Some((curve, hit_ratio)) = reached.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean)) {
        headlines.push(Headline {
            label: "Worst attack",
            value: curve.attack.clone(),
            detail: format!(
                "{} targets: hit ratio @{} {} under {}; without attack {}",
                curve.kind,
                audit.k,
                with_interval(hit_ratio.mean, hit_ratio.ci95),
                audit.fake_users(audit.reference),
                number(curve.clean.mean)
            ),
        });
    }
    let watched = audit.best_caught();
    if let Some(best) = watched.iter().find(|row| Some(row.attack) == audit.strongest.as_deref()) {
        let recall = best.recall.map_or_else(
            || format!("AUROC {}", number(best.auroc)),
            |recall| format!("catches {} of its fake users at 1 % false alarms", percent(recall)),
        );
        headlines.push(Headline {
            label: "Caught by",
            value: best.detector.into(),
            detail: format!("against {}: {recall}", best.attack),
        });
    }
    headlines
}

fn reach(audit: &Audit) -> Markup {
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

/// Bands of popularity, from the rarest quarter of the items to the most popular.
const BANDS: [(&str, f64); 4] =
    [("rarest quarter", 0.25), ("second", 0.5), ("third", 0.75), ("most popular quarter", 1.0)];

fn weak(audit: &Audit) -> Markup {
    if audit.items.is_empty() {
        return html! {};
    }
    let attack = audit.strongest.as_deref().unwrap_or("no");
    let under = format!("{attack} attack, {}", audit.fake_users(audit.reference));
    let hit_ratio = format!("hit ratio @{}, share of users", audit.k);
    let users: Vec<(String, Vec<Strip>)> = audit
        .kinds()
        .into_iter()
        .map(|kind| (format!("Kinds of users, {kind} targets"), user_strips(audit, kind)))
        .collect();
    let mut charts = vec![StripChart {
        title: "Items by popularity",
        x_title: &hit_ratio,
        unit: "target",
        groups: item_strips(audit),
    }];
    charts.extend(users.iter().map(|(title, groups)| StripChart {
        title,
        x_title: &hit_ratio,
        unit: "target",
        groups: groups.clone(),
    }));
    let rows = audit.items.iter().map(|i| {
        vec![
            Data::text(&i.item),
            Data::text(&i.kind),
            Data::number(f64::from(i.interactions), i.interactions.to_string()),
            Data::number(i.popularity, percent(i.popularity)),
            Data::number(i.clean, number(i.clean)),
            estimate(&i.hit_ratio),
            reached_with(i),
        ]
    });
    let columns = [
        Column::text("Item"),
        Column::text("Drawn as"),
        Column::number("Interactions"),
        Column::number("Items no more popular"),
        Column::number("No attack"),
        Column::number("Attacked"),
        Column::number("Fake users for 1 %"),
    ];
    html! {
        (strips(&format!("Each mark is one target ({under}). Kinds of users are asked among those who do not have the target."), &charts))
        details {
            summary { "Every target, from most to least reached" }
            p.soft { "“Fake users for 1 %”: the fewest, of the sizes above, with whom the target is in the top " (audit.k) " of 1 % of the users." }
            (table(&columns, &rows.collect::<Vec<_>>()))
        }
    }
}

fn reached_with(item: &WeakItem) -> Data {
    item.reached_with.map_or_else(
        || Data::number(f64::INFINITY, "more than tried"),
        |count| Data::number(count as f64, count.to_string()),
    )
}

fn item_strips(audit: &Audit) -> Vec<Strip> {
    let band = |item: &WeakItem| BANDS.iter().position(|(_, upto)| item.popularity <= *upto).unwrap_or(3);
    let label = |item: &WeakItem| {
        format!(
            "{} ({}, {} interactions): {}",
            item.item,
            item.kind,
            item.interactions,
            with_interval(item.hit_ratio.mean, item.hit_ratio.ci95)
        )
    };
    let strip = |(at, (name, _)): (usize, &(&str, f64))| {
        let own = audit.items.iter().filter(|item| band(item) == at);
        Strip {
            name: (*name).into(),
            values: own.map(|item| (item.hit_ratio.mean, label(item))).collect(),
            mean: None,
        }
    };
    BANDS.iter().enumerate().map(strip).collect()
}

fn user_strips(audit: &Audit, kind: &str) -> Vec<Strip> {
    let own = audit.users.iter().filter(|users| users.kind == kind);
    let strip = |users: &super::WeakUsers| Strip {
        name: users.group.clone(),
        values: users
            .per_target
            .iter()
            .map(|(target, hit)| (*hit, format!("{target}: {}", number(*hit))))
            .collect(),
        mean: Some((users.hit_ratio.mean, users.hit_ratio.ci95)),
    };
    own.map(strip).collect()
}

fn damage(audit: &Audit) -> Markup {
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
            Data::number(d.change.difference.n as f64, d.change.difference.n.to_string()),
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

fn caught(audit: &Audit) -> Markup {
    if audit.caught.is_empty() {
        return html! {};
    }
    let strongest = audit.strongest.as_deref().unwrap_or_default();
    let rocs = audit.kinds().into_iter().map(|kind| {
        let own = audit.caught.iter().filter(|c| c.attack == strongest && c.kind == kind);
        let curve = |c: &Caught| Roc {
            detector: c.detector.clone(),
            points: c.roc.iter().map(|p| (p.false_alarms, p.caught.clone())).collect(),
        };
        roc(&format!("{strongest} on {kind} targets"), &own.map(curve).collect::<Vec<_>>())
    });
    let rows: Vec<Catch> = audit.caught.iter().map(catch).collect();
    let guarded = audit.guarded.iter().map(|g| Guard {
        names: vec![g.kind.clone(), g.attack.clone()],
        defense: format!("removing whom {} flags", g.detector),
        without: Some(g.without),
        with: g.hit_ratio.clone(),
        change: Some(g.change.clone()),
        removed_genuine: Some(g.removed_genuine.clone()),
        removed_fake: Some(g.removed_fake.clone()),
    });
    let guarded: Vec<Guard> = guarded.collect();
    html! {
        p { "Every detector saw the attacked data of " (audit.fake_users(audit.reference)) " and nothing else. The thresholds of the curves are those that accuse so many users of the data without fake users; coin-flip is chance. Mean and 95 % interval over targets." }
        div.charts { @for roc in rocs { (roc) } }
        p.soft { "The best detector before each attack. AUROC is the chance that a fake user looks more suspicious than a genuine one; “flagged” and “missed” are by the detector's own rule." }
        (catches(&["Targets", "Attack"], &best(audit)))
        details {
            summary { "Every detector before every attack" }
            (catches(&["Targets", "Attack"], &rows))
        }
        @if !guarded.is_empty() {
            h3 { "Training again without the users who are flagged" }
            p { "Genuine users among them get no recommendations and count as not hit." @if let Some(cost) = cost(audit) { " " (cost) } }
            (guards(&["Targets", "Attack"], &guarded))
        }
    }
}

fn catch(caught: &Caught) -> Catch {
    Catch {
        names: vec![caught.kind.clone(), caught.attack.clone()],
        detector: caught.detector.clone(),
        auroc: Some(caught.auroc.clone()),
        recall: caught.recall_at_1_percent.clone(),
        flagged: Some(caught.fpr.clone()),
        missed: Some(caught.fnr.clone()),
    }
}

/// Of each attack the detector of highest AUROC over all kinds of target.
fn best(audit: &Audit) -> Vec<Catch> {
    let watched = audit.best_caught();
    let named = watched.iter().filter(|best| best.attack != "all");
    let of = |best: &super::verdict::BestCaught<'_>| {
        let same = audit.caught.iter().filter(|c| c.attack == best.attack && c.detector == best.detector);
        same.map(catch).collect::<Vec<_>>()
    };
    named.flat_map(of).collect()
}

/// Accuracy with and without the defense where nobody attacks.
fn cost(audit: &Audit) -> Option<String> {
    let pairs = audit.guarded_accuracy.iter().filter_map(|with| {
        let without = audit.accuracy.iter().find(|a| a.metric == with.metric)?;
        Some(format!(
            "{} {} with it, {} without",
            with.metric,
            with_interval(with.mean, with.ci95),
            with_interval(without.mean, without.ci95)
        ))
    });
    let pairs: Vec<String> = pairs.take(2).collect();
    (!pairs.is_empty()).then(|| format!("Where nobody attacks, the defense costs: {}.", pairs.join("; ")))
}

fn gates(audit: &Audit) -> Markup {
    if audit.gates.is_empty() {
        return html! {};
    }
    let rows = audit.gates.iter().map(|g| {
        let state = if g.broken_by.is_empty() { "held" } else { "broken" };
        vec![Data::text(&g.gate), Data::text(state), Data::text(g.broken_by.join("; "))]
    });
    let columns = [Column::text("Gate"), Column::text("State"), Column::prose("Broken by")];
    table(&columns, &rows.collect::<Vec<_>>())
}

fn measured(audit: &Audit, command: &str) -> Markup {
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
    let row = |a: &super::Accuracy| {
        vec![
            Data::text(&a.metric),
            Data::number(a.mean, with_interval(a.mean, a.ci95)),
            a.n.map_or_else(|| Data::text("n/a"), |n| Data::number(n as f64, n.to_string())),
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
    let row = |u: &super::Unfinished| {
        vec![
            Data::text(&u.cell),
            Data::text(&u.status),
            Data::text(&u.reason),
            Data::number(u.cells as f64, u.cells.to_string()),
        ]
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

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
