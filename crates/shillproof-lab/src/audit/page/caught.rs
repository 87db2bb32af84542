//! Detectors, the defense, and gates.

use maud::{Markup, html};

use crate::audit::verdict::BestCaught;
use crate::audit::{Audit, Caught};
use crate::report::html::{Column, Data, table, with_interval};
use crate::report::part::caught::{Catch, Guard, Roc, catches, guards, roc};

pub(super) fn caught(audit: &Audit) -> Markup {
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
    let of = |best: &BestCaught<'_>| {
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

pub(super) fn gates(audit: &Audit) -> Markup {
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
