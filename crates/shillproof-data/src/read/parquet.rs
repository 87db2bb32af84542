//! Parquet files: flat columns of integers, floats or strings. A page declares its size in 32 bits, so unpacking
//! one takes at most 2 GiB whatever the file says.

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use ::parquet::column::reader::ColumnReader;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::types::ColumnDescriptor;

use super::collect::{Collector, NO_TIME, Shape};
use super::columns::Columns;
use super::table::{needs_ratings, no_rating, no_time, off_scale};
use super::values;
use crate::error::{DataError, Place};
use crate::options::DataOptions;

/// Rows decoded at a time.
const BATCH: usize = 8192;

/// Reads all rows of a file.
pub(crate) fn read(path: &Path, options: &DataOptions, out: &mut Collector) -> Result<(), DataError> {
    let file = File::open(path).map_err(|source| DataError::Io { path: path.to_owned(), source })?;
    // The decoder is written for files that some writer made, and may panic on others.
    catch_unwind(AssertUnwindSafe(|| read_file(path, file, options, out)))
        .unwrap_or_else(|_| Err(damaged(path, &"its pages contradict each other")))
}

fn read_file(path: &Path, file: File, options: &DataOptions, out: &mut Collector) -> Result<(), DataError> {
    let bad = |error: ParquetError| damaged(path, &error);
    let reader = SerializedFileReader::new(file).map_err(bad)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
    let columns = if let Some(text) = &options.columns {
        Columns::parse(text)?
    } else {
        let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        Columns::from_header(&Place::file(path), &names)?
    };
    if columns.last() >= names.len() {
        return Err(malformed(
            Place::file(path),
            format!("{} columns: {}", names.len(), names.join(", ")),
            format!("at least {} as in `--columns`", columns.last() + 1),
        ));
    }
    let rating_at = columns.rating.filter(|_| !options.implicit || options.min_rating.is_some());
    if rating_at.is_none() {
        needs_ratings(path, options)?;
    }
    let time_at = columns.position.or(columns.time);
    out.begin(path, Shape { ratings: rating_at.is_some(), times: time_at.is_some() })?;
    let mut row = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(bad)?;
        let open = |at: usize| {
            let reader = group.get_column_reader(at).map_err(bad)?;
            Column::new(reader, &schema.column(at)).ok_or_else(|| {
                malformed(
                    Place::file(path),
                    format!("the column `{}` of {:?} values", names[at], schema.column(at).physical_type()),
                    "a flat column of integers, floats or strings".into(),
                )
            })
        };
        let (mut users, mut items) = (open(columns.user)?, open(columns.item)?);
        let mut ratings = rating_at.map(open).transpose()?;
        let mut times = time_at.map(open).transpose()?;
        loop {
            let n = users.fill().map_err(bad)?;
            let others = [Some(&mut items), ratings.as_mut(), times.as_mut()];
            for column in others.into_iter().flatten() {
                if column.fill().map_err(bad)? != n {
                    return Err(damaged(path, &"columns of different length"));
                }
            }
            if n == 0 {
                break;
            }
            for at in 0..n {
                row += 1;
                let place = || Place::line(path, row);
                let user = out.user(&users.label(at), place)?;
                let mut value = None;
                if let (Some(column), Some(at_column)) = (&mut ratings, rating_at) {
                    let text = column.label(at);
                    let read = values::rating(&text).ok_or_else(|| no_rating(place(), &text, at_column))?;
                    if let Some(scale) = options.rating_scale
                        && !options.implicit
                        && !scale.contains(read)
                    {
                        return Err(off_scale(place(), read, scale));
                    }
                    value = Some(read);
                }
                let mut moment = None;
                if let (Some(column), Some(at_column)) = (&mut times, time_at) {
                    let text = column.label(at);
                    moment = match values::time(&text).and_then(|time| column.seconds(time)) {
                        Some(read) if read != NO_TIME => Some(read),
                        None if options.missing_times_last && text.is_empty() => Some(NO_TIME),
                        _ => return Err(no_time(place(), &text, at_column)),
                    };
                }
                out.push(user, &items.label(at), value, moment, place)?;
            }
        }
    }
    Ok(())
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> DataError {
    malformed(
        Place::file(path),
        format!("unreadable Parquet ({why})"),
        "a whole Parquet file, packed by snappy, gzip or zstd".into(),
    )
}

