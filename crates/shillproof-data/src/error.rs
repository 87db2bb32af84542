//! Why data could not be read or written.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::filter::FilterError;

/// A file, and a line in it where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1 (row, for Parquet); none when the file as a whole is meant.
    pub line: Option<u64>,
}

impl Place {
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), line: None }
    }

    pub(crate) fn line(path: &Path, line: u64) -> Self {
        Self { path: path.to_owned(), line: Some(line) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// Why data could not be read or written. Fragments that read well after "failed to load `DATA`:".
#[derive(Debug, Error)]
pub enum DataError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A filter cannot be applied.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Neither a known data set nor a file.
    #[error("`{data}` is neither a file nor a known data set")]
    NotFound {
        /// What was asked for.
        data: String,
        /// What to do instead.
        hint: String,
    },
    /// Content that is not as it should be.
    #[error("{place}: found {found}, expected {expected}")]
    Malformed {
        /// Where.
        place: Place,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do about it.
        hint: String,
    },
    /// An option that cannot be.
    #[error("option `{name}` is {got}, expected {expected}")]
    Setting {
        /// Field of `DataOptions`, as a flag is spelled.
        name: &'static str,
        /// What it was.
        got: String,
        /// What it may be.
        expected: String,
        /// What to do about it.
        hint: String,
    },
    /// A filter took everything, or nearly.
    #[error("{filter} leave {users} users and {items} items of {data}, expected at least 2 of each")]
    TooFew {
        /// The filters in force.
        filter: String,
        /// Name of the data.
        data: String,
        /// Users left.
        users: usize,
        /// Items left.
        items: usize,
    },
    /// A known data set that is not on this machine.
    #[error("data set `{name}` is known, but not on this machine")]
    NotHere {
        /// Its name.
        name: String,
        /// Where to get it and what to run then.
        hint: String,
    },
    /// Content that is not the known data set it is said to be.
    #[error("{}: found {found}, expected {expected}", path.display())]
    Checksum {
        /// The file or folder.
        path: PathBuf,
        /// Counts and checksum found.
        found: String,
        /// Name, counts and checksum of the known data set.
        expected: String,
        /// What to do about it.
        hint: String,
    },
    /// Data that this format cannot hold.
    #[error("cannot write {what}")]
    Unwritable {
        /// What, and why not.
        what: String,
        /// What to do instead.
        hint: String,
    },
}

impl DataError {
    /// What to do about it, for a person.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => Some("check that you may read the file".into()),
                std::io::ErrorKind::NotFound => Some("check the path".into()),
                _ => None,
            },
            Self::Filter(error) => error.hint(),
            Self::TooFew { .. } => Some(
                "lower or leave out `--min-rating`, `--min-user` and `--min-item`, or give more data".into(),
            ),
            Self::NotFound { hint, .. }
            | Self::Malformed { hint, .. }
            | Self::Setting { hint, .. }
            | Self::NotHere { hint, .. }
            | Self::Checksum { hint, .. }
            | Self::Unwritable { hint, .. } => Some(hint.clone()),
        }
    }
}

/// Text for an error message: in backquotes, cut short, without control characters.
pub(crate) fn quote(bytes: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * LONGEST)]);
    let mut short: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < bytes.len() && text.chars().count() > LONGEST {
        short.push('…');
    }
    format!("`{short}`")
}
