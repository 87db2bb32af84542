//! What one cell left behind.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::metrics::Measure;
use crate::plan::{Cell, DatasetFacts};

/// Version of records and of the keys that address them. A change of what a key is computed from,
/// or of what a measured number means, raises it, so that old records are never taken for new ones.
pub const FORMAT: u32 = 2;

/// Address of a cell: a hash of its resolved description, its seed, the data's checksum and [`FORMAT`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// Hex digits of a key.
    pub const LENGTH: usize = 24;

    /// The key of anything serialisable. The order of fields and of table keys does not count.
    pub fn of<T: Serialize>(value: &T) -> Self {
        let value = serde_json::to_value(value).expect("invariant: specs are plain values with text keys");
        let mut text = String::new();
        canonical(&value, &mut text);
        Self(hex(&Sha256::digest(text.as_bytes()))[..Self::LENGTH].to_owned())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that no key looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key: expected {len} hex digits, as `shillproof plan` prints them", len = Key::LENGTH)]
pub struct KeyError(String);

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == Self::LENGTH && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError(text.to_owned()))
        }
    }
}

/// JSON with sorted keys and no blanks, whatever order the map type keeps.
fn canonical(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in entries {
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for value in list {
                canonical(value, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS[usize::from(n)] as char;
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// What an attack reports of its course, by name, such as the reward of each stretch of learning.
pub type Curves = std::collections::BTreeMap<String, Vec<f32>>;

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Status {
    /// Measured.
    Done {
        /// Labels of the targets.
        targets: Vec<String>,
        /// What came out.
        measures: Vec<Measure>,
        /// What a reader should know, such as a target that was popular already.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// How the attack went while it learned, by name; values in equal steps, at most a few hundred.
        #[serde(default, skip_serializing_if = "Curves::is_empty")]
        curves: Curves,
    },
    /// Cannot be, by its own description: an attack that has no form for this objective, say. Not tried again.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Went wrong. Tried again by the next run.
    Failed {
        /// What went wrong, with its causes.
        error: String,
    },
}

/// Seconds that parts of a cell took. They differ from run to run, so nothing compares them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seconds {
    /// Wall clock from start to end.
    pub total: f64,
    /// Named parts, such as `fit`, `craft` and `rank`; work shared with another cell is counted where it was done.
    pub parts: Vec<(String, f64)>,
    /// What crafting the fake users of this cell took, wherever it was done; where a smaller attack is the first part of
    /// a larger one, the larger one.
    pub attack: f64,
}

/// What made a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Versions {
    /// Version of Shillproof.
    pub shillproof: String,
    /// [`FORMAT`] at that time.
    pub format: u32,
}

impl Versions {
    /// Those of this program.
    pub fn current() -> Self {
        Self { shillproof: env!("CARGO_PKG_VERSION").to_owned(), format: FORMAT }
    }
}

/// One cell and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Address of the cell.
    pub key: Key,
    /// The cell, fully resolved.
    pub cell: Cell,
    /// The data it ran on.
    pub data: DatasetFacts,
    /// What made it.
    pub versions: Versions,
    /// How it ended.
    #[serde(flatten)]
    pub status: Status,
    /// How long it took.
    pub seconds: Seconds,
}

impl Record {
    /// The record without what may differ between two runs of one cell: its seconds.
    #[must_use]
    pub fn comparable(&self) -> Self {
        Self { seconds: Seconds::default(), ..self.clone() }
    }

    /// The measured numbers; none unless the cell is done.
    pub fn measures(&self) -> &[Measure] {
        match &self.status {
            Status::Done { measures, .. } => measures,
            Status::Skipped { .. } | Status::Failed { .. } => &[],
        }
    }

    /// Whether a rerun leaves this cell alone: it is done, or cannot be done.
    pub fn is_settled(&self) -> bool {
        !matches!(self.status, Status::Failed { .. })
    }
}
