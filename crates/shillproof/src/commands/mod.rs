//! One file a command: its arguments, and the call that carries it out.

pub(crate) mod audit;
mod catalogue;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod craft;
pub(crate) mod data;
pub(crate) mod detect;
pub(crate) mod explain;
pub(crate) mod leaderboard;
pub(crate) mod list;
pub(crate) mod measure;
pub(crate) mod merge;
pub(crate) mod plan;
pub(crate) mod recommend;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod schema;

use std::path::Path;

use serde::Serialize;
use shillproof_core::FakeProfiles;
use shillproof_data::{Dataset, read_fakes};

use crate::failure::{Failure, While};

/// How a command ended, errors aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done: exit code 0.
    Done,
    /// A robustness gate failed: exit code 1.
    GateFailed,
}

/// Fake users in JSON.
#[derive(Serialize)]
struct Fakes {
    users: usize,
    interactions: usize,
}

impl Fakes {
    fn of(fakes: Option<&FakeProfiles>) -> Self {
        let count = |of: fn(&FakeProfiles) -> usize| fakes.map_or(0, of);
        Self { users: count(|f| f.profiles.len()), interactions: count(FakeProfiles::interactions) }
    }
}

/// A data set in JSON.
#[derive(Serialize)]
struct DatasetSummary {
    name: String,
    users: usize,
    items: usize,
    interactions: usize,
    checksum: String,
}

impl DatasetSummary {
    fn of(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            users: data.users.len(),
            items: data.items.len(),
            interactions: data.interactions.len(),
            checksum: data.checksum.clone(),
        }
    }
}

/// The fake users of `--fakes`, if it is given.
fn read_fakes_of(file: Option<&Path>, data: &Dataset) -> Result<Option<FakeProfiles>, Failure> {
    let read =
        |path: &Path| read_fakes(path, data).when(format!("read the fake users in `{}`", path.display()));
    file.map(read).transpose()
}

/// Says before the work that its result would have no place to go to.
pub(crate) fn check_place(out: &Path) -> Result<(), Failure> {
    match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(Failure::new(format!(
            "failed to write `{}`: there is no folder `{}`",
            out.display(),
            folder.display()
        ))
        .hint("make the folder first")),
        _ => Ok(()),
    }
}
