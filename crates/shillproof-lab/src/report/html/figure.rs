//! What every drawing has around it: a title, a line that reads marks out, a legend, and its table.

use maud::{Markup, PreEscaped, html};

use super::table::{Column, Data, table};

/// A drawing with all that belongs to it.
pub(super) struct Figure<'a> {
    /// What it shows.
    pub(super) title: &'a str,
    /// The drawing.
    pub(super) svg: String,
    /// Entries of the legend; none where the drawing names its parts itself.
    pub(super) legend: Vec<Markup>,
    /// The same as a table: for who cannot see it, or wants the digits.
    pub(super) columns: Vec<Column<'a>>,
    /// Its rows.
    pub(super) rows: Vec<Vec<Data>>,
}

impl Figure<'_> {
    pub(super) fn markup(&self) -> Markup {
        html! {
            figure {
                h3 { (self.title) }
                (PreEscaped(&self.svg))
                p.reading aria-live="polite" {
                    "Point at a mark to read it, or tab to the chart and use the arrow keys."
                }
                @if !self.legend.is_empty() {
                    ul.legend { @for entry in &self.legend { li { (entry) } } }
                }
                details { summary { "As a table" } (table(&self.columns, &self.rows)) }
            }
        }
    }
}

/// A mark that can be pointed at or reached by keyboard: one stop a chart, arrow keys within it.
pub(super) struct Mark {
    /// Pixels.
    pub(super) at: (f64, f64),
    /// Which series it belongs to: its color, and what the keys up and down move between.
    pub(super) series: usize,
    /// What it says.
    pub(super) label: String,
}

/// Curves that have a color of their own.
pub(super) const COLORS: usize = 8;

pub(super) fn color(series: usize) -> String {
    format!("var(--s{})", series % COLORS)
}

/// Marks over a drawing; the first takes the focus.
pub(super) fn marks(marks: &[Mark]) -> Markup {
    html! {
        @for (at, mark) in marks.iter().enumerate() {
            circle.mark cx=(mark.at.0) cy=(mark.at.1) r="4" fill=(color(mark.series)) stroke="var(--page)" stroke-width="1.5"
                data-series=(mark.series) tabindex=(if at == 0 { "0" } else { "-1" }) role="img" aria-label=(mark.label) {}
        }
    }
}
