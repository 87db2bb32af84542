//! A data set described.

use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::known::{KnownSet, recognise};
use crate::options::DataOptions;
use crate::statistics::Statistics;

/// A data set's statistics, and what is published about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Info {
    /// What it is called.
    pub name: String,
    /// The known data set that it is.
    pub known: Option<&'static KnownSet>,
    /// Its statistics.
    pub statistics: Statistics,
    /// Rows of the source, repeated and filtered ones included.
    pub rows: usize,
    /// Checksum of its canonical content.
    pub checksum: String,
    /// What a person should be told about reading it.
    pub notes: Vec<String>,
}

/// Describes a file or a known data set.
///
/// # Errors
/// Those of [`load`](crate::load).
pub fn info(data: &str, options: &DataOptions) -> Result<Info, DataError> {
    Ok(Info::of(&crate::load(data, options)?))
}

impl Info {
    /// Describes a data set.
    pub fn of(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            known: recognise(data),
            statistics: Statistics::of(&data.interactions),
            rows: data.rows,
            checksum: data.checksum.clone(),
            notes: data.notes.clone(),
        }
    }
}
