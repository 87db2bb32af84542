//! The summary on the terminal: eight labelled lines and a small chart, read in ten seconds.

use super::verdict::named;
use super::{Audit, Guarded, Price, PriceOfReach, SecurityCurve};
use crate::report::html::{number, percent, with_interval};
use crate::stats::Summary;

/// Columns that lines keep to.
const WIDTH: usize = 80;
/// Columns of the labels.
const LABEL: usize = 10;
/// Cells of the longest bar.
const BAR: usize = 24;
/// Most attacks in the chart; the page has them all.
const MOST_BARS: usize = 5;

/// The findings in a few lines of plain text.
pub fn summary(audit: &Audit) -> String {
    let mut out = wrapped("", &audit.verdict());
    out.push('\n');
    out += &reached(audit);
    let lines = [
        ("price", price(audit)),
        ("weak", weak(audit)),
        ("caught", caught(audit)),
        ("defense", defense(audit)),
        ("accuracy", accuracy(audit)),
        ("data", Some(data(audit))),
    ];
    for (label, text) in lines {
        out += &text.map_or_else(String::new, |text| wrapped(label, &text));
    }
    for warning in &audit.warnings {
        out += &wrapped("note", warning);
    }
    for gate in &audit.gates {
        let held = gate.broken_by.is_empty().then(|| format!("held: {}", gate.gate));
        out += &held.map_or_else(String::new, |held| wrapped("gate", &held));
        for broken in &gate.broken_by {
            out += &wrapped("gate", &format!("BROKEN: {} ({broken})", gate.gate));
        }
    }
    for unfinished in &audit.unfinished {
        let what = format!(
            "{} {}: {} ({} trials)",
            unfinished.status, unfinished.cell, unfinished.reason, unfinished.cells
        );
        out += &wrapped("missing", &what);
    }
    out
}

/// A label and its text, with further lines under the text.
fn wrapped(label: &str, text: &str) -> String {
    let first = if label.is_empty() { String::new() } else { format!("{label:<LABEL$}") };
    let further = " ".repeat(first.len());
    let options = textwrap::Options::new(WIDTH).initial_indent(&first).subsequent_indent(&further);
    textwrap::fill(text, options) + "\n"
}

/// One bar an attack at the reference size, on the kind of target that is reached furthest.
fn reached(audit: &Audit) -> String {
    let at = |curve: &SecurityCurve| {
        curve.points.iter().find(|p| p.fake_users == audit.reference).map(|p| p.hit_ratio.clone())
    };
    let furthest =
        |kind: &&str| audit.curves_of(kind).iter().filter_map(|c| Some(at(c)?.mean)).fold(0.0, f64::max);
    let kinds = audit.kinds();
    let Some(kind) = kinds.iter().copied().max_by(|a, b| furthest(a).total_cmp(&furthest(b))) else {
        return String::new();
    };
    let curves = audit.curves_of(kind);
    let mut rows: Vec<(&str, Summary)> =
        curves.iter().filter_map(|c| Some((c.attack.as_str(), at(c)?))).collect();
    rows.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    let (n, all) = (rows.first().map_or(0, |(_, s)| s.n), rows.len());
    rows.truncate(MOST_BARS);
    rows.extend(curves.first().map(|c| ("no attack", c.clean.clone())));
    let of = if all > MOST_BARS { format!("; {MOST_BARS} of {all} attacks") } else { String::new() };
    let head = format!(
        "hit ratio @{} of {kind} targets under {} (n = {n}{of})",
        audit.k,
        audit.fake_users(audit.reference)
    );
    let mut out = wrapped("reach", &head);
    // Bars of noise would look like findings: the scale is at least one user in a hundred.
    let most = rows.iter().map(|(_, s)| s.mean).fold(0.01, f64::max);
    for (attack, hit_ratio) in rows {
        let filled = (hit_ratio.mean / most * BAR as f64).round() as usize;
        let bar = format!("  {attack:<13} {:<BAR$} ", "█".repeat(filled));
        out += &bar;
        out += &with_interval(hit_ratio.mean, hit_ratio.ci95);
        out.push('\n');
    }
    out
}

