//! Delimited text, one interaction a line.

use shillproof_core::RatingScale;

use super::collect::{Collector, NO_TIME, Shape};
use super::columns::{Columns, Role};
use super::source::Lines;
use super::split::{Fields, Separator};
use super::values;
use crate::error::{DataError, Place, quote};
use crate::options::DataOptions;

/// Lines looked at to find the separator.
const SAMPLE: usize = 20;

/// How the lines of one file are made.
struct Layout {
    separator: Separator,
    quoted: bool,
    columns: Columns,
    width: usize,
    header: bool,
}

/// Reads all rows of a file.
pub(crate) fn read(lines: &mut Lines, options: &DataOptions, out: &mut Collector) -> Result<(), DataError> {
    // RecBole's files are not quoted.
    let typed = lines
        .path()
        .file_name()
        .is_some_and(|name| name.to_string_lossy().split('.').any(|part| part == "inter"));
    let Some(layout) = layout(lines, options, typed, &mut out.notes)? else {
        return Ok(());
    };
    let Layout { separator, quoted, columns, width, header } = layout;
    let rating = columns.rating.filter(|_| !options.implicit || options.min_rating.is_some());
    if rating.is_none() {
        needs_ratings(lines.path(), options)?;
    }
    let time = columns.position.or(columns.time);
    if columns.position.is_some() && columns.time.is_some() {
        out.notes.push("rows are ordered by their position column; the time column is not used".into());
    }
    out.begin(lines.path(), Shape { ratings: rating.is_some(), times: time.is_some() })?;
    let quotes = separator.quotes().filter(|_| quoted);
    let path = lines.path().to_owned();
    if header {
        lines.next(quotes)?;
    }
    let mut fields = Fields::default();
    while let Some((number, line)) = lines.next(quotes)? {
        let place = || Place::line(&path, number);
        if fields.split(line, separator, quoted).is_err() {
            let found = format!("text behind the closing quote of a field in {}", quote(line));
            return Err(ragged(place(), found, width, separator));
        }
        if fields.len() != width {
            return Err(ragged(
                place(),
                format!("{} columns in {}", fields.len(), quote(line)),
                width,
                separator,
            ));
        }
        let user = out.user(fields.get(line, columns.user), place)?;
        let mut value = None;
        if let Some(at) = rating {
            let field = fields.get(line, at);
            let read = values::rating(field).ok_or_else(|| no_rating(place(), field, at))?;
            if let Some(scale) = options.rating_scale
                && !options.implicit
                && !scale.contains(read)
            {
                return Err(off_scale(place(), read, scale));
            }
            value = Some(read);
        }
        let mut moment = None;
        if let Some(at) = time {
            let field = fields.get(line, at);
            moment = match values::time(field) {
                Some(read) if read != NO_TIME => Some(read),
                None if options.missing_times_last && field.trim_ascii().is_empty() => Some(NO_TIME),
                _ => return Err(no_time(place(), field, at)),
            };
        }
        out.push(user, fields.get(line, columns.item), value, moment, place)?;
    }
    Ok(())
}

fn layout(
    lines: &Lines,
    options: &DataOptions,
    typed: bool,
    notes: &mut Vec<String>,
) -> Result<Option<Layout>, DataError> {
    let given = options.separator.as_deref().map(Separator::parse).transpose()?;
    let sample: Vec<(u64, &[u8])> = (1..)
        .zip(lines.ahead().split(|&b| b == b'\n'))
        .map(|(n, line)| (n, line.strip_suffix(b"\r").unwrap_or(line)))
        .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
        .take(SAMPLE)
        .collect();
    let Some(&(number, first)) = sample.first() else { return Ok(None) };
    let place = Place::line(lines.path(), number);
    let separator = match given {
        Some(separator) => separator,
        None => Separator::find(&sample.iter().map(|s| s.1).collect::<Vec<_>>()).ok_or_else(|| {
            DataError::Malformed {
                place: place.clone(),
                found: format!("one column: {}", quote(first)),
                expected:
                    "at least a user and an item, separated by a comma, a tab, blanks, `;`, `|` or `::`"
                        .into(),
                hint: if first.contains(&b'\r') {
                    "lines must end in a line feed; convert the file, for example with `tr '\\r' '\\n'`"
                        .into()
                } else {
                    "for one user a line say `--sequences line-number`".to_owned()
                },
            }
        })?,
    };
    let quoted = !typed && separator.quotes().is_some();
    let mut fields = Fields::default();
    if fields.split(first, separator, quoted).is_err() {
        // A quoted field over several lines, or a stray quote: the row reader says which.
        fields.split(first, separator, false).unwrap_or_default();
    }
    let width = fields.len();
    if width < 2 {
        return Err(ragged(place, format!("{width} column in {}", quote(first)), 2, separator));
    }
    let names: Vec<&[u8]> = fields.iter(first).collect();
    let named = |name: &&[u8]| matches!(Role::of(name), Some(Role::User | Role::Item));
    let looks_named = names.iter().any(named)
        || names.iter().all(|name| name.contains(&b':') && separator != Separator::Colons);
    let (columns, header) = match (&options.columns, options.header) {
        (Some(text), header) => {
            let columns = Columns::parse(text)?;
            if columns.last() >= width {
                return Err(DataError::Malformed {
                    place,
                    found: format!("{width} columns in {}", quote(first)),
                    expected: format!("at least {} as in `--columns {text}`", columns.last() + 1),
                    hint: format!(
                        "columns were cut at {}; give another separator with `--separator`",
                        separator.name()
                    ),
                });
            }
            let wordy = |at: usize| {
                names[at].iter().any(u8::is_ascii_alphabetic) && !names[at].iter().any(u8::is_ascii_digit)
            };
            let numbers = [columns.rating, columns.time, columns.position];
            let words = numbers.iter().flatten().count() > 0
                && numbers.into_iter().flatten().all(|at| wordy(at) && values::rating(names[at]).is_none())
                && !names.iter().any(|name| {
                    [&b"nan"[..], b"inf", b"null", b"na"].contains(&&name.to_ascii_lowercase()[..])
                });
            let is_header = header.unwrap_or(looks_named || words);
            if is_header && header.is_none() && !looks_named {
                notes.push(format!("the first line was taken for a header: {}", quote(first)));
            }
            (columns, is_header)
        }
        (None, Some(true)) => (Columns::from_header(&place, &names)?, true),
        (None, None) if looks_named => (Columns::from_header(&place, &names)?, true),
        (None, _) => (without_header(&place, &names, separator)?, false),
    };
    if header {
        let unused =
            names.len() - 2 - [columns.rating, columns.time, columns.position].iter().flatten().count();
        if unused > 0 && columns.rating.is_none() && options.columns.is_none() {
            notes.push(format!(
                "no column looks like a rating in the header {}: the data is read as implicit (name a rating column with `--columns`)",
                quote(first)
            ));
        }
    }
    Ok(Some(Layout { separator, quoted, columns, width, header }))
}

