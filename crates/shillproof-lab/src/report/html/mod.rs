//! Building blocks of self-contained HTML pages: a shell, tables that sort, curves, strips, numbers, files to save.
//!
//! A page needs no network and no file beside it, follows the reader's light or dark setting, fits a
//! phone, and prints.

mod chart;
mod download;
mod figure;
mod number;
mod strip;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use chart::{Curve, CurveChart, Level, Point, curve_chart};
pub use download::{Download, downloads};
pub use number::{count, interval, number, percent, seconds, with_interval};
pub use strip::{Strip, StripChart, strip_chart};
pub use table::{Column, Data, table};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The browser itself refuses whatever the page might ask of a network.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A part of a page.
pub struct Section {
    /// What links call it; also its place in the address.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// What it shows.
    pub body: Markup,
}

/// A whole page: what matters at once, then its parts, with links to them. Empty parts are left out.
pub fn page(title: &str, lead: &Markup, sections: &[Section]) -> String {
    let shown = || sections.iter().filter(|section| !section.body.0.is_empty());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (lead)
                    nav aria-label="Parts of this page" {
                        ul { @for part in shown() { li { a href=(format!("#{}", part.id)) { (part.title) } } } }
                    }
                    @for part in shown() {
                        section id=(part.id) aria-labelledby=(format!("{}-title", part.id)) {
                            h2 id=(format!("{}-title", part.id)) { (part.title) }
                            (part.body)
                        }
                    }
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
