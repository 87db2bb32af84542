//! The price table: fake users until a target reaches a share of the users.

use maud::{Markup, html};

use crate::report::html::{Column, Data, number, percent, table};

/// One attack on one kind of target.
pub(crate) struct PriceRow {
    /// What tells the row from the others, in the order of the headings.
    pub(crate) names: Vec<String>,
    /// One a reach.
    pub(crate) cells: Vec<Option<PriceCell>>,
    /// Targets behind it.
    pub(crate) targets: usize,
}

/// The price of one reach.
pub(crate) struct PriceCell {
    /// As people read it.
    pub(crate) text: String,
    /// What it sorts by.
    pub(crate) fake_users: f64,
    /// Interactions of all fake users together.
    pub(crate) clicks: Option<f64>,
}

/// Attacks against reaches; empty without a row.
pub(crate) fn prices(lead: &str, names: &[&str], reaches: &[f64], rows: &[PriceRow]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let titles: Vec<String> = reaches.iter().map(|r| format!("{} of users", percent(*r))).collect();
    let mut columns: Vec<Column<'_>> = names.iter().map(|name| Column::text(name)).collect();
    columns.extend(titles.iter().map(|title| Column::number(title)));
    columns.push(Column::number("n targets"));
    let cell = |cell: &Option<PriceCell>| match cell {
        None => Data::gap(),
        Some(PriceCell { text, fake_users, clicks: None }) => Data::number(*fake_users, text),
        Some(PriceCell { text, fake_users, clicks: Some(clicks) }) => {
            Data::number(*fake_users, text).with_note(format!("{} interactions", number(clicks.round())))
        }
    };
    let rows: Vec<Vec<Data>> = rows
        .iter()
        .map(|row| {
            let mut cells: Vec<Data> = row.names.iter().map(Data::text).collect();
            cells.extend(row.cells.iter().map(cell));
            cells.push(Data::count(row.targets));
            cells
        })
        .collect();
    html! { p { (lead) } (table(&columns, &rows)) }
}
