//! From evidence to findings.

use std::collections::BTreeMap;

use shillproof_core::catalogue::Catalogue;
use shillproof_data::Dataset;

use super::detect::Stopped;
use super::evidence::{Evidence, MetricAt, kind};
use super::{
    Accuracy, Audit, AuditError, AuditSpec, CurvePoint, Damage, GateResult, PriceOfReach, REACHES, Reached,
    Scene, Search, SecurityCurve, Unfinished, WeakItem, WeakUsers,
};
use crate::metrics::CHARACTERISTICS;
use crate::plan::DatasetFacts;
use crate::stats::{GroupedError, holm, mean};
use crate::store::Status;
use crate::trial::{HIT_RATIO_OF, POPULAR_ALREADY, TRAITS};

/// Below this many genuine users one user is more than a percent, and intervals over targets do not show it.
const FEW_USERS: usize = 100;

/// The attack with the largest mean hit ratio over all kinds of target at one size.
pub(super) fn strongest(
    evidence: &Evidence,
    scene: &Scene,
    fake_users: usize,
) -> Result<Option<String>, GroupedError> {
    let mut best: Option<(f64, &str)> = None;
    for attack in &scene.attacks {
        let name = attack.card().name;
        let mut means = Vec::new();
        for targets in &scene.targets {
            means.extend(evidence.values(name, kind(targets), fake_users, scene.hit_ratio())?.mean());
        }
        if let Some(reached) = mean(&means).filter(|m| best.is_none_or(|(b, _)| *m > b)) {
            best = Some((reached, name));
        }
    }
    Ok(best.map(|(_, name)| name.to_owned()))
}

pub(super) fn findings(
    spec: &AuditSpec,
    scene: &Scene,
    data: &Dataset,
    search: &Search<'_>,
    strongest: Option<String>,
    prices: Vec<PriceOfReach>,
    stopped: Stopped,
) -> Result<Audit, AuditError> {
    let evidence = &search.evidence;
    let curves = curves(scene, evidence)?;
    let (items, users, reached) = match &strongest {
        Some(attack) => (
            items(scene, data, evidence, attack)?,
            users(scene, evidence, attack)?,
            reached(scene, evidence, attack)?,
        ),
        None => Default::default(),
    };
    let gates = spec.gates.iter().map(|gate| {
        let mut broken_by = Vec::new();
        for curve in curves.iter().filter(|c| gate.looks_at(&c.attack, &c.kind)) {
            for point in curve.points.iter().filter(|p| p.fake_users == gate.size.of(scene.users)) {
                let estimate =
                    if gate.metric == "hit_ratio" { &point.hit_ratio } else { &point.hit_ratio_eligible };
                if gate.is_broken_by(estimate) {
                    let [lo, hi] = estimate.ci95.unwrap_or([estimate.mean; 2]);
                    broken_by.push(format!(
                        "{} on {} targets: {:.4} [{lo:.4}, {hi:.4}]",
                        curve.attack, curve.kind, estimate.mean
                    ));
                }
            }
        }
        GateResult { gate: gate.to_string(), broken_by }
    });
    let gates = gates.collect();
    Ok(Audit {
        dataset: DatasetFacts::of(data),
        victim: scene.victim_text(),
        k: scene.k,
        effort: scene.effort,
        seed: scene.seed,
        repeats: scene.effort.repeats(),
        profile_size: scene.profile_size,
        accuracy: accuracy(scene, evidence)?,
        warnings: warnings(scene, data, &items),
        strongest,
        prices,
        items,
        users,
        reached,
        damage: damage(scene, evidence)?,
        caught: stopped.caught,
        guarded: stopped.guarded,
        guarded_accuracy: stopped.guarded_accuracy,
        guarded_price: stopped.guarded_price,
        gates,
        reference: scene.reference,
        unfinished: unfinished(evidence),
        trainings: search.settled.len(),
        experiment: scene.experiment(&scene.attacks, &scene.targets, &scene.sizes).to_toml(),
        curves,
    })
}

