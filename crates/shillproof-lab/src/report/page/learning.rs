//! How attacks went while they learned.

use std::collections::BTreeMap;

use maud::Markup;
use shillproof_core::Seed;

use super::View;
use crate::report::html::{Curve, CurveChart, Point};
use crate::report::part::curves::curves;
use crate::report::{Course, Setting};
use crate::stats::Grouped;

/// Most points of a curve; the downloads have all.
const MOST_POINTS: usize = 40;

impl View<'_> {
    /// A chart a quantity, a curve a setting: the mean over its cells.
    pub(super) fn learning(&self) -> Markup {
        let mut by_name: BTreeMap<&str, BTreeMap<&Setting, Vec<&Course>>> = BTreeMap::new();
        for course in &self.report.courses {
            by_name.entry(&course.name).or_default().entry(&course.setting).or_default().push(course);
        }
        let charts: Vec<CurveChart<'_>> = by_name
            .into_iter()
            .map(|(name, settings)| CurveChart {
                title: name,
                x_title: "share of the learning, %",
                y_title: name,
                log_x: false,
                curves: settings
                    .into_iter()
                    .map(|(setting, courses)| self.course(setting, &courses))
                    .collect(),
                level: None,
            })
            .collect();
        curves(
            "What an attack reports of its own course, mean and 95 % interval over its cells. An attack that still rises at the end has not learned enough.",
            &charts,
        )
    }

    fn course(&self, setting: &Setting, courses: &[&Course]) -> Curve {
        let mut name = self.context(setting);
        name.extend([setting.attack.clone(), setting.size.clone()]);
        let steps = courses.iter().map(|c| c.values.len()).min().unwrap_or(0);
        let shown = steps.min(MOST_POINTS);
        let seed = Seed::new(setting.seed).child("courses");
        let point = |at: usize| {
            let step = if shown > 1 { at * (steps - 1) / (shown - 1) } else { 0 };
            let values: Vec<f64> = courses.iter().map(|c| f64::from(c.values[step])).collect();
            let summary = Grouped::flat(&values).ok()?.summary(seed)?;
            let done = 100.0 * (step + 1) as f64 / steps as f64;
            Some(Point {
                x: done,
                y: summary.mean,
                ci95: summary.ci95,
                n: summary.n,
                x_label: format!("{done:.0} %"),
            })
        };
        Curve { name: name.join(", "), points: (0..shown).filter_map(point).collect() }
    }
}
