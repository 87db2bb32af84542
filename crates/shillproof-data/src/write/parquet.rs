//! Data sets as Parquet.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int64Type};
use ::parquet::errors::{ParquetError, Result as ParquetResult};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;

use super::check_labels;
use crate::dataset::Dataset;
use crate::error::DataError;

/// Rows of one row group.
const GROUP: usize = 1 << 20;

/// Writes a data set as Parquet with columns `user`, `item` (strings), and where they are `rating` (float) and
/// `timestamp` (int64). Reading it gives the same data set.
///
/// # Errors
/// If writing fails, or a label cannot be read back.
pub fn write_parquet(out: impl Write + Send, data: &Dataset) -> Result<(), DataError> {
    check_labels(data.users.iter().chain(data.items.iter()))?;
    write(out, data).map_err(|error| super::failed(std::io::Error::other(error)))
}

fn write(out: impl Write + Send, data: &Dataset) -> ParquetResult<()> {
    let mut schema = String::from("message data { required binary user (UTF8); required binary item (UTF8);");
    schema.push_str(if data.interactions.is_explicit() { "required float rating;" } else { "" });
    schema.push_str(if data.interactions.has_times() { "required int64 timestamp;" } else { "" });
    schema.push('}');
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut file =
        SerializedFileWriter::new(out, Arc::new(parse_message_type(&schema)?), Arc::new(properties))?;
    let mut group = Group::default();
    super::for_each(data, |user, item, rating, time| {
        group.users.push(user.into());
        group.items.push(item.into());
        group.ratings.extend(rating);
        group.times.extend(time);
        if group.users.len() == GROUP { group.write(&mut file) } else { Ok(()) }
    })?;
    group.write(&mut file)?;
    file.close()?;
    Ok(())
}

#[derive(Default)]
struct Group {
    users: Vec<ByteArray>,
    items: Vec<ByteArray>,
    ratings: Vec<f32>,
    times: Vec<i64>,
}

impl Group {
    fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> ParquetResult<()> {
        if self.users.is_empty() {
            return Ok(());
        }
        let mut group = file.next_row_group()?;
        column::<ByteArrayType, W>(&mut group, &self.users)?;
        column::<ByteArrayType, W>(&mut group, &self.items)?;
        if !self.ratings.is_empty() {
            column::<FloatType, W>(&mut group, &self.ratings)?;
        }
        if !self.times.is_empty() {
            column::<Int64Type, W>(&mut group, &self.times)?;
        }
        group.close()?;
        *self = Self::default();
        Ok(())
    }
}

fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
) -> ParquetResult<()> {
    let mut writer = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("fewer columns than the schema has".into()))?;
    writer.typed::<T>().write_batch(values, None, None)?;
    writer.close()
}