fn curves(scene: &Scene, evidence: &Evidence) -> Result<Vec<SecurityCurve>, GroupedError> {
    let eligible = MetricAt { metric: "hit_ratio_eligible", ..scene.hit_ratio() };
    let mut curves = Vec::new();
    for attack in &scene.attacks {
        for targets in &scene.targets {
            let (attack, kind) = (attack.card().name, kind(targets));
            let mut points = Vec::new();
            for &fake_users in &scene.sizes {
                let found = (
                    evidence.summary(attack, kind, fake_users, scene.hit_ratio())?,
                    evidence.summary(attack, kind, fake_users, eligible)?,
                    evidence.change(attack, kind, fake_users, scene.hit_ratio())?,
                );
                if let (Some(hit_ratio), Some(hit_ratio_eligible), Some(change)) = found {
                    let share = fake_users as f64 / scene.users as f64;
                    points.push(CurvePoint {
                        fake_users,
                        share,
                        hit_ratio,
                        hit_ratio_eligible,
                        change,
                        p_holm: None,
                    });
                }
            }
            let clean = evidence.summary("none", kind, 0, scene.hit_ratio())?;
            if let (false, Some(clean)) = (points.is_empty(), clean) {
                curves.push(SecurityCurve { attack: attack.into(), kind: kind.into(), clean, points });
            }
        }
    }
    correct(&mut curves);
    Ok(curves)
}

/// Corrects the tests of all attacks on one kind of target at one size for there being several.
fn correct(curves: &mut [SecurityCurve]) {
    let mut families: BTreeMap<(String, usize), Vec<&mut CurvePoint>> = BTreeMap::new();
    for curve in curves {
        for point in curve.points.iter_mut().filter(|p| p.change.wilcoxon.is_some()) {
            families.entry((curve.kind.clone(), point.fake_users)).or_default().push(point);
        }
    }
    for family in families.into_values() {
        let raw: Vec<f64> = family.iter().filter_map(|p| Some(p.change.wilcoxon?.p)).collect();
        for (point, p) in family.into_iter().zip(holm(&raw)) {
            point.p_holm = Some(p);
        }
    }
}

fn items(
    scene: &Scene,
    data: &Dataset,
    evidence: &Evidence,
    attack: &str,
) -> Result<Vec<WeakItem>, GroupedError> {
    let counts = data.interactions.item_counts();
    let mut items = Vec::new();
    for targets in &scene.targets {
        let kind = kind(targets);
        let attacked = evidence.values(attack, kind, scene.reference, scene.hit_ratio())?;
        let clean = evidence.values("none", kind, 0, scene.hit_ratio())?.per_target();
        let mut by_size = Vec::new();
        for &fake_users in &scene.sizes {
            by_size.push((
                fake_users,
                evidence.values(attack, kind, fake_users, scene.hit_ratio())?.per_target(),
            ));
        }
        let reaches =
            |hits: &BTreeMap<String, f64>, item: &str| hits.get(item).is_some_and(|&hit| hit >= REACHES[0]);
        for (item, hit_ratio) in evidence.summary_by_target(&attacked) {
            let interactions = data.items.find(&item).map_or(0, |id| counts[id as usize]);
            let rarer = counts.iter().filter(|&&c| c <= interactions).count();
            items.push(WeakItem {
                kind: kind.into(),
                interactions,
                popularity: rarer as f64 / counts.len().max(1) as f64,
                clean: clean.get(&item).copied().unwrap_or(0.0),
                reached_with: by_size.iter().find(|(_, hits)| reaches(hits, &item)).map(|(size, _)| *size),
                hit_ratio,
                item,
            });
        }
    }
    items.sort_by(|a, b| b.hit_ratio.mean.total_cmp(&a.hit_ratio.mean).then_with(|| a.item.cmp(&b.item)));
    Ok(items)
}

fn users(scene: &Scene, evidence: &Evidence, attack: &str) -> Result<Vec<WeakUsers>, GroupedError> {
    let mut users = Vec::new();
    for targets in &scene.targets {
        for (by, groups) in TRAITS {
            for group in groups {
                let metric = format!("{HIT_RATIO_OF}{group}");
                let at = MetricAt { metric: &metric, k: Some(scene.k) };
                let found = evidence.summary(attack, kind(targets), scene.reference, at)?;
                let per_target = evidence.values(attack, kind(targets), scene.reference, at)?.per_target();
                users.extend(found.map(|hit_ratio| WeakUsers {
                    by: by.into(),
                    group: (*group).into(),
                    kind: kind(targets).into(),
                    hit_ratio,
                    per_target,
                }));
            }
        }
    }
    Ok(users)
}

