//! From files to data sets.

mod collect;
pub(crate) mod columns;
mod duplicates;
#[cfg(feature = "parquet")]
mod parquet;
mod scale;
mod sequence;
pub(crate) mod source;
pub(crate) mod split;
pub(crate) mod table;
pub(crate) mod values;

use std::path::{Path, PathBuf};

use collect::Collector;
use source::Content;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::options::DataOptions;

/// Reads files that together are one data set, without the filters that need whole data sets.
pub(crate) fn read(name: &str, paths: &[PathBuf], options: &DataOptions) -> Result<Dataset, DataError> {
    options.check()?;
    let mut collector = Collector::new();
    for path in paths {
        match source::open(path)? {
            Content::Parquet => read_parquet(path, options, &mut collector)?,
            Content::Text(mut lines) => match options.sequences {
                Some(sequences) => sequence::read(&mut lines, options, sequences, &mut collector)?,
                None => table::read(&mut lines, options, &mut collector)?,
            },
        }
    }
    let first = paths.first().map_or(Path::new(name), PathBuf::as_path);
    collector.finish(name, first, options)
}

#[cfg(feature = "parquet")]
use self::parquet::read as read_parquet;

#[cfg(not(feature = "parquet"))]
fn read_parquet(path: &Path, _: &DataOptions, _: &mut Collector) -> Result<(), DataError> {
    Err(DataError::Malformed {
        place: crate::error::Place::file(path),
        found: "a Parquet file".into(),
        expected: "text: this program was built without Parquet".into(),
        hint: "build with `--features parquet`, or export the table as CSV".into(),
    })
}
