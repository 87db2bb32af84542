//! Data sets: readers, writers, known sets, filters, splits, and what an attacker knows of them.
//!
//! [`load`] takes a known name or a path and gives a [`Dataset`]: a matrix of dense ids with the labels
//! of users and items beside it. Ids follow the sorted labels and a row's order its times, so the order
//! of lines in a file changes nothing.

mod dataset;
mod error;
mod fakes;
pub mod filter;
pub mod knowledge;
mod labels;
mod options;
mod read;
pub mod split;
mod text_or_table;
mod write;

pub use dataset::Dataset;
pub use error::{DataError, Place};
pub use fakes::{fake_labels, read_fakes, write_fakes};
pub use labels::Labels;
pub use options::{DataOptions, SequenceUser, Sequences, parse_rating_scale};
pub use write::{save, write_csv, write_inter};

use std::path::{Path, PathBuf};

/// Loads a file, or a known data set by its name.
///
/// # Errors
/// If there is no such data, or it is not as it should be: never a part of it.
pub fn load(data: &str, options: &DataOptions) -> Result<Dataset, DataError> {
    let path = Path::new(data);
    load_files(&name_of(path), &[path.to_owned()], options)
}

fn load_files(name: &str, paths: &[PathBuf], options: &DataOptions) -> Result<Dataset, DataError> {
    let mut data = read::read(name, paths, options)?;
    if options.min_user.is_some() || options.min_item.is_some() {
        let rows = data.rows;
        let (user, item) = (options.min_user.unwrap_or(0), options.min_item.unwrap_or(0));
        data = filter::iter_core(&data, user, item).map_err(|_| too_few(name, options, 0, 0))?;
        data.rows = rows;
    } else {
        data = data.sealed();
    }
    if options.filters() && (data.users.len() < 2 || data.items.len() < 2) {
        return Err(too_few(name, options, data.users.len(), data.items.len()));
    }
    Ok(data)
}

fn too_few(name: &str, options: &DataOptions, users: usize, items: usize) -> DataError {
    let given = [
        options.min_rating.map(|x| format!("--min-rating {x}")),
        options.min_user.map(|n| format!("--min-user {n}")),
        options.min_item.map(|n| format!("--min-item {n}")),
    ];
    let filter = given.into_iter().flatten().collect::<Vec<_>>().join(" ");
    DataError::TooFew { filter, data: name.into(), users, items }
}

/// What a data set of this file is called: the file's name without its last extensions.
fn name_of(path: &Path) -> String {
    let mut name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    for end in [".gz", ".xz", ".zst", ".csv", ".tsv", ".txt", ".dat", ".inter", ".parquet"] {
        if let Some(stem) = name.strip_suffix(end).filter(|stem| !stem.is_empty()) {
            name = stem.to_owned();
        }
    }
    name
}
