//! How the numbers came about: data, protocol, what is missing, and the means to repeat it.

use maud::{Markup, html};

use crate::plan::DatasetFacts;
use crate::report::html::{Column, Data, Download, downloads, facts, source, table};

/// Everything behind a page that is not a finding.
pub(crate) struct Measured<'a> {
    /// Short facts: seed, trainings, version.
    pub(crate) facts: &'a [(&'a str, String)],
    /// The protocol in words.
    pub(crate) protocol: &'a str,
    /// The data sets.
    pub(crate) datasets: &'a [DatasetFacts],
    /// What the cells noted.
    pub(crate) notes: &'a [String],
    /// More tables of the page's own.
    pub(crate) more: Markup,
    /// Texts to copy, by what they are.
    pub(crate) sources: &'a [(&'a str, &'a str)],
    /// Files to save.
    pub(crate) files: &'a [Download],
}

impl Measured<'_> {
    pub(crate) fn markup(&self) -> Markup {
        html! {
            (facts(self.facts))
            p { (self.protocol) }
            @if !self.notes.is_empty() {
                ul.notes { @for note in self.notes { li { (note) } } }
            }
            h3 { "Data" }
            (datasets(self.datasets))
            (self.more)
            @for (title, text) in self.sources { (source(title, text)) }
            (downloads(self.files))
        }
    }
}

fn datasets(all: &[DatasetFacts]) -> Markup {
    let columns = [
        Column::text("Data set"),
        Column::number("Users"),
        Column::number("Items"),
        Column::number("Interactions"),
        Column::number("Of all cells"),
        Column::text("Checksum"),
    ];
    let row = |data: &DatasetFacts| {
        let density = data.interactions as f64 / (data.users * data.items).max(1) as f64;
        vec![
            Data::text(&data.name),
            Data::count(data.users),
            Data::count(data.items),
            Data::count(data.interactions),
            Data::number(density, crate::report::html::percent(density)),
            Data::text(&data.checksum),
        ]
    };
    table(&columns, &all.iter().map(row).collect::<Vec<_>>())
}