fn without_header(place: &Place, names: &[&[u8]], separator: Separator) -> Result<Columns, DataError> {
    let columns = Columns::by_width(place, names.len())?;
    let third = columns.rating.map(|at| names[at]);
    match third.map(|field| (field, values::rating(field))) {
        Some((field, None)) => Err(DataError::Malformed {
            place: place.clone(),
            found: format!(
                "{} in column 3 of {} columns cut at {}",
                quote(field),
                names.len(),
                separator.name()
            ),
            expected: "a finite rating, or a header with names such as `user,item,rating,timestamp`".into(),
            hint: "if this line is a header, name its columns, for example `--columns user,item,rating`; \
                   if columns are cut wrongly, give `--separator`"
                .into(),
        }),
        // A rating of that size is a time of day in seconds since 1970.
        Some((field, Some(value))) if value >= 1e8 && names.len() == 3 => Err(DataError::Malformed {
            place: place.clone(),
            found: format!("{} in column 3, which looks like a time", quote(field)),
            expected: "`user item rating`, or a header".into(),
            hint: "say `--columns user,item,timestamp`, or `--columns user,item,rating` if it is a rating"
                .into(),
        }),
        _ => Ok(columns),
    }
}

pub(crate) fn needs_ratings(path: &std::path::Path, options: &DataOptions) -> Result<(), DataError> {
    for (name, given) in [
        ("--min-rating", options.min_rating.is_some()),
        ("--rating-scale", options.rating_scale.is_some() && !options.implicit),
    ] {
        if given {
            return Err(DataError::Setting {
                name,
                got: format!("given for {}, which has no rating column", path.display()),
                expected: "data with ratings".into(),
                hint: format!(
                    "leave `{name}` out, or name the rating column with `--columns user,item,rating`"
                ),
            });
        }
    }
    Ok(())
}

fn ragged(place: Place, found: String, width: usize, separator: Separator) -> DataError {
    DataError::Malformed {
        place,
        found,
        expected: format!("{width} columns cut at {}, as in the first line", separator.name()),
        hint: "if that is the wrong separator, give `--separator`; for one user a line say `--sequences first-field`".into(),
    }
}

pub(crate) fn no_rating(place: Place, field: &[u8], at: usize) -> DataError {
    DataError::Malformed {
        place,
        found: format!("the rating {} in column {}", quote(field), at + 1),
        expected: "a finite number".into(),
        hint: "correct the row, or add `--implicit` to drop rating values; if this column is no rating, give `--columns`"
            .into(),
    }
}

pub(crate) fn no_time(place: Place, field: &[u8], at: usize) -> DataError {
    DataError::Malformed {
        place,
        found: format!("the time {} in column {}", quote(field), at + 1),
        expected: "a whole number (such as seconds since 1970) or a date YYYY-MM-DD".into(),
        hint: "correct the row, or leave the column out with `_` in `--columns user,item,rating,_`".into(),
    }
}

pub(crate) fn off_scale(place: Place, value: f32, scale: RatingScale) -> DataError {
    DataError::Malformed {
        place,
        found: format!("the rating {value}"),
        expected: format!("a rating on the scale {}:{}:{}", scale.min, scale.max, scale.step),
        hint: "widen `--rating-scale MIN:MAX:STEP`, or leave it out to have the scale observed".into(),
    }
}
