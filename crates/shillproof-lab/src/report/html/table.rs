//! Tables that sort by a click on a heading.

use maud::{Markup, html};

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
}

impl Data {
    /// Text.
    pub fn text(shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), sort: None }
    }

    /// A number in the form that it is to be read in.
    pub fn number(value: f64, shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), sort: Some(value) }
    }

    /// Nothing; sorts last.
    pub fn gap() -> Self {
        Self::text("")
    }
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
                                td class=[class(column.kind)] data-sort=[cell.sort] { (cell.shown) }
                            }
                        }
                    }
                }
            }
        }
    }
}
