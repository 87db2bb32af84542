//! The answer: one sentence and a few figures.

use maud::{Markup, html};

/// A figure that a reader takes along.
pub(crate) struct Headline {
    /// What it is, such as `Price`.
    pub(crate) label: &'static str,
    /// The figure itself, in a few words.
    pub(crate) value: String,
    /// What it counts, in one line.
    pub(crate) detail: String,
}

/// The sentence, its figures, and what to know before trusting them.
pub(crate) fn verdict(sentence: &str, headlines: &[Headline], warnings: &[String]) -> Markup {
    html! {
        p.lead { strong { (unbroken(sentence)) } }
        ul.headlines {
            @for headline in headlines {
                li {
                    span.soft { (headline.label) }
                    strong { (unbroken(&headline.value)) }
                    span.soft { (unbroken(&headline.detail)) }
                }
            }
        }
        @if !warnings.is_empty() {
            ul.notes { @for warning in warnings { li { (warning) } } }
        }
    }
}

/// A percent sign stays on the line of its number.
fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%")
}