fn reached(scene: &Scene, evidence: &Evidence, attack: &str) -> Result<Vec<Reached>, GroupedError> {
    let mut out = Vec::new();
    for kind in scene.targets.iter().map(kind) {
        for characteristic in CHARACTERISTICS {
            let of = |group: &str| {
                let metric = format!("{group}/{characteristic}");
                evidence.summary(
                    attack,
                    kind,
                    scene.reference,
                    MetricAt { metric: &metric, k: Some(scene.k) },
                )
            };
            if let (Some(reached), Some(spared)) = (of("reached")?, of("spared")?) {
                out.push(Reached {
                    characteristic: characteristic.into(),
                    kind: kind.into(),
                    reached,
                    spared,
                });
            }
        }
    }
    Ok(out)
}

fn damage(scene: &Scene, evidence: &Evidence) -> Result<Vec<Damage>, GroupedError> {
    let largest = scene.sizes.last().copied().unwrap_or(0);
    let mut damage = Vec::new();
    for attack in &scene.attacks {
        for targets in &scene.targets {
            for (metric, k) in
                [("ndcg", Some(scene.k)), ("accuracy_hit_ratio", Some(scene.k)), ("rmse", None)]
            {
                let (attack, kind) = (attack.card().name, kind(targets));
                let change = evidence.change(attack, kind, largest, MetricAt { metric, k })?;
                damage.extend(change.map(|change| Damage {
                    attack: attack.into(),
                    kind: kind.into(),
                    fake_users: largest,
                    metric: at_k(metric, k),
                    change,
                }));
            }
        }
    }
    Ok(damage)
}

/// Accuracy of the clean fits; every target's clean cell shows the same fits, so one of them speaks for all.
pub(super) fn accuracy(scene: &Scene, evidence: &Evidence) -> Result<Vec<Accuracy>, GroupedError> {
    let k = Some(scene.k);
    let mut accuracy = Vec::new();
    let kind = scene.targets.first().map_or("random", kind);
    let value = |metric: &str, k| {
        Ok(evidence.values("none", kind, 0, MetricAt { metric, k })?.per_target().into_values().next())
    };
    for (metric, k) in [("accuracy_hit_ratio", k), ("ndcg", k), ("recall", k), ("mrr", k), ("rmse", None)] {
        let Some(mean) = value(metric, k)? else { continue };
        let error = value(&format!("{metric}/standard_error"), k)?;
        accuracy.push(Accuracy {
            metric: at_k(metric, k),
            mean,
            ci95: error.map(|e| [mean - 1.96 * e, mean + 1.96 * e]),
            n: value("accuracy_users", k)?.map(|n| n as usize),
        });
    }
    Ok(accuracy)
}

fn at_k(metric: &str, k: Option<usize>) -> String {
    k.map_or_else(|| metric.to_owned(), |k| format!("{metric}@{k}"))
}

/// Cells without a result, those of one reason together.
fn unfinished(evidence: &Evidence) -> Vec<Unfinished> {
    let mut found: BTreeMap<(String, &str, String), usize> = BTreeMap::new();
    for record in evidence.records() {
        let (status, reason) = match &record.status {
            Status::Done { .. } => continue,
            Status::Skipped { reason } => ("skipped", reason),
            Status::Failed { error } => ("failed", error),
        };
        *found.entry((record.cell.attack_name().to_owned(), status, reason.clone())).or_default() += 1;
    }
    let row =
        |((cell, status, reason), cells)| Unfinished { cell, status: String::from(status), reason, cells };
    found.into_iter().map(row).collect()
}

fn warnings(scene: &Scene, data: &Dataset, items: &[WeakItem]) -> Vec<String> {
    let mut warnings: Vec<String> = data.notes.iter().cloned().chain(scene.notes(data)).collect();
    if scene.users < FEW_USERS {
        warnings.push(format!(
            "only {} genuine users: one user is {:.1} %",
            scene.users,
            100.0 / scene.users as f64
        ));
    }
    if scene.effort.targets() < 10 {
        warnings.push(format!(
            "{} targets of a kind: intervals over so few targets cover less often than 95 %, and {}",
            scene.effort.targets(),
            if scene.effort.searches_prices() { "prices are brackets" } else { "no price is searched" }
        ));
    }
    let popular: Vec<&str> =
        items.iter().filter(|i| i.clean >= POPULAR_ALREADY).map(|i| i.item.as_str()).collect();
    if !popular.is_empty() {
        let (share, list) = (100.0 * POPULAR_ALREADY, popular.join(", "));
        warnings.push(format!("targets that {share:.0} % of users see without any attack: {list}"));
    }
    warnings
}
