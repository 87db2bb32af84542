//! Tables that sort by a click on a heading.

use maud::{Markup, html};

use super::number::{count, with_interval};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its heading.
    pub title: &'a str,
    /// Numbers stand to the right; long text may break.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Short text.
    Text,
    /// Numbers.
    Number,
    /// Sentences, which may break.
    Prose,
}

impl<'a> Column<'a> {
    /// A column of short text.
    pub const fn text(title: &'a str) -> Self {
        Self { title, kind: ColumnKind::Text }
    }

    /// A column of numbers.
    pub const fn number(title: &'a str) -> Self {
        Self { title, kind: ColumnKind::Number }
    }

    /// A column of sentences.
    pub const fn prose(title: &'a str) -> Self {
        Self { title, kind: ColumnKind::Prose }
    }
}

/// What a cell of a table shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// As people read it.
    pub shown: String,
    /// What it sorts by; none sorts by the text.
    pub sort: Option<f64>,
    /// A line below, in small; empty is none.
    pub note: String,
}

impl Data {
    /// Text.
    pub fn text(shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), sort: None, note: String::new() }
    }

    /// A number in the form that it is to be read in.
    pub fn number(value: f64, shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), sort: Some(value), note: String::new() }
    }

    /// A mean with its 95 % interval, in as many digits as that supports; sorts by the mean.
    pub fn interval(mean: f64, ci95: Option<[f64; 2]>) -> Self {
        Self::number(mean, with_interval(mean, ci95))
    }

    /// A count.
    pub fn count(n: usize) -> Self {
        Self::number(n as f64, count(n))
    }

    /// The same with a line below.
    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Nothing; sorts last.
    pub fn gap() -> Self {
        Self::text("")
    }
}

/// A number as the script of the page reads it; its endless one is not ours.
fn sort_key(value: f64) -> String {
    if value == f64::INFINITY { "1e999".into() } else { value.to_string() }
}

/// A table whose headings sort it.
///
/// # Shapes
/// Every row: one cell a column.
pub fn table(columns: &[Column<'_>], rows: &[Vec<Data>]) -> Markup {
    let class = |kind| match kind {
        ColumnKind::Text => None,
        ColumnKind::Number => Some("num"),
        ColumnKind::Prose => Some("wrap"),
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    @for column in columns {
                        th scope="col" class=[class(column.kind)] { button type="button" { (column.title) } }
                    }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (cell, column) in row.iter().zip(columns) {
                                td class=[class(column.kind)] data-sort=[cell.sort.map(sort_key)] {
                                    (cell.shown)
                                    @if !cell.note.is_empty() { span.soft { (cell.note) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