fn malformed(place: Place, found: String, expected: String) -> DataError {
    DataError::Malformed {
        place,
        found,
        expected,
        hint: "write the table anew with columns `user`, `item`, `rating`, `timestamp`, or export it as CSV"
            .into(),
    }
}

/// One column of one row group, a batch at a time.
struct Column {
    reader: ColumnReader,
    nullable: bool,
    unsigned: bool,
    /// Multiplies (days) or divides (parts of seconds) into seconds.
    to_seconds: (i64, i64),
    cells: Cells,
    /// For each row of the batch the position of its value; none for null.
    places: Vec<Option<u32>>,
}

enum Cells {
    Whole(Vec<i64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl Column {
    fn new(reader: ColumnReader, described: &ColumnDescriptor) -> Option<Self> {
        let flat = described.max_rep_level() == 0 && described.max_def_level() <= 1;
        let readable = !matches!(
            reader,
            ColumnReader::BoolColumnReader(_)
                | ColumnReader::Int96ColumnReader(_)
                | ColumnReader::FixedLenByteArrayColumnReader(_)
        );
        let to_seconds = match (described.logical_type_ref(), described.converted_type()) {
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => (86_400, 1),
            (Some(LogicalType::Timestamp(stamp)), _) => match stamp.unit {
                TimeUnit::MILLIS => (1, 1_000),
                TimeUnit::MICROS => (1, 1_000_000),
                TimeUnit::NANOS => (1, 1_000_000_000),
            },
            (_, ConvertedType::TIMESTAMP_MILLIS) => (1, 1_000),
            (_, ConvertedType::TIMESTAMP_MICROS) => (1, 1_000_000),
            _ => (1, 1),
        };
        let unsigned = matches!(described.converted_type(), ConvertedType::UINT_32 | ConvertedType::UINT_64)
            || matches!(described.logical_type_ref(), Some(LogicalType::Integer(kind)) if !kind.is_signed);
        (flat && readable).then(|| Self {
            reader,
            nullable: described.max_def_level() == 1,
            unsigned,
            to_seconds,
            cells: Cells::Whole(Vec::new()),
            places: Vec::new(),
        })
    }

    /// Reads the next batch and says how many rows it has.
    fn fill(&mut self) -> Result<usize, ParquetError> {
        let mut present: Vec<i16> = Vec::new();
        macro_rules! batch {
            ($reader:expr) => {{
                let mut values = Vec::new();
                let (rows, _, _) = $reader.read_records(BATCH, Some(&mut present), None, &mut values)?;
                (rows, values)
            }};
        }
        let rows;
        self.cells = match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) => {
                let (n, values) = batch!(reader);
                rows = n;
                let unsigned = self.unsigned;
                let widen = |v: i32| if unsigned { i64::from(v.cast_unsigned()) } else { i64::from(v) };
                Cells::Whole(values.into_iter().map(widen).collect())
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let (n, values) = batch!(reader);
                rows = n;
                Cells::Whole(values)
            }
            ColumnReader::FloatColumnReader(reader) => {
                let (n, values) = batch!(reader);
                rows = n;
                Cells::Single(values)
            }
            ColumnReader::DoubleColumnReader(reader) => {
                let (n, values) = batch!(reader);
                rows = n;
                Cells::Double(values)
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let (n, values) = batch!(reader);
                rows = n;
                Cells::Text(values)
            }
            _ => return Err(ParquetError::General("a column of another type".into())),
        };
        let values = match &self.cells {
            Cells::Whole(v) => v.len(),
            Cells::Single(v) => v.len(),
            Cells::Double(v) => v.len(),
            Cells::Text(v) => v.len(),
        };
        self.places.clear();
        let mut next = 0;
        for row in 0..rows {
            let is_there = !self.nullable || present.get(row) == Some(&1);
            self.places.push(is_there.then_some(next));
            next += u32::from(is_there);
        }
        if next as usize == values {
            Ok(rows)
        } else {
            Err(ParquetError::General(format!("{values} values for {next} rows that have one")))
        }
    }

