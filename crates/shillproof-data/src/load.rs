//! From a name or a path to a data set.

use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::filter::FilterSpec;
use crate::options::DataOptions;
use crate::{demo, filter, known, read};

/// Loads `demo`, another known data set by its name, or a file. A file that holds a known data set is called by its name.
///
/// # Errors
/// If there is no such data, or it is not as it should be: never a part of it.
pub fn load(data: &str, options: &DataOptions) -> Result<Dataset, DataError> {
    Ok(FilterSpec::apply_all(&options.filters, find(data, options)?)?)
}

fn find(data: &str, options: &DataOptions) -> Result<Dataset, DataError> {
    if data == demo::NAME {
        return demo::load(options);
    }
    if let Some(set) = known::find(data) {
        return known::Shelves::of_user().load(set, options);
    }
    let path = Path::new(data);
    if !path.exists() {
        return Err(unknown_data(data));
    }
    let mut loaded = load_files(&name_of(path), &[path.to_owned()], options)?;
    if let Some(set) = known::recognise(&loaded) {
        loaded.name.clone_from(&set.name);
    }
    Ok(loaded)
}

/// Neither a known name nor a file: which were meant?
pub(crate) fn unknown_data(data: &str) -> DataError {
    let path = Path::new(data);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| {
        let name = entry.file_name();
        if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) }
            .to_string_lossy()
            .into_owned()
    });
    let near = known::list()
        .iter()
        .map(|set| set.name.clone())
        .chain([demo::NAME.to_owned()])
        .chain(files)
        .map(|name| (strsim::damerau_levenshtein(&name, data), name))
        .filter(|(distance, name)| *distance <= 2 + name.len() / 4)
        .min();
    let ask = "`shillproof data list` lists the known data sets";
    let hint = near.map_or(ask.into(), |(_, name)| format!("did you mean `{name}`? {ask}"));
    DataError::NotFound { data: data.into(), hint }
}

/// Loads files that together are one data set, called `name`.
///
/// # Errors
/// If a file is not as it should be, or the filters leave too little.
pub fn load_files(name: &str, paths: &[PathBuf], options: &DataOptions) -> Result<Dataset, DataError> {
    let mut data = read::read(name, paths, options)?;
    if options.min_user.is_some() || options.min_item.is_some() {
        let rows = data.rows;
        let (user, item) = (options.min_user.unwrap_or(0), options.min_item.unwrap_or(0));
        data = filter::iter_core(&data, user, item).map_err(|_| too_few(name, options, 0, 0))?;
        data.rows = rows;
    } else {
        data = data.sealed();
    }
    if options.leaves_out() && (data.users.len() < 2 || data.items.len() < 2) {
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
