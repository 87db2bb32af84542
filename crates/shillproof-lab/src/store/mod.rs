//! Records on disk: one cell, one file, written by write-then-rename.
//!
//! `FOLDER/records/KEY.json` holds `{"sha256": .., "record": ..}`, the checksum being that of the
//! record's own bytes. A cell's record is there wholly or not at all, whatever kills the process and
//! whenever; writers never meet in one file, so several processes and machines may fill one folder;
//! and `cp`, `rsync` or any scheduler moves records about. A database in one file would give none of
//! the last two without a server. A file that was cut or edited is noticed by its checksum, set aside
//! as `KEY.json.torn`, and its cell runs again.

mod error;
mod merge;
mod record;
mod unfinished;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

pub use error::StoreError;
pub use merge::{Merged, merge};
pub use record::{Curves, FORMAT, Key, KeyError, Record, Seconds, Status, Versions};
pub use unfinished::Unfinished;

const RECORDS: &str = "records";
const SPEC: &str = "spec.toml";

/// A folder of records.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// All records of a folder.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Ordered by key.
    pub records: Vec<Record>,
    /// What a person should be told: files set aside.
    pub warnings: Vec<String>,
}

/// A file's content.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    sha256: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl Store {
    /// Opens a folder, and makes it where it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn create(folder: &Path) -> Result<Self, StoreError> {
        let records = folder.join(RECORDS);
        fs::create_dir_all(&records).map_err(|source| StoreError::io("make", &records, source))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Opens a folder that a run has filled.
    ///
    /// # Errors
    /// If it is no such folder.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        if folder.join(RECORDS).is_dir() {
            Ok(Self { folder: folder.to_owned() })
        } else {
            Err(StoreError::NoRecords { folder: folder.to_owned() })
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the fake users of this key wait for the rest of them.
    pub fn unfinished(&self, key: &Key) -> Unfinished {
        Unfinished::new(&self.folder, key)
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(RECORDS).join(format!("{key}.json"))
    }

    /// Writes a record. Afterwards it is on disk wholly; killed before, nothing is.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn put(&self, record: &Record) -> Result<(), StoreError> {
        let body = serde_json::value::to_raw_value(record)
            .map_err(|source| StoreError::Encode { key: record.key.clone(), source })?;
        let sealed = Sealed { sha256: checksum(body.get()), record: &body };
        let mut text = serde_json::to_vec(&sealed)
            .map_err(|source| StoreError::Encode { key: record.key.clone(), source })?;
        text.push(b'\n');
        write_whole(&self.path(&record.key), &text)
    }

    /// The record of a cell, if there is one. A file that is not whole is set aside and told to `warn`.
    ///
    /// # Errors
    /// If a file cannot be read or set aside, or was made by a newer version.
    pub fn get(&self, key: &Key, warn: &mut dyn FnMut(String)) -> Result<Option<Record>, StoreError> {
        let path = self.path(key);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::io("read", &path, source)),
        };
        match decode(&text, key, &path)? {
            Ok(record) => Ok(Some(record)),
            Err(why) => {
                let aside = path.with_extension("json.torn");
                fs::rename(&path, &aside).map_err(|source| StoreError::io("set aside", &path, source))?;
                warn(format!("{} {why}: set aside as {}", path.display(), aside.display()));
                Ok(None)
            }
        }
    }

    /// All records, ordered by key. Files that are not whole are set aside.
    ///
    /// # Errors
    /// If the folder or a file cannot be read, or a record was made by a newer version.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let folder = self.folder.join(RECORDS);
        let listing = || {
            fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()
        };
        let names = listing().map_err(|source| StoreError::io("list", &folder, source))?;
        let mut keys: Vec<Key> =
            names.iter().filter_map(|name| name.to_str()?.strip_suffix(".json")?.parse().ok()).collect();
        keys.sort();
        let mut loaded = Loaded::default();
        for key in &keys {
            let record = self.get(key, &mut |text| loaded.warnings.push(text))?;
            loaded.records.extend(record);
        }
        Ok(loaded)
    }

    /// Writes the resolved experiment file beside the records.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn put_spec(&self, toml: &str) -> Result<(), StoreError> {
        write_whole(&self.folder.join(SPEC), toml.as_bytes())
    }

    /// The resolved experiment file, if a run has left one.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn spec(&self) -> Result<Option<String>, StoreError> {
        let path = self.folder.join(SPEC);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io("read", &path, source)),
        }
    }
}

fn checksum(body: &str) -> String {
    record::hex(&Sha256::digest(body.as_bytes()))
}

/// The record in `text`, or why it is not whole.
fn decode(text: &[u8], key: &Key, path: &Path) -> Result<Result<Record, String>, StoreError> {
    let sealed: Sealed<'_> = match serde_json::from_slice(text) {
        Ok(sealed) => sealed,
        Err(error) => return Ok(Err(format!("is cut short or no record ({error})"))),
    };
    if checksum(sealed.record.get()) != sealed.sha256 {
        return Ok(Err("was changed after it was written (its checksum does not fit)".into()));
    }
    // Whole, so whatever does not read now is of another version, not damage.
    let record: Record = serde_json::from_str(sealed.record.get())
        .map_err(|source| StoreError::Foreign { path: path.to_owned(), source })?;
    if record.key == *key { Ok(Ok(record)) } else { Ok(Err(format!("holds the record of {}", record.key))) }
}

/// Writes a file so that it is there wholly or not at all, also after a power cut.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".writing-");
        // Like any other file: what others may read is the umask's affair.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        // The rename itself is on disk only once the folder is.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|source| StoreError::io("write", path, source))
}

#[cfg(test)]
mod tests;
