//! The summary on the terminal: read in ten seconds.

use std::fmt::Write as _;

use super::{Audit, Price, PriceOfReach};
use crate::report::html::{number, percent};

/// Cells of the longest bar.
const BAR: usize = 24;

/// The findings in a few lines of plain text.
pub fn summary(audit: &Audit) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(audit, &mut out);
    out
}

fn write(audit: &Audit, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{}\n", audit.verdict())?;
    let data = &audit.dataset;
    writeln!(
        out,
        "{} · {} users, {} items, {} interactions · victim {} · seed {} · {} trainings",
        data.name,
        data.users,
        data.items,
        data.interactions,
        audit.victim_name(),
        audit.seed,
        audit.trainings
    )?;
    let accuracy: Vec<String> =
        audit.accuracy.iter().take(2).map(|a| format!("{} {}", a.metric, number(a.mean))).collect();
    if !accuracy.is_empty() {
        writeln!(out, "without attack: {}", accuracy.join(", "))?;
    }
    for kind in audit.kinds() {
        hit_ratios(audit, kind, out)?;
    }
    prices(audit, out)?;
    weak(audit, out)?;
    damage(audit, out)?;
    caught(audit, out)?;
    for gate in &audit.gates {
        if gate.broken_by.is_empty() {
            writeln!(out, "gate held: {}", gate.gate)?;
        }
        for broken in &gate.broken_by {
            writeln!(out, "GATE BROKEN: {} ({broken})", gate.gate)?;
        }
    }
    for unfinished in &audit.unfinished {
        writeln!(
            out,
            "{} {}: {} ({} trials)",
            unfinished.status, unfinished.cell, unfinished.reason, unfinished.cells
        )?;
    }
    Ok(())
}

/// One bar an attack at the reference size.
fn hit_ratios(audit: &Audit, kind: &str, out: &mut String) -> std::fmt::Result {
    let at = |curve: &super::SecurityCurve| {
        curve.points.iter().find(|p| p.fake_users == audit.reference).map(|p| p.hit_ratio.clone())
    };
    let mut rows: Vec<_> =
        audit.curves_of(kind).into_iter().filter_map(|c| Some((c.attack.as_str(), at(c)?))).collect();
    rows.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    let Some(clean) = audit.curves_of(kind).first().map(|c| c.clean.clone()) else { return Ok(()) };
    let n = rows.first().map_or(0, |(_, summary)| summary.n);
    writeln!(
        out,
        "\nhit ratio @{} of {kind} targets under {} (mean, 95 % interval, n = {n})",
        audit.k,
        audit.fake_users(audit.reference)
    )?;
    rows.push(("no attack", clean));
    // Bars of noise would look like findings: the scale is at least one user in a hundred.
    let most = rows.iter().map(|(_, s)| s.mean).fold(0.01, f64::max);
    for (attack, hit_ratio) in rows {
        let filled = (hit_ratio.mean / most * BAR as f64).round() as usize;
        let interval = hit_ratio.ci95.map_or_else(String::new, |[lo, hi]| format!("  [{lo:.3}, {hi:.3}]"));
        writeln!(out, "  {attack:<12} {:<BAR$} {:.3}{interval}", "█".repeat(filled), hit_ratio.mean)?;
    }
    Ok(())
}

