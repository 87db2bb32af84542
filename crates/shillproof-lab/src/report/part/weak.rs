//! Who is weak: every target and every kind of user, not only their means.

use maud::{Markup, html};

use crate::report::html::{StripChart, strip_chart};

/// Strip plots with a line that says under which attack; empty without a value.
pub(crate) fn strips(lead: &str, charts: &[StripChart<'_>]) -> Markup {
    let drawn: Vec<Markup> = charts.iter().map(strip_chart).filter(|chart| !chart.0.is_empty()).collect();
    html! {
        @if !drawn.is_empty() {
            p { (lead) }
            div.charts { @for chart in &drawn { (chart) } }
        }
    }
}
