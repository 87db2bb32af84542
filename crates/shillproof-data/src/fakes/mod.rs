//! Fake users in files: ours and those of other tools.
//!
//! Every format holds labels, never internal ids, and reads back what was written: labels, profiles, ratings and,
//! where the format has one, the order within a profile. `docs/formats.md` shows each of them.

mod arlib;
mod collect;
mod format;
mod item_map;
mod json;
mod table;

use std::path::Path;

use shillproof_core::{FakeProfiles, ItemId};

use crate::dataset::Dataset;
use crate::error::{DataError, quote};
use crate::labels::Labels;
use crate::read::source::{self, Content};
use crate::split::Split;

pub use format::FakesFormat;
pub use item_map::ItemMap;

/// Fake users with their labels.
///
/// ```
/// use shillproof_core::{FakeProfiles, ItemId, Profile};
/// use shillproof_data::{FakeUsers, FakesFormat, FakesOptions, demo};
///
/// let data = demo();
/// let profile = Profile { entries: vec![(ItemId(3), 5.0), (ItemId(8), 4.0)] };
/// let users = FakeUsers::new(FakeProfiles { profiles: vec![profile; 2], ..FakeProfiles::default() }, &data);
/// assert_eq!(users.labels, ["fake-0001", "fake-0002"]);
///
/// let folder = tempfile::tempdir()?;
/// let poison = folder.path().join("poison");
/// users.save(&poison, FakesFormat::Arlib, &data, None)?;
/// assert_eq!(FakeUsers::read(&poison, &data, &FakesOptions::default())?, users);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FakeUsers {
    /// One a fake user. Read from a file, they are sorted as [`Labels`] are.
    pub labels: Vec<String>,
    /// One profile a label.
    pub fakes: FakeProfiles,
    /// The items to push, where a JSON file names them.
    pub targets: Vec<ItemId>,
    /// What a person should be told about the file.
    pub notes: Vec<String>,
}

/// How a file of fake users is read. By default its items are labels of the data, and each is there once a fake user.
#[derive(Clone, Debug, Default)]
pub struct FakesOptions {
    /// What the items of the file are called in the data.
    pub item_map: Option<ItemMap>,
    /// Of an item that a fake user has several times, take the first instead of refusing the file.
    pub first_of_repeated: bool,
}

/// Labels for `n` fake users that no genuine user has: `fake-0001`, `fake-0002`, …, with more digits for
/// more users and a longer prefix where the data has such labels itself. Sorted, they stay in this order.
pub fn fake_labels(n: usize, users: &Labels) -> Vec<String> {
    let width = n.to_string().len().max(4);
    let mut prefix = String::from("fake-");
    loop {
        let labels: Vec<String> = (1..=n).map(|v| format!("{prefix}{v:0width$}")).collect();
        if labels.iter().all(|label| users.find(label).is_none()) {
            return labels;
        }
        prefix.push_str("fake-");
    }
}

impl FakeUsers {
    /// Crafted profiles under the labels of [`fake_labels`].
    pub fn new(fakes: FakeProfiles, data: &Dataset) -> Self {
        let labels = fake_labels(fakes.profiles.len(), &data.users);
        Self { labels, fakes, ..Self::default() }
    }

    /// Reads fake users for `data` from a file or folder of any [`FakesFormat`], recognised by its content; text may
    /// be packed as `.gz`, `.xz` or `.zst`. They come in the order of their sorted labels, each profile in the order
    /// of its `position` or `timestamp` column or of its list, otherwise in that of the rows. On implicit data every
    /// positive rating is 1.
    ///
    /// # Errors
    /// If an item is not in the data, a user is genuine, a rating is off the scale, or a user and an item are there
    /// twice; if the genuine rows of a folder are not those of the data; or if the file cannot be read.
    pub fn read(path: &Path, data: &Dataset, options: &FakesOptions) -> Result<Self, DataError> {
        let collector = collect::Collector::new(data, options);
        if path.is_dir() {
            return arlib::read(path, collector);
        }
        match source::open(path)? {
            Content::Text(lines) if FakesFormat::looks_like_json(lines.beginning()) => {
                json::read(lines, collector)
            }
            Content::Text(lines) => table::read(lines, collector),
            Content::Parquet => Err(DataError::Malformed {
                place: crate::Place::file(path),
                found: "a Parquet file".into(),
                expected: "fake users as CSV, TSV, .inter, JSON or an ARLib folder".into(),
                hint: "export the table as CSV with the header `user,item,rating`".into(),
            }),
        }
    }

    /// Writes the fake users; [`FakeUsers::read`] gives the same labels and profiles to the last bit. A file is
    /// overwritten. A folder must be new or empty, and appears when it is whole or not at all: its `train.txt` has
    /// the genuine rows with the fake ones behind them, `val.txt` and `test.txt` what `parts` holds out of `data`.
    /// Queries spent are not part of any format, nor are targets but of JSON.
    ///
    /// # Errors
    /// If a profile has an item that is not in the data or a rating that is not finite, if a label, an order or an
    /// empty profile has no form in this format, or if writing fails.
    pub fn save(
        &self,
        path: &Path,
        format: FakesFormat,
        data: &Dataset,
        parts: Option<&Split>,
    ) -> Result<(), DataError> {
        self.check(data)?;
        let text = match format {
            FakesFormat::Csv => table::write(self, data, table::Style::Csv)?,
            FakesFormat::Tsv => table::write(self, data, table::Style::Tsv)?,
            FakesFormat::Inter => table::write(self, data, table::Style::Inter)?,
            FakesFormat::Json => json::write(self, data),
            FakesFormat::Arlib => return arlib::write(path, self, data, parts),
        };
        std::fs::write(path, text).map_err(|source| DataError::Io { path: path.to_owned(), source })
    }

    /// Refuses what our own reader would refuse.
    fn check(&self, data: &Dataset) -> Result<(), DataError> {
        crate::write::check_labels(self.labels.iter().map(String::as_str).chain(data.items.iter()))?;
        for (label, entries) in self.rows() {
            if label.trim().is_empty() {
                return Err(DataError::Unwritable {
                    what: format!("the label {} of a fake user: it is blank", quote(label.as_bytes())),
                    hint: "give fake users labels of printable characters".into(),
                });
            }
            let wrong =
                |(item, rating): &&(ItemId, f32)| item.index() >= data.items.len() || !rating.is_finite();
            if let Some((item, rating)) = entries.iter().find(wrong) {
                return Err(DataError::Unwritable {
                    what: format!(
                        "item number {} with rating {rating} of {}",
                        item.0,
                        quote(label.as_bytes())
                    ),
                    hint: "profiles need items of the data and finite ratings".into(),
                });
            }
        }
        Ok(())
    }

    /// Labels with their entries.
    fn rows(&self) -> impl Iterator<Item = (&str, &[(ItemId, f32)])> {
        self.labels.iter().map(String::as_str).zip(self.fakes.profiles.iter().map(|p| &p.entries[..]))
    }
}

/// The profiles of [`FakeUsers::read`] with default options.
///
/// # Errors
/// As [`FakeUsers::read`].
pub fn read_fakes(path: &Path, data: &Dataset) -> Result<FakeProfiles, DataError> {
    FakeUsers::read(path, data, &FakesOptions::default()).map(|read| read.fakes)
}

#[cfg(test)]
mod tests;
