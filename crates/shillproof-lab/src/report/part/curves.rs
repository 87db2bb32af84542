//! Security curves: how far attacks get, against what they cost.

use maud::{Markup, html};

use crate::report::html::{CurveChart, curve_chart};

/// Charts side by side, one a kind of target, each with its table; empty without a point.
pub(crate) fn curves(lead: &str, charts: &[CurveChart<'_>]) -> Markup {
    let drawn: Vec<Markup> = charts.iter().map(curve_chart).filter(|chart| !chart.0.is_empty()).collect();
    html! {
        @if !drawn.is_empty() {
            p { (lead) }
            div.charts { @for chart in &drawn { (chart) } }
        }
    }
}
