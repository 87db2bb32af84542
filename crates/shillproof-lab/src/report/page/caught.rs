//! What detectors found in a run, and what defenses left.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::View;
use crate::metrics::FALSE_ALARM_SHARES;
use crate::report::html::percent;
use crate::report::part::caught::{Catch, Guard, Roc, catches, guards, roc};
use crate::report::part::verdict::Headline;
use crate::report::{Row, Setting};
use crate::stats::Summary;

impl View<'_> {
    /// Values about detectors, by setting and detector and metric.
    fn watched(&self) -> BTreeMap<(&Setting, &str), BTreeMap<&str, &Summary>> {
        let mut found: BTreeMap<(&Setting, &str), BTreeMap<&str, &Summary>> = BTreeMap::new();
        for row in &self.report.rows {
            if let Some((metric, detector)) = of_detector(&row.metric) {
                found.entry((&row.setting, detector)).or_default().insert(metric, &row.value);
            }
        }
        found
    }

    pub(super) fn caught(&self) -> Markup {
        let watched = self.watched();
        let rows: Vec<Catch> = watched
            .iter()
            .map(|((setting, detector), values)| {
                let of = |metric: &str| values.get(metric).map(|s| (*s).clone());
                let mut names = self.context(setting);
                names.extend([setting.attack.clone(), self.fake_users(setting)]);
                Catch {
                    names,
                    detector: (*detector).into(),
                    auroc: of("auroc"),
                    recall: of("recall_at_fpr/0.01"),
                    flagged: of("fpr"),
                    missed: of("fnr"),
                }
            })
            .collect();
        if rows.is_empty() {
            return html! {};
        }
        let mut names = self.context_names();
        names.extend(["attack", "fake users"]);
        let strongest = self.strongest.map(|row| &row.setting);
        let curves: Vec<Roc> = watched
            .iter()
            .filter(|((setting, _), _)| Some(*setting) == strongest)
            .map(|((_, detector), values)| Roc {
                detector: (*detector).into(),
                points: FALSE_ALARM_SHARES
                    .iter()
                    .filter_map(|(name, share)| {
                        Some((*share, (**values.get(format!("recall_at_fpr/{name}").as_str())?).clone()))
                    })
                    .collect(),
            })
            .collect();
        let title = strongest.map_or_else(String::new, |s| format!("{}, {}", s.attack, self.fake_users(s)));
        html! {
            p { "Every detector saw the attacked data and nothing else. The thresholds of the curves are those that accuse so many users of the data without fake users; coin-flip is chance. Mean and 95 % interval over targets and repeats." }
            div.charts { (roc(&title, &curves)) }
            (catches(&names, &rows))
        }
    }

    /// The detector that would have caught most of this attack at 1 % false alarms.
    pub(super) fn best_catch(&self, setting: &Setting) -> Option<Headline> {
        let watched = self.watched();
        let own = watched.iter().filter(|((s, detector), _)| *s == setting && *detector != "coin-flip");
        let recalls = own.filter_map(|((_, detector), values)| {
            Some((*detector, values.get("recall_at_fpr/0.01").map(|s| s.mean)?))
        });
        let (detector, recall) = recalls.max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(Headline {
            label: "Caught by",
            value: detector.into(),
            detail: format!("{} of its fake users at 1 % false alarms", percent(recall)),
        })
    }

    pub(super) fn guards(&self) -> Markup {
        let at = |row: &Row, metric: &str| {
            let found = self
                .report
                .rows
                .iter()
                .find(|r| r.metric == metric && r.k.is_none() && r.setting == row.setting);
            found.map(|r| r.value.clone())
        };
        let defended = self.hits.iter().filter(|row| row.setting.defense != "none" && !row.is_clean());
        let rows: Vec<Guard> = defended
            .map(|row| {
                let open = row.setting.undefended();
                let mut names: Vec<String> = self.context(&row.setting);
                // The defense has a column of its own.
                if let Some(place) = self.context_names().iter().position(|name| *name == "defense") {
                    names.remove(place);
                }
                names.extend([self.fake_users(&row.setting), row.setting.attack.clone()]);
                Guard {
                    names,
                    defense: row.setting.defense.clone(),
                    without: self.hits.iter().find(|r| r.setting == open).map(|r| r.value.mean),
                    with: row.value.clone(),
                    change: row.to_undefended.clone(),
                    removed_genuine: at(row, "removed_genuine"),
                    removed_fake: at(row, "removed_fake"),
                }
            })
            .collect();
        let mut names: Vec<&str> =
            self.context_names().into_iter().filter(|name| *name != "defense").collect();
        names.extend(["fake users", "attack"]);
        html! {
            @if !rows.is_empty() {
                p { "Genuine users whom a defense removes get no recommendations and count as not hit. “Change” is over identical targets and repeats." }
                (guards(&names, &rows))
                (self.guarded_accuracy())
            }
        }
    }

    /// Accuracy without any attack, with each defense and without.
    fn guarded_accuracy(&self) -> Markup {
        use crate::report::html::{Column, Data, table};
        let k = self.report.rows.iter().filter(|r| r.metric == "ndcg").filter_map(|r| r.k).min();
        let clean = self.report.rows.iter().filter(|r| r.metric == "ndcg" && r.k == k && r.is_clean());
        let mut columns: Vec<Column<'_>> = self.context_names().into_iter().map(Column::text).collect();
        columns.push(Column::number("NDCG without attack"));
        let rows: Vec<Vec<Data>> = clean
            .map(|row| {
                let mut cells: Vec<Data> = self.context(&row.setting).into_iter().map(Data::text).collect();
                cells.push(Data::interval(row.value.mean, row.value.ci95));
                cells
            })
            .collect();
        html! { @if !rows.is_empty() { h3 { "What they cost in accuracy" } (table(&columns, &rows)) } }
    }
}

/// Metric and detector of `auroc/pca`, `recall_at_fpr/0.01/pca`.
fn of_detector(metric: &str) -> Option<(&str, &str)> {
    let slashes = match metric.split('/').next()? {
        "auroc" | "fpr" | "fnr" | "average_precision" => 0,
        "recall_at_fpr" => 1,
        _ => return None,
    };
    let at = metric.match_indices('/').nth(slashes)?.0;
    Some((&metric[..at], &metric[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics_about_detectors_come_apart() {
        assert_eq!(of_detector("auroc/pca:zscore=item"), Some(("auroc", "pca:zscore=item")));
        assert_eq!(of_detector("recall_at_fpr/0.01/svm"), Some(("recall_at_fpr/0.01", "svm")));
        assert_eq!((of_detector("hit_ratio"), of_detector("uplift/factor")), (None, None));
    }
}