fn prices(audit: &Audit, out: &mut String) -> std::fmt::Result {
    if audit.prices.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nprice: fake users until a target is in the top {} of a share of the users", audit.k)?;
    let fakes = |price: &PriceOfReach| match price.price {
        Price::Found { fake_users, .. } => fake_users,
        Price::NotReached { cap, .. } => cap + 1,
    };
    // Of each kind the attack that reaches least at the lowest price; the page has them all.
    let mut rows: Vec<&PriceOfReach> = Vec::new();
    for price in &audit.prices {
        match rows.iter_mut().find(|best| best.kind == price.kind) {
            Some(best) if price.reach.total_cmp(&best.reach).then(fakes(price).cmp(&fakes(best))).is_lt() => {
                *best = price;
            }
            Some(_) => {}
            None => rows.push(price),
        }
    }
    let rows = rows.iter().map(|best| (best.attack.as_str(), best.kind.as_str()));
    for (attack, kind) in rows {
        let of_row = audit.prices.iter().filter(|p| (p.attack.as_str(), p.kind.as_str()) == (attack, kind));
        // A reach beyond one that is out of reach says nothing more.
        let mut cells: Vec<String> = Vec::new();
        for price in of_row {
            cells.push(format!("{}: {}", percent(price.reach), price.text()));
            if matches!(price.price, Price::NotReached { .. }) {
                break;
            }
        }
        writeln!(out, "  {attack}, {kind} targets   {}", cells.join("   "))?;
    }
    Ok(())
}

fn weak(audit: &Audit, out: &mut String) -> std::fmt::Result {
    let items: Vec<String> =
        audit.items.iter().take(3).map(|i| format!("{} ({})", i.item, percent(i.hit_ratio.mean))).collect();
    let users = audit.users.iter().max_by(|a, b| a.hit_ratio.mean.total_cmp(&b.hit_ratio.mean));
    if !items.is_empty() {
        write!(out, "\nweakest items: {}", items.join(", "))?;
        if let Some(users) = users.filter(|u| u.hit_ratio.mean > 0.0) {
            write!(out, "; weakest users: {} ({})", users.group, percent(users.hit_ratio.mean))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn damage(audit: &Audit, out: &mut String) -> std::fmt::Result {
    let worst = audit
        .damage
        .iter()
        .filter(|d| d.metric.starts_with("ndcg"))
        .min_by(|a, b| a.change.difference.mean.total_cmp(&b.change.difference.mean));
    if let Some(worst) = worst {
        let change = &worst.change.difference;
        let interval = change.ci95.map_or_else(String::new, |[lo, hi]| format!(" [{lo:+.4}, {hi:+.4}]"));
        writeln!(
            out,
            "accuracy: at worst {:+.4}{interval} {} ({}, {} targets, {})",
            change.mean,
            worst.metric,
            worst.attack,
            worst.kind,
            audit.fake_users(worst.fake_users)
        )?;
    }
    Ok(())
}

/// The detector of highest AUROC an attack, and chance.
fn caught(audit: &Audit, out: &mut String) -> std::fmt::Result {
    if audit.caught.is_empty() {
        return Ok(());
    }
    let mut rows = audit.best_caught();
    let chance = rows.pop().map_or(0.5, |chance| chance.auroc);
    writeln!(
        out,
        "who would have caught {}: AUROC (chance: {chance:.3}), caught at 1 % false alarms, genuine users flagged by its own rule",
        audit.fake_users(audit.reference)
    )?;
    for row in rows {
        let recall = row.recall.map_or_else(|| "n/a".into(), percent);
        let (auroc, fpr) = (row.auroc, percent(row.fpr));
        writeln!(out, "  {:<12} {:<14} {auroc:.3}   {recall}   {fpr}", row.attack, row.detector)?;
    }
    let left: Vec<String> = audit
        .guarded
        .iter()
        .map(|g| format!("{} targets {} -> {}", g.kind, number(g.without), number(g.hit_ratio)))
        .collect();
    if let Some(first) = audit.guarded.first() {
        writeln!(
            out,
            "training without whom {} flags ({} of {} genuine users): {}, {}",
            first.detector,
            first.removed_genuine.mean.round(),
            audit.dataset.users,
            first.attack,
            left.join(", ")
        )?;
    }
    Ok(())
}

impl Audit {
    /// The victim's catalogue name.
    pub(super) fn victim_name(&self) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.victim).unwrap_or_default();
        value.as_object().and_then(|map| map.keys().next().cloned()).unwrap_or_else(|| self.victim.clone())
    }
}
