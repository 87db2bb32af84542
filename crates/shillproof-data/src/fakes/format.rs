//! Which format a file of fake users has.

use std::path::Path;
use std::str::FromStr;

use super::arlib;
use crate::dataset::Dataset;
use crate::error::DataError;

/// A format of fake users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakesFormat {
    /// Commas, with the header `user,item,rating` and, for profiles in order, `position`.
    Csv,
    /// The same with tabs.
    Tsv,
    /// RecBole's atomic file of interactions; the order within a profile is its `timestamp`.
    Inter,
    /// A poisoned data set of ARLib: a folder with `train.txt`, `val.txt` and `test.txt`.
    Arlib,
    /// Lists of items by fake user, as VAT and LoRec read them.
    Json,
}

impl FakesFormat {
    /// All of them, in the order of help.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Tsv, Self::Inter, Self::Arlib, Self::Json];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Inter => "inter",
            Self::Arlib => "arlib",
            Self::Json => "json",
        }
    }

    /// What the name of a file to write says: `.tsv`, `.inter` and `.json` are themselves, a folder (or a name that
    /// ends in a slash) is ARLib's, everything else CSV.
    pub fn of_name(path: &Path) -> Self {
        if path.is_dir() || path.to_string_lossy().ends_with(std::path::is_separator) {
            return Self::Arlib;
        }
        match path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).as_deref() {
            Some("tsv") => Self::Tsv,
            Some("inter") => Self::Inter,
            Some("json") => Self::Json,
            _ => Self::Csv,
        }
    }

    /// Says before fake users are made whether this format can be written there.
    ///
    /// # Errors
    /// For ARLib, if there is a file, or a folder that is not empty.
    pub fn check_place(self, path: &Path) -> Result<(), DataError> {
        if self == Self::Arlib { arlib::check_place(path) } else { Ok(()) }
    }

    /// Says before fake users are made whether this format can hold the labels of their data.
    ///
    /// # Errors
    /// For ARLib, if a label has blanks.
    pub fn check_labels(self, data: &Dataset) -> Result<(), DataError> {
        if self == Self::Arlib {
            arlib::check_labels(data.users.iter().chain(data.items.iter()))
        } else {
            Ok(())
        }
    }

    pub(super) fn looks_like_json(text: &[u8]) -> bool {
        matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
    }
}

impl FromStr for FakesFormat {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| DataError::Setting {
            name: "--as",
            got: format!("`{text}`"),
            expected: "`csv`, `tsv`, `inter`, `arlib` or `json`".into(),
            hint: "leave it out to have the format chosen by the name of the output".into(),
        })
    }
}
