//! Fake users one interaction a line: CSV, TSV, and RecBole's `.inter`.

use super::FakeUsers;
use super::collect::{Collector, malformed};
use crate::dataset::Dataset;
use crate::error::{DataError, Place, quote};
use crate::read::columns::Columns;
use crate::read::source::Lines;
use crate::read::split::{Fields, Separator};
use crate::read::{table, values};
use crate::write::csv_failed;

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Csv,
    Tsv,
    Inter,
}

/// Columns cut at tabs where the header has one, else at what cuts the header; fields may be quoted but in RecBole's
/// files.
pub(super) fn read(mut lines: Lines, mut out: Collector<'_>) -> Result<FakeUsers, DataError> {
    let path = lines.path().to_owned();
    let head = lines.ahead().trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default().to_owned();
    let typed = path.extension().is_some_and(|end| end == "inter")
        || memchr::memmem::find(&head, b":token").is_some();
    if head.trim_ascii().is_empty() {
        return Err(malformed(&Place::file(&path), "an empty file", "the header `user,item,rating`"));
    }
    let separator =
        if head.contains(&b'\t') { Some(Separator::Byte(b'\t')) } else { Separator::find(&[&head]) };
    let Some(separator) = separator else {
        return Err(malformed(
            &Place::line(&path, 1),
            &format!("one column: {}", quote(&head)),
            "the header `user,item,rating`",
        ));
    };
    let quotes = separator.quotes().filter(|_| !typed);
    let mut fields = Fields::default();
    let mut columns: Option<(Columns, usize)> = None;
    while let Some((number, line)) = lines.next(quotes)? {
        let place = Place::line(&path, number);
        if fields.split(line, separator, quotes.is_some()).is_err() {
            let found = format!("text behind the closing quote of a field in {}", quote(line));
            return Err(malformed(&place, &found, "`\"` around whole fields, and doubled inside"));
        }
        let Some((columns, width)) = &columns else {
            let named = Columns::from_header(&place, &fields.iter(line).collect::<Vec<_>>());
            let named = named.map_err(|error| match error {
                // Its hint is of the options that DATA has.
                DataError::Malformed { place, found, expected, .. } => malformed(&place, &found, &expected),
                other => other,
            })?;
            if out.data.interactions.is_explicit() && named.rating.is_none() {
                return Err(malformed(
                    &place,
                    "a header without a rating column",
                    "`rating`: the data has ratings",
                ));
            }
            columns = Some((named, fields.len()));
            continue;
        };
        if fields.len() != *width {
            let found = format!("{} columns in {}", fields.len(), quote(line));
            return Err(malformed(&place, &found, &format!("{width} as in the header")));
        }
        let label = fields.get(line, columns.user);
        let user = out.user(label, &place)?;
        let item = fields.get(line, columns.item);
        let rating = columns.rating.map(|at| fields.get(line, at));
        // A fake user without items.
        if item.is_empty() && rating.is_none_or(<[u8]>::is_empty) {
            continue;
        }
        let position = match columns.position.or(columns.time) {
            None => 0,
            Some(at) => {
                let field = fields.get(line, at);
                values::time(field).ok_or_else(|| table::no_time(place.clone(), field, at))?
            }
        };
        let rating = (rating.unwrap_or(b"1"), columns.rating.unwrap_or_default());
        out.push(&place, (user, label), item, rating, position)?;
    }
    let ordered = columns.is_some_and(|(columns, _)| columns.position.or(columns.time).is_some());
    Ok(out.finish(ordered))
}

/// The text of a file. A fake user without items is one row with neither item nor rating.
pub(super) fn write(users: &FakeUsers, data: &Dataset, style: Style) -> Result<Vec<u8>, DataError> {
    let inter = style == Style::Inter;
    let mut out = csv::WriterBuilder::new()
        .delimiter(if style == Style::Csv { b',' } else { b'\t' })
        .quote_style(if inter { csv::QuoteStyle::Never } else { csv::QuoteStyle::Necessary })
        .from_writer(Vec::new());
    let header = if inter {
        ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    } else {
        ["user", "item", "rating", "position"]
    };
    let width = if users.fakes.ordered { 4 } else { 3 };
    out.write_record(&header[..width]).map_err(csv_failed)?;
    for (label, entries) in users.rows() {
        if entries.is_empty() {
            out.write_record(&[label, "", "", ""][..width]).map_err(csv_failed)?;
        }
        for (position, &(item, rating)) in entries.iter().enumerate() {
            let (rating, position) = (rating.to_string(), position.to_string());
            let row = [label, data.items.get(item.0), &rating, &position];
            out.write_record(&row[..width]).map_err(csv_failed)?;
        }
    }
    out.into_inner().map_err(|error| crate::write::failed(error.into_error()))
}
