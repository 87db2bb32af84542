//! Where known data sets lie on this machine.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::{KnownSet, counts};
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::load::load_files;
use crate::options::DataOptions;

/// Folders in which each known data set has a folder of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelves {
    /// `$SHILLPROOF_DATA`, which a person looks after.
    pub own: Option<PathBuf>,
    /// The user's cache, which [`get`](super::get()) fills.
    pub cache: Option<PathBuf>,
}

/// A known data set, found.
pub(super) struct Found {
    /// Its content.
    pub(super) data: Dataset,
    /// Its files.
    pub(super) files: Vec<PathBuf>,
    /// How they are read.
    pub(super) read: DataOptions,
}

impl Shelves {
    /// The folders of the user who runs this program.
    pub fn of_user() -> Self {
        let own = std::env::var_os("SHILLPROOF_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let cache = etcetera::choose_base_strategy()
            .ok()
            .map(|base| base.cache_dir().join("shillproof").join("data"));
        Self { own, cache }
    }

    /// The folders a known data set may lie in, whether they are there or not.
    pub fn folders(&self, set: &KnownSet) -> Vec<PathBuf> {
        [&self.own, &self.cache].into_iter().flatten().map(|shelf| shelf.join(set.folder())).collect()
    }

    /// Loads a known data set with the options of the user on top of its own.
    ///
    /// # Errors
    /// If it is not there, if what lies in its place is something else, or if an option does not apply.
    pub fn load(&self, set: &KnownSet, options: &DataOptions) -> Result<Dataset, DataError> {
        refuse_layout(&set.name, options)?;
        let mut first_mistake = None;
        for folder in self.folders(set) {
            match search(set, &folder) {
                Ok(Some(found)) => return found.with(set, options),
                Ok(None) => {}
                Err(error) => first_mistake = first_mistake.or(Some(error)),
            }
        }
        Err(first_mistake.unwrap_or_else(|| not_here(set)))
    }
}

/// Checks options, and refuses those that say how a file is laid out.
pub(crate) fn refuse_layout(name: &str, options: &DataOptions) -> Result<(), DataError> {
    options.check()?;
    let given = [
        ("--columns", options.columns.is_some()),
        ("--separator", options.separator.is_some()),
        ("--header", options.header.is_some()),
        ("--sequences", options.sequences.is_some()),
        ("--missing-times-last", options.missing_times_last),
    ];
    if let Some((option, _)) = given.into_iter().find(|g| g.1) {
        return Err(DataError::Setting {
            name: option,
            got: format!("given for the known data set {name}"),
            expected: "no such option: the layout of a known data set is known".into(),
            hint: "leave it out, or give the path of a file".into(),
        });
    }
    Ok(())
}

impl Found {
    fn with(self, set: &KnownSet, options: &DataOptions) -> Result<Dataset, DataError> {
        let read = DataOptions {
            implicit: self.read.implicit || options.implicit,
            min_rating: options.min_rating,
            // Cores are nested: the core of a core is the tighter of the two.
            min_user: self.read.min_user.max(options.min_user),
            min_item: self.read.min_item.max(options.min_item),
            rating_scale: options.rating_scale.or(self.read.rating_scale),
            ..self.read.clone()
        };
        if read == self.read {
            return Ok(self.data);
        }
        drop(self.data);
        load_files(&set.name, &self.files, &read)
    }
}

pub(super) fn not_here(set: &KnownSet) -> DataError {
    DataError::NotHere {
        name: set.name.clone(),
        hint: format!(
            "download it from {} ({}), then run `shillproof data get {} --from FILE`",
            set.page, set.licence, set.name
        ),
    }
}

/// Looks for a known data set in a folder: the usual files first, then any file that turns out to be it.
///
/// # Errors
/// If the usual files are there but cannot be read or hold something else, and no other file is it.
pub(super) fn search(set: &KnownSet, folder: &Path) -> Result<Option<Found>, DataError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut mistake = None;
    let usual: Option<Vec<PathBuf>> =
        set.files.iter().map(|file| packed_or_not(&folder.join(file))).collect();
    if let Some(files) = &usual {
        match attempt(set, files, &set.read) {
            Ok(found) => return Ok(Some(found)),
            Err(error) => mistake = Some(error),
        }
    }
    let io = |source| DataError::Io { path: folder.to_owned(), source };
    let mut others: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_file() && !usual.as_ref().is_some_and(|files| files.contains(&path)) {
            others.push(path);
        }
    }
    others.sort();
    for path in others {
        if let Ok(found) = recognise_file(set, &path) {
            return Ok(Some(found));
        }
    }
    mistake.map_or(Ok(None), Err)
}

/// Reads one file in each way in which it may be the data set.
///
/// # Errors
/// Those of reading it as its name and header say, or that it is something else.
pub(super) fn recognise_file(set: &KnownSet, path: &Path) -> Result<Found, DataError> {
    let files = [path.to_owned()];
    let anyhow = attempt(set, &files, &set.read_anyhow());
    if anyhow.is_ok() || set.files.len() > 1 {
        return anyhow;
    }
    attempt(set, &files, &set.read).or(anyhow)
}

fn attempt(set: &KnownSet, files: &[PathBuf], read: &DataOptions) -> Result<Found, DataError> {
    let data = load_files(&set.name, files, read)?;
    if set.is(&data) {
        return Ok(Found { data, files: files.to_vec(), read: read.clone() });
    }
    Err(DataError::Checksum {
        path: files.first().cloned().unwrap_or_default(),
        found: counts(data.users.len(), data.items.len(), data.interactions.len(), &data.checksum),
        expected: set.said(),
        hint: format!("download it again from {}, or load this file by its path", set.page),
    })
}

fn packed_or_not(path: &Path) -> Option<PathBuf> {
    ["", ".gz", ".xz", ".zst"].into_iter().find_map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    })
}
