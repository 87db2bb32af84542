//! Putting a known data set into the user's cache.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::shelves::{Found, not_here, recognise_file, search};
use super::{KnownSet, Shelves, find};
use crate::error::DataError;
use crate::load::unknown_data;

/// A known data set that is on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Got {
    /// Its name.
    pub name: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// Number of users.
    pub users: usize,
    /// Number of items.
    pub items: usize,
    /// Number of interactions.
    pub interactions: usize,
    /// Checksum of its content.
    pub checksum: String,
}

/// Puts a known data set into the user's cache: from a file, or a folder of its usual files, whose content
/// is checked. Without `from` it must be on this machine already: nothing is downloaded.
///
/// # Errors
/// If there is no known data set of this name, it is not on this machine, `from` holds something else, or
/// a file cannot be copied.
pub fn get(name: &str, from: Option<&Path>) -> Result<Got, DataError> {
    let set = find(name).ok_or_else(|| unknown_data(name))?;
    Shelves::of_user().get(set, from)
}

impl Shelves {
    /// As [`get()`], with these folders.
    ///
    /// # Errors
    /// As [`get()`].
    pub fn get(&self, set: &KnownSet, from: Option<&Path>) -> Result<Got, DataError> {
        let Some(from) = from else {
            for folder in self.folders(set) {
                if let Some(found) = search(set, &folder)? {
                    return Ok(Got::of(set, &found));
                }
            }
            return Err(not_here(set));
        };
        let (base, found) = if from.is_dir() {
            (from, search(set, from)?.ok_or_else(|| not_in(set, from))?)
        } else {
            if !from.is_file() {
                let source = std::io::Error::from(std::io::ErrorKind::NotFound);
                return Err(DataError::Io { path: from.to_owned(), source });
            }
            (from.parent().unwrap_or(from), recognise_file(set, from)?)
        };
        let cache = self.cache.as_ref().ok_or_else(|| DataError::NotHere {
            name: set.name.clone(),
            hint: "set SHILLPROOF_DATA to a folder and put the file into its folder of that name: this user has no cache"
                .into(),
        })?;
        let mut got = Got::of(set, &found);
        for file in &mut got.files {
            let place = cache.join(set.folder()).join(file.strip_prefix(base).unwrap_or(file));
            copy(file, &place)?;
            *file = place;
        }
        Ok(got)
    }
}

impl Got {
    fn of(set: &KnownSet, found: &Found) -> Self {
        Self {
            name: set.name.clone(),
            files: found.files.clone(),
            users: found.data.users.len(),
            items: found.data.items.len(),
            interactions: found.data.interactions.len(),
            checksum: found.data.checksum.clone(),
        }
    }
}

fn not_in(set: &KnownSet, folder: &Path) -> DataError {
    DataError::Checksum {
        path: folder.to_owned(),
        found: "no file of it".into(),
        expected: format!("{} in {}", set.said(), set.files.join(", ")),
        hint: format!("download it from {} and name the file or the folder of its files", set.page),
    }
}

/// Copies a file so that it appears whole or not at all.
fn copy(from: &Path, to: &Path) -> Result<(), DataError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DataError::Io { path, source }
    };
    let folder = to.parent().unwrap_or(to);
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let mut source = std::fs::File::open(from).map_err(io(from))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io(folder))?;
    std::io::copy(&mut source, &mut file).map_err(io(to))?;
    file.persist(to).map_err(|e| io(to)(e.error))?;
    Ok(())
}
