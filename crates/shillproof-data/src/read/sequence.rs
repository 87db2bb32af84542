//! Files of one user a line; further lines of a user go on where the line before ended.

use super::collect::{Collector, Shape};
use super::source::Lines;
use super::split::{Fields, Separator};
use super::table::needs_ratings;
use crate::error::{DataError, Place, quote};
use crate::options::{DataOptions, SequenceUser, Sequences};

/// Reads all lines of a file.
pub(crate) fn read(
    lines: &mut Lines,
    options: &DataOptions,
    sequences: Sequences,
    out: &mut Collector,
) -> Result<(), DataError> {
    let separator = options.separator.as_deref().map_or(Ok(Separator::Blanks), Separator::parse)?;
    needs_ratings(lines.path(), options)?;
    out.begin(lines.path(), Shape { ratings: false, times: !sequences.unordered })?;
    let path = lines.path().to_owned();
    let count_at = usize::from(sequences.user == SequenceUser::FirstField);
    let items_from = count_at + usize::from(sequences.count);
    let mut fields = Fields::default();
    while let Some((number, line)) = lines.next(None)? {
        let place = || Place::line(&path, number);
        // Without quotes no field can be stray.
        fields.split(line, separator, false).unwrap_or_default();
        if sequences.count {
            check_count(&place(), &fields, line, count_at)?;
        }
        if fields.len() <= items_from {
            continue;
        }
        let user = match sequences.user {
            SequenceUser::FirstField => out.user(fields.get(line, 0), place)?,
            SequenceUser::LineNumber => out.user((number - 1).to_string().as_bytes(), place)?,
        };
        for at in items_from..fields.len() {
            let time = (!sequences.unordered).then(|| out.next_position(user));
            out.push(user, fields.get(line, at), None, time, place)?;
        }
    }
    Ok(())
}

fn check_count(place: &Place, fields: &Fields, line: &[u8], at: usize) -> Result<(), DataError> {
    let items = fields.len().saturating_sub(at + 1);
    let said = (fields.len() > at).then(|| fields.get(line, at));
    if said.is_some_and(|said| said == items.to_string().as_bytes()) {
        return Ok(());
    }
    Err(DataError::Malformed {
        place: place.clone(),
        found: format!("the count {} before {items} items", said.map_or("(none)".into(), quote)),
        expected: "the number of items that follow".into(),
        hint: "if lines begin with an item, leave `count` out of `--sequences`".into(),
    })
}
