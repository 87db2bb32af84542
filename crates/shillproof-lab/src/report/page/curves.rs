//! How far the attacks of a run get: curves, prices and single targets.

use std::collections::BTreeMap;

use maud::Markup;
use shillproof_core::Size;

use super::View;
use crate::audit::REACHES;
use crate::report::html::{Curve, CurveChart, Level, Point, Strip, StripChart, number, percent};
use crate::report::part::curves::curves;
use crate::report::part::price::{PriceCell, PriceRow, prices};
use crate::report::part::weak::strips;
use crate::report::{Row, Setting};
use crate::trial::{HIT_RATIO_OF, TRAITS};

/// Most strip plots on a page; the downloads have every target.
const MOST_STRIPS: usize = 12;

/// One situation: everything but the attacker.
struct Situation<'a> {
    reference: Setting,
    rows: Vec<&'a Row>,
}

impl View<'_> {
    fn situations(&self) -> Vec<Situation<'_>> {
        let mut groups: BTreeMap<Setting, Vec<&Row>> = BTreeMap::new();
        for row in &self.hits {
            groups.entry(row.setting.reference()).or_default().push(row);
        }
        groups.into_iter().map(|(reference, rows)| Situation { reference, rows }).collect()
    }

    fn title(&self, reference: &Setting) -> String {
        let context = self.context(reference);
        if context.is_empty() {
            format!(
                "{} on {}: {} {}",
                reference.victim, reference.dataset, reference.objective, reference.targets
            )
        } else {
            context.join(", ")
        }
    }

    /// One chart for all attacks that share everything but their size.
    pub(super) fn curves(&self) -> Markup {
        let situations = self.situations();
        let titles: Vec<String> = situations.iter().map(|s| self.title(&s.reference)).collect();
        let y_title = self
            .hits
            .first()
            .map_or_else(String::new, |row| format!("{}, share of users", row.metric_at_k()));
        let charts: Vec<CurveChart<'_>> = situations
            .iter()
            .zip(&titles)
            .filter_map(|(situation, title)| self.chart(situation, title, &y_title))
            .collect();
        curves(
            "Hit ratio against attack size; the band is the 95 % bootstrap interval over targets and repeats.",
            &charts,
        )
    }

    fn chart<'t>(
        &self,
        situation: &Situation<'_>,
        title: &'t str,
        y_title: &'t str,
    ) -> Option<CurveChart<'t>> {
        let rows = &situation.rows;
        let mut by_name: BTreeMap<String, Curve> = BTreeMap::new();
        for row in rows.iter().filter(|r| !r.is_clean()) {
            let s = &row.setting;
            let name = attacker(rows, s);
            // A size that was asked for as a share stands at that share, whatever it rounds to.
            let asked = match s.size.parse() {
                Ok(Size::Fraction(fraction)) => fraction.get(),
                _ => self.share(s),
            };
            by_name.entry(name.clone()).or_insert(Curve { name, points: Vec::new() }).points.push(Point {
                x: asked * 100.0,
                y: row.value.mean,
                ci95: row.value.ci95,
                n: row.value.n,
                x_label: self.fake_users(s),
            });
        }
        let mut curves: Vec<Curve> = by_name.into_values().collect();
        for curve in &mut curves {
            curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        }
        if !curves.iter().any(|c| c.points.len() > 1) {
            return None;
        }
        let last = |curve: &Curve| curve.points.last().map_or(0.0, |p| p.y);
        curves.sort_by(|a, b| last(b).total_cmp(&last(a)));
        let xs = || curves.iter().flat_map(|c| &c.points).map(|p| p.x).filter(|x| *x > 0.0);
        let log_x = xs().fold(0.0, f64::max) >= 5.0 * xs().fold(f64::INFINITY, f64::min);
        let clean = rows.iter().find(|r| r.is_clean()).map(|r| r.value.mean);
        Some(CurveChart {
            title,
            x_title: "fake users, % of genuine users",
            y_title,
            log_x,
            curves,
            level: clean.map(|y| Level { name: format!("no attack ({})", number(y)), y }),
        })
    }

    /// Of the sizes that were run, the smallest that surely reaches so many users.
    pub(super) fn prices(&self) -> Markup {
        let mut rows = Vec::new();
        for Situation { reference, rows: all } in &self.situations() {
            let mut by_attacker: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
            for row in all.iter().filter(|r| !r.is_clean() && r.setting.objective != "demote") {
                by_attacker.entry(attacker(all, &row.setting)).or_default().push(row);
            }
            for (name, mut sizes) in by_attacker {
                sizes.sort_by_key(|row| row.setting.fake_users);
                if sizes.len() < 2 {
                    continue;
                }
                let mut names = self.context(reference);
                names.push(name);
                rows.push(PriceRow {
                    names,
                    cells: REACHES.iter().map(|reach| self.price(&sizes, *reach)).collect(),
                    targets: sizes.iter().map(|row| row.value.n).max().unwrap_or(0),
                });
            }
        }
        let mut names = self.context_names();
        names.push("attack");
        prices(
            "Of the sizes that were run, the smallest at which the interval of the mean hit ratio lies above the reach; \
             an audit searches between the sizes. n counts targets and repeats.",
            &names,
            &REACHES,
            &rows,
        )
    }

    fn price(&self, sizes: &[&Row], reach: f64) -> Option<PriceCell> {
        let above = |row: &&&Row| row.value.ci95.map_or(row.value.mean, |ci| ci[0]) > reach;
        match (sizes.iter().find(above), sizes.last()) {
            (Some(row), _) => Some(PriceCell {
                text: self.fake_users(&row.setting),
                fake_users: row.setting.fake_users as f64,
                clicks: None,
            }),
            (None, Some(last)) => Some(PriceCell {
                text: format!("more than {} ({} there)", last.setting.fake_users, percent(last.value.mean)),
                fake_users: f64::INFINITY,
                clicks: None,
            }),
            _ => None,
        }
    }

    /// Every target under every attack at its largest size, and kinds of users under the strongest.
    pub(super) fn weak(&self) -> Markup {
        let situations = self.situations();
        let titles: Vec<String> = situations.iter().map(|s| self.title(&s.reference)).collect();
        let x_title = self
            .hits
            .first()
            .map_or_else(String::new, |row| format!("{}, share of users", row.metric_at_k()));
        let mut charts: Vec<StripChart<'_>> = Vec::new();
        let groups = self.user_strips();
        if groups.iter().any(|strip| !strip.values.is_empty()) {
            charts.push(StripChart {
                title: "Kinds of users, strongest attack",
                x_title: &x_title,
                unit: "target",
                groups,
            });
        }
        for (situation, title) in situations.iter().zip(&titles).take(MOST_STRIPS) {
            charts.push(StripChart {
                title,
                x_title: &x_title,
                unit: "target",
                groups: self.target_strips(&situation.rows),
            });
        }
        strips(
            "Each mark is one target, mean over repeats; each attack at its largest size. The downloads have every size.",
            &charts,
        )
    }

    fn target_strips(&self, rows: &[&Row]) -> Vec<Strip> {
        let mut largest: BTreeMap<String, &Row> = BTreeMap::new();
        for row in rows.iter().filter(|r| r.setting.each) {
            let name = if row.is_clean() { "no attack".into() } else { attacker(rows, &row.setting) };
            let size = |r: &Row| r.setting.fake_users;
            if largest.get(&name).is_none_or(|best| size(row) > size(best)) {
                largest.insert(name, row);
            }
        }
        let mut ranked: Vec<(String, &Row)> = largest.into_iter().collect();
        ranked.sort_by(|a, b| b.1.value.mean.total_cmp(&a.1.value.mean));
        ranked
            .into_iter()
            .map(|(name, row)| self.strip(name, &row.setting, "hit_ratio", row.value.ci95))
            .collect()
    }

    fn user_strips(&self) -> Vec<Strip> {
        let Some(row) = self.strongest.filter(|row| row.setting.each) else { return Vec::new() };
        let groups = TRAITS.iter().flat_map(|(_, groups)| groups.iter());
        groups
            .map(|group| {
                let metric = format!("{HIT_RATIO_OF}{group}");
                let found = self
                    .report
                    .rows
                    .iter()
                    .find(|r| r.metric == metric && r.k == row.k && r.setting == row.setting);
                self.strip((*group).into(), &row.setting, &metric, found.and_then(|r| r.value.ci95))
            })
            .collect()
    }

    fn strip(&self, name: String, setting: &Setting, metric: &str, ci95: Option<[f64; 2]>) -> Strip {
        let own = self.report.targets.iter().filter(|t| t.metric == metric && t.setting == *setting);
        let values: Vec<(f64, String)> =
            own.map(|t| (t.value, format!("{}: {}", t.target, number(t.value)))).collect();
        let mean = crate::stats::mean(&values.iter().map(|(value, _)| *value).collect::<Vec<_>>());
        Strip { name, values, mean: mean.map(|mean| (mean, ci95)) }
    }
}

/// The attack, and whatever else of the attacker differs among `rows`.
pub(super) fn attacker(rows: &[&Row], setting: &Setting) -> String {
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
