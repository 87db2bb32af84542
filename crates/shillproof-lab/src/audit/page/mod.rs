//! The audit as one self-contained HTML page.

mod caught;
mod measured;
mod reach;
mod weak;

use super::verdict::named;
use super::{Audit, SecurityCurve};
use crate::report::html::{Data, Section, number, page as shell, percent, with_interval};
use crate::report::part::verdict::{Headline, verdict};
use crate::stats::{Comparison, Summary};

/// The page. `command` repeats the audit.
pub fn page(audit: &Audit, command: &str) -> String {
    let part = |id, title: &str, body| Section { id, title: title.into(), body };
    let sections = [
        part("curves", "How far each attack gets", reach::reach(audit)),
        part("price", "What a reach costs", reach::price_table(audit)),
        part("weak", "Who is weak", weak::weak(audit)),
        part("damage", "What the attacks cost in accuracy", reach::damage(audit)),
        part("caught", "What would have caught it, and what that costs", caught::caught(audit)),
        part("gates", "Gates", caught::gates(audit)),
        part("measured", "How this was measured", measured::measured(audit, command)),
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
    let last = |c: &&SecurityCurve| c.points.last().map_or(0.0, |p| p.hit_ratio.mean);
    let own = audit.curves.iter().filter(|c| Some(c.attack.as_str()) == audit.strongest.as_deref());
    let furthest = own.max_by(|a, b| last(a).total_cmp(&last(b)));
    if let Some((curve, point)) = furthest.and_then(|c| Some((c, c.points.last()?))) {
        headlines.push(Headline {
            label: "Worst attack",
            value: curve.attack.clone(),
            detail: format!(
                "{} targets: hit ratio @{} {} under {}; without attack {}",
                curve.kind,
                audit.k,
                with_interval(point.hit_ratio.mean, point.hit_ratio.ci95),
                audit.fake_users(point.fake_users),
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

fn estimate(summary: &Summary) -> Data {
    Data::interval(summary.mean, summary.ci95)
}

fn change(comparison: &Comparison) -> Data {
    estimate(&comparison.difference)
}

fn p_value(p: Option<f64>) -> Data {
    p.map_or_else(|| Data::text("n/a"), |p| Data::number(p, number(p)))
}