    /// The cell as text; empty for null.
    fn label(&self, row: usize) -> Cow<'_, [u8]> {
        let Some(at) = self.places[row].map(|at| at as usize) else { return Cow::Borrowed(b"") };
        let text = match &self.cells {
            Cells::Whole(v) if self.unsigned => v[at].cast_unsigned().to_string(),
            Cells::Whole(v) => v[at].to_string(),
            Cells::Single(v) => v[at].to_string(),
            Cells::Double(v) => v[at].to_string(),
            Cells::Text(v) => return Cow::Borrowed(v[at].data()),
        };
        Cow::Owned(text.into_bytes())
    }

    /// A time of this column in whole seconds, where its type says the unit.
    fn seconds(&self, time: i64) -> Option<i64> {
        Some(time.checked_mul(self.to_seconds.0)?.div_euclid(self.to_seconds.1))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::parquet::data_type::{DoubleType, Int32Type, Int64Type};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use crate::{DataOptions, Dataset, load};

    use super::*;

    /// Users as unsigned integers, items and ratings that may be missing, times in milliseconds.
    fn write(path: &Path, missing: [Option<usize>; 2]) {
        let schema = "message rows { required int32 userId (UINT_32); optional int64 itemId; \
                      optional double rating; required int64 time (TIMESTAMP_MILLIS); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let file = std::fs::File::create(path).unwrap();
        let mut file = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
        let mut group = file.next_row_group().unwrap();
        let present =
            |gap: Option<usize>| -> Vec<i16> { (0..4).map(|k| i16::from(gap != Some(k))).collect() };
        let without = |n: usize, gap: Option<usize>| (0..n).filter(move |&k| gap != Some(k));
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&[-1, -1, 7, 7], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let items: Vec<i64> = without(4, missing[0]).map(|k| [20, 3, 20, 3][k]).collect();
        column.typed::<Int64Type>().write_batch(&items, Some(&present(missing[0])), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let ratings: Vec<f64> = without(4, missing[1]).map(|k| [1.0, 4.5, 5.0, 2.0][k]).collect();
        column.typed::<DoubleType>().write_batch(&ratings, Some(&present(missing[1])), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[2_999, 1_000, 5_000, -1], None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
    }

    fn read(path: &Path) -> Result<Dataset, DataError> {
        load(path.to_str().unwrap(), &DataOptions::default())
    }

    #[test]
    fn columns_of_several_types_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        write(&path, [None, None]);
        let data = read(&path).unwrap();
        assert_eq!(data.users.iter().collect::<Vec<_>>(), ["7", "4294967295"]);
        assert_eq!(data.items.iter().collect::<Vec<_>>(), ["3", "20"]);
        let row = data.interactions.row(shillproof_core::UserId(0));
        assert_eq!(row.times().unwrap(), [-1, 5]);
        assert_eq!((row.rating(0), row.rating(1)), (2.0, 5.0));
    }

    #[test]
    fn missing_cells_and_damage_are_errors_with_their_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        write(&path, [Some(2), None]);
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("rows.parquet:3: found an empty item"), "{error}");
        write(&path, [None, Some(1)]);
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("rows.parquet:2: found the rating ``"), "{error}");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("unreadable Parquet"), "{error}");
        assert!(error.hint().unwrap().contains("CSV"));
    }
}
