//! Rows as Parquet, by the column writer alone: no Arrow.

use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value;

use super::export::{Kind, Tidy};
use super::{Format, Report, ReportError};

/// Tidy rows; every column may have gaps.
pub(super) fn parquet(report: &Report) -> Result<Vec<u8>, ReportError> {
    write(&Tidy::of(report))
        .map_err(|e| ReportError::Unwritable { format: Format::Parquet, problem: e.to_string() })
}

fn write(tidy: &Tidy) -> Result<Vec<u8>, ParquetError> {
    let fields = tidy
        .columns
        .iter()
        .map(|(name, kind)| {
            let (physical, converted) = match kind {
                Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
                Kind::Switch => (Physical::BOOLEAN, ConvertedType::NONE),
                Kind::Count => (Physical::INT64, ConvertedType::NONE),
                Kind::Number => (Physical::DOUBLE, ConvertedType::NONE),
            };
            let field = Type::primitive_type_builder(name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_converted_type(converted);
            field.build().map(Arc::new)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("report").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        let cells: Vec<&Value> = tidy.rows.iter().map(|row| &row[at]).collect();
        let there: Vec<i16> = cells.iter().map(|cell| i16::from(!cell.is_null())).collect();
        let levels = Some(&there[..]);
        match tidy.columns[at].1 {
            Kind::Text => {
                let values: Vec<ByteArray> =
                    cells.iter().filter_map(|c| c.as_str()).map(ByteArray::from).collect();
                column.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
            }
            Kind::Switch => {
                let values: Vec<bool> = cells.iter().filter_map(|c| c.as_bool()).collect();
                column.typed::<BoolType>().write_batch(&values, levels, None)?;
            }
            Kind::Count => {
                // A seed of 2^63 or more keeps its bits.
                let values: Vec<i64> = cells.iter().filter_map(|c| c.as_u64()).map(|n| n as i64).collect();
                column.typed::<Int64Type>().write_batch(&values, levels, None)?;
            }
            Kind::Number => {
                let values: Vec<f64> = cells.iter().filter_map(|c| c.as_f64()).collect();
                column.typed::<DoubleType>().write_batch(&values, levels, None)?;
            }
        }
        column.close()?;
        at += 1;
    }
    group.close()?;
    file.into_inner()
}
