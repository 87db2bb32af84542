//! From data sets to files.

#[cfg(feature = "parquet")]
mod parquet;

use std::io::{self, Write};
use std::path::Path;

use crate::dataset::Dataset;
use crate::error::DataError;

#[cfg(feature = "parquet")]
pub use self::parquet::write_parquet;

/// Writes a data set as CSV with the header `user,item[,rating][,timestamp]`. Reading it gives the same
/// data set: labels as they are, ratings in the shortest form that reads back to the same value.
///
/// # Errors
/// If writing fails, or a label cannot be read back.
pub fn write_csv(out: impl Write, data: &Dataset) -> Result<(), DataError> {
    check_labels(data.users.iter().chain(data.items.iter()))?;
    let mut out = csv::Writer::from_writer(out);
    let mut header = vec!["user", "item"];
    header.extend(data.interactions.is_explicit().then_some("rating"));
    header.extend(data.interactions.has_times().then_some("timestamp"));
    out.write_record(&header).map_err(csv_failed)?;
    let mut fields = Vec::new();
    for_each(data, |user, item, rating, time| {
        fields.clear();
        fields.extend([user.to_owned(), item.to_owned()]);
        fields.extend(rating.map(|r| r.to_string()));
        fields.extend(time.map(|t| t.to_string()));
        out.write_record(&fields)
    })
    .map_err(csv_failed)?;
    out.flush().map_err(failed)
}

/// Writes a data set in RecBole's format: columns cut at tabs, header
/// `user_id:token item_id:token [rating:float] [timestamp:float]`.
///
/// # Errors
/// If writing fails, or a label cannot be read back.
pub fn write_inter(mut out: impl Write, data: &Dataset) -> Result<(), DataError> {
    check_labels(data.users.iter().chain(data.items.iter()))?;
    let mut header = String::from("user_id:token\titem_id:token");
    header.push_str(if data.interactions.is_explicit() { "\trating:float" } else { "" });
    header.push_str(if data.interactions.has_times() { "\ttimestamp:float" } else { "" });
    writeln!(out, "{header}").map_err(failed)?;
    for_each(data, |user, item, rating, time| {
        write!(out, "{user}\t{item}")?;
        if let Some(rating) = rating {
            write!(out, "\t{rating}")?;
        }
        if let Some(time) = time {
            write!(out, "\t{time}")?;
        }
        out.write_all(b"\n")
    })
    .map_err(failed)?;
    out.flush().map_err(failed)
}

/// Writes a data set to a file in the format its name says: `.csv`, `.inter` or `.parquet`; the first
/// two also packed as `.gz`, `.xz` or `.zst`. The file appears when it is whole, or not at all.
///
/// # Errors
/// If the name says none of these, or writing fails.
pub fn save(path: &Path, data: &Dataset) -> Result<(), DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, packing) = [".gz", ".xz", ".zst"]
        .into_iter()
        .find_map(|end| name.strip_suffix(end).map(|stem| (stem, Some(end))))
        .unwrap_or((&name, None));
    let format = stem.rsplit_once('.').map_or("", |(_, format)| format);
    if !matches!((format, packing), ("csv" | "inter", _) | ("parquet", None)) {
        return Err(DataError::Unwritable {
            what: format!("{}: the name says no format", path.display()),
            hint: "end it in .csv, .inter or .parquet; .csv and .inter also with .gz, .xz or .zst".into(),
        });
    }
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    let text = |out: &mut dyn Write| match format {
        "csv" => write_csv(out, data),
        _ => write_inter(out, data),
    };
    let mut buffered = io::BufWriter::new(file.as_file());
    match packing {
        None if format == "parquet" => write_parquet(&mut buffered, data)?,
        None => text(&mut buffered)?,
        Some(".gz") => {
            let mut out = flate2::write::GzEncoder::new(&mut buffered, flate2::Compression::default());
            text(&mut out)?;
            out.finish().map_err(io)?;
        }
        Some(".xz") => {
            let mut out = liblzma::write::XzEncoder::new(&mut buffered, 6);
            text(&mut out)?;
            out.finish().map_err(io)?;
        }
        Some(_) => {
            let mut out = zstd::stream::write::Encoder::new(&mut buffered, 3).map_err(io)?;
            text(&mut out)?;
            out.finish().map_err(io)?;
        }
    }
    buffered.flush().map_err(io)?;
    drop(buffered);
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}

#[cfg(not(feature = "parquet"))]
fn write_parquet(_: impl Write, _: &Dataset) -> Result<(), DataError> {
    Err(DataError::Unwritable {
        what: "Parquet: this program was built without it".into(),
        hint: "build with `--features parquet`, or write `.csv`".into(),
    })
}

/// Calls `row(user, item, rating, time)` for every interaction, users in the order of ids and each user's oldest first.
pub(crate) fn for_each<E>(
    data: &Dataset,
    mut row: impl FnMut(&str, &str, Option<f32>, Option<i64>) -> Result<(), E>,
) -> Result<(), E> {
    let explicit = data.interactions.is_explicit();
    for user in data.interactions.users() {
        let own = data.interactions.row(user);
        for (at, item) in own.items().iter().enumerate() {
            let rating = explicit.then(|| own.rating(at));
            row(data.users.get(user.0), data.items.get(item.0), rating, own.times().map(|t| t[at]))?;
        }
    }
    Ok(())
}

/// Refuses labels that our own reader would refuse.
pub(crate) fn check_labels<'a>(mut labels: impl Iterator<Item = &'a str>) -> Result<(), DataError> {
    let bad = |label: &&str| label.is_empty() || label.bytes().any(|b| b.is_ascii_control());
    match labels.find(bad) {
        None => Ok(()),
        Some(label) => Err(DataError::Unwritable {
            what: format!(
                "the label {}: it is empty or has a control character",
                crate::error::quote(label.as_bytes())
            ),
            hint: "give users and items labels of printable characters".into(),
        }),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
pub(crate) fn failed(source: io::Error) -> DataError {
    DataError::Unwritable {
        what: format!("all of the data ({source})"),
        hint: "check the space left on the disk".into(),
    }
}

pub(crate) fn csv_failed(error: csv::Error) -> DataError {
    failed(error.into())
}
