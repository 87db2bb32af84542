//! Building blocks of self-contained HTML pages: a shell, tables that sort, curves, numbers.
//!
//! A page needs no network and no file beside it, follows the reader's light or dark setting, fits a
//! phone, and prints.

mod chart;
mod number;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use chart::{Curve, CurveChart, Level, Point, curve_chart};
pub use number::{interval, number, percent, seconds, with_interval};
pub use table::{Column, Data, table};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A whole page.
pub fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (body)
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// Facts side by side: a name and what it is.
pub fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, what) in facts {
                div { dt { (name) } dd { (what) } }
            }
        }
    }
}

/// Text to copy, behind a line that opens it.
pub fn source(summary: &str, text: &str) -> Markup {
    html! {
        details {
            summary { (summary) }
            pre tabindex="0" { code { (text) } }
        }
    }
}

#[cfg(test)]
mod tests;
