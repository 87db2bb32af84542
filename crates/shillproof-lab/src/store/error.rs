//! Why records could not be kept.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Key;

/// Why records could not be kept or read. Fragments that read well after "failed to run".
#[derive(Debug, Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a folder that a run has filled.
    #[error("{} holds no records", folder.display())]
    NoRecords {
        /// The folder.
        folder: PathBuf,
    },
    /// A record that is whole, and still does not read.
    #[error("{} was written by another version of shillproof: {source}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What did not fit.
        source: serde_json::Error,
    },
    /// A record that is no JSON.
    #[error("record {key} cannot be written as JSON: {source}")]
    Encode {
        /// Its cell.
        key: Key,
        /// Why.
        source: serde_json::Error,
    },
    /// Two folders disagree.
    #[error("{} and {} hold different results for the same cell: they differ in {difference}", ours.display(), theirs.display())]
    Conflict {
        /// The record that is there already.
        ours: PathBuf,
        /// The record that was to be added.
        theirs: PathBuf,
        /// The first thing in which they differ.
        difference: String,
    },
    /// Nothing to merge.
    #[error("no folders to merge were given")]
    NothingToMerge,
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("make room and run again: what is finished is kept".into())
            }
            Self::NoRecords { .. } => Some("`shillproof run SPEC.toml --out DIR` fills a folder with records".into()),
            Self::Foreign { .. } => Some("use the version that wrote it, or run into another folder".into()),
            Self::Conflict { .. } => Some(
                "the same cell must give the same bytes: compare the versions in both records, and keep the folder you trust".into(),
            ),
            Self::NothingToMerge => Some("write `shillproof merge DIR1 DIR2 --out DIR`".into()),
            Self::Io { .. } | Self::Encode { .. } => None,
        }
    }
}