/// The attack that the verdict names, or else the one that gets furthest: what each reach costs it.
fn price(audit: &Audit) -> Option<String> {
    let fakes = |price: &PriceOfReach| match price.price {
        Price::Found { fake_users, .. } => fake_users,
        Price::NotReached { cap, .. } => cap + 1,
    };
    let cheapest =
        || audit.prices.iter().min_by(|a, b| a.reach.total_cmp(&b.reach).then(fakes(a).cmp(&fakes(b))));
    let best = named(&audit.prices).or_else(cheapest)?;
    // A reach beyond one that is out of reach says nothing more.
    let own = audit.prices.iter().filter(|p| p.attack == best.attack && p.kind == best.kind);
    let mut cells = Vec::new();
    for price in own {
        cells.push(format!("{} of users: {}", percent(price.reach), price.text()));
        if matches!(price.price, Price::NotReached { .. }) {
            break;
        }
    }
    Some(format!("fake users for {}; {}, {} targets", cells.join(", "), best.attack, best.kind))
}

fn weak(audit: &Audit) -> Option<String> {
    let items: Vec<String> =
        audit.items.iter().take(3).map(|i| format!("{} ({})", i.item, percent(i.hit_ratio.mean))).collect();
    let users = audit.users.iter().max_by(|a, b| a.hit_ratio.mean.total_cmp(&b.hit_ratio.mean));
    let users = users.filter(|u| u.hit_ratio.mean > 0.0);
    let users =
        users.map_or_else(String::new, |u| format!("; users: {} ({})", u.group, percent(u.hit_ratio.mean)));
    (!items.is_empty()).then(|| format!("items: {}{users}", items.join(", ")))
}

/// What the best detector makes of the strongest attack, and of the attack that it is worst at.
fn caught(audit: &Audit) -> Option<String> {
    let mut rows = audit.best_caught();
    let chance = rows.pop().map_or(0.5, |chance| chance.auroc);
    let strongest = rows.iter().find(|row| Some(row.attack) == audit.strongest.as_deref())?;
    let recall = strongest.recall.map_or_else(|| "n/a".into(), percent);
    let hardest = rows.iter().min_by(|a, b| a.auroc.total_cmp(&b.auroc))?;
    Some(format!(
        "{} by {}: {recall} at 1 % false alarms, AUROC {} (chance {}); hardest to find: {} ({}, {})",
        strongest.attack,
        strongest.detector,
        number(strongest.auroc),
        number(chance),
        hardest.attack,
        hardest.detector,
        number(hardest.auroc)
    ))
}

/// What the defense leaves of the strongest attack, and of the one that gets furthest through it.
fn defense(audit: &Audit) -> Option<String> {
    let strongest = |g: &&Guarded| Some(g.attack.as_str()) == audit.strongest.as_deref();
    let own: Vec<&Guarded> = audit.guarded.iter().filter(strongest).collect();
    let first = own.first()?;
    let left: Vec<String> = own
        .iter()
        .map(|g| format!("{} targets {} to {}", g.kind, number(g.without), number(g.hit_ratio.mean)))
        .collect();
    let informed = audit.guarded.iter().max_by(|a, b| a.hit_ratio.mean.total_cmp(&b.hit_ratio.mean))?;
    Some(format!(
        "without whom {} flags ({} of {} genuine users): {}, {}; who knows it takes {}: {} targets {}",
        first.detector,
        first.removed_genuine.mean.round(),
        audit.dataset.users,
        first.attack,
        left.join(", "),
        informed.attack,
        informed.kind,
        with_interval(informed.hit_ratio.mean, informed.hit_ratio.ci95)
    ))
}

fn accuracy(audit: &Audit) -> Option<String> {
    let clean: Vec<String> =
        audit.accuracy.iter().take(2).map(|a| format!("{} {}", a.metric, number(a.mean))).collect();
    let worst = audit.worst_damage().map(|worst| {
        let change = &worst.change.difference;
        format!(
            "; at worst {} {} ({}, {} targets, {})",
            worst.metric,
            with_interval(change.mean, change.ci95),
            worst.attack,
            worst.kind,
            audit.fake_users(worst.fake_users)
        )
    });
    (!clean.is_empty()).then(|| format!("without attack {}{}", clean.join(", "), worst.unwrap_or_default()))
}

fn data(audit: &Audit) -> String {
    let data = &audit.dataset;
    format!(
        "{}: {} users, {} items, {} interactions; victim {}; seed {}; {} trials",
        data.name,
        data.users,
        data.items,
        data.interactions,
        audit.victim_name(),
        audit.seed,
        audit.trainings
    )
}

impl Audit {
    /// The victim's catalogue name.
    pub(super) fn victim_name(&self) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.victim).unwrap_or_default();
        value.as_object().and_then(|map| map.keys().next().cloned()).unwrap_or_else(|| self.victim.clone())
    }
}
