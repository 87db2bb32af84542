//! Known data sets: what they are called, how their files are read, and how they are recognised.

mod get;
mod shelves;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::options::DataOptions;

pub use get::{Got, get};
pub use shelves::Shelves;
pub(crate) use shelves::refuse_layout;

/// A data set that is recognised by its content, whatever file it comes in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownSet {
    /// What it is called; views of one data set share the part before a `/`.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Where to get it.
    pub page: String,
    /// What is known of its licence, in a few words; not legal advice.
    pub licence: String,
    /// The files it usually comes as, which are read together. Each may be packed.
    pub files: Vec<String>,
    /// How these files are read.
    pub read: DataOptions,
    /// Number of users.
    pub users: usize,
    /// Number of items.
    pub items: usize,
    /// Number of interactions, each user and item once.
    pub interactions: usize,
    /// Rows of the usual files, where they repeat interactions or are filtered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Checksum of its canonical content.
    pub checksum: String,
    /// Checksum of its content without times, where copies differ in times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratings_checksum: Option<String>,
    /// What its publisher and papers say of it.
    #[serde(default)]
    pub published: Vec<Published>,
}

/// Published statistics of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Who says so.
    pub source: String,
    /// Number of users.
    #[serde(default)]
    pub users: Option<usize>,
    /// Number of items.
    #[serde(default)]
    pub items: Option<usize>,
    /// Number of interactions.
    #[serde(default)]
    pub interactions: Option<usize>,
    /// Why it may differ from ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    set: Vec<KnownSet>,
}

static SETS: LazyLock<Vec<KnownSet>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("sets.toml")).expect("the table of known sets is tested").set
});

/// All known data sets that come in files, by name of data set and view.
pub fn list() -> &'static [KnownSet] {
    &SETS
}

/// The known data set of this name.
pub fn find(name: &str) -> Option<&'static KnownSet> {
    list().iter().find(|set| set.name == name)
}

/// The known data set that has this content; one that agrees in times as well comes first.
pub fn recognise(data: &Dataset) -> Option<&'static KnownSet> {
    let exact = list().iter().find(|set| set.checksum == data.checksum);
    exact.or_else(|| list().iter().filter(|set| set.ratings_checksum.is_some()).find(|set| set.is(data)))
}

impl KnownSet {
    /// Whether `data` is this data set.
    pub fn is(&self, data: &Dataset) -> bool {
        if self.checksum == data.checksum {
            return true;
        }
        let counts = (data.users.len(), data.items.len(), data.interactions.len());
        counts == (self.users, self.items, self.interactions)
            && data.interactions.has_times()
            && self.ratings_checksum.as_ref().is_some_and(|known| *known == data.checksum_without_times())
    }

    /// The folder of its files, and of those of its other views.
    pub fn folder(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    /// Whether it has ratings.
    pub fn is_explicit(&self) -> bool {
        self.read.rating_scale.is_some()
    }

    /// How a file of unknown layout is read so that it may turn out to be this data set.
    fn read_anyhow(&self) -> DataOptions {
        DataOptions {
            implicit: !self.is_explicit(),
            rating_scale: self.read.rating_scale,
            min_user: self.read.min_user,
            min_item: self.read.min_item,
            ..DataOptions::default()
        }
    }

    fn said(&self) -> String {
        format!("{}: {}", self.name, counts(self.users, self.items, self.interactions, &self.checksum))
    }
}

fn counts(users: usize, items: usize, interactions: usize, checksum: &str) -> String {
    format!("{users} users, {items} items, {interactions} interactions with checksum {checksum}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut names = std::collections::BTreeSet::new();
        for set in list() {
            assert!(names.insert(&set.name), "{} twice", set.name);
            assert!(
                set.checksum.len() == 64 && set.checksum.bytes().all(|b| b.is_ascii_hexdigit()),
                "{}",
                set.name
            );
            assert!(!set.files.is_empty() && set.page.starts_with("https://"), "{}", set.name);
            assert!(
                set.is_explicit()
                    != (set.read.implicit
                        || set.read.sequences.is_some()
                        || set.read.columns.as_deref() == Some("user,item")),
                "{}",
                set.name
            );
            set.read.check().unwrap();
            assert_eq!(find(&set.name), Some(set));
        }
        let checksums: std::collections::BTreeSet<_> = list().iter().map(|set| &set.checksum).collect();
        assert_eq!(checksums.len(), list().len());
    }
}
