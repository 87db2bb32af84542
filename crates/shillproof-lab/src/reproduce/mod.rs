//! Tables and figures of papers: run again, set beside the published numbers, and judged by their claims.
//!
//! A file under `papers/` says what one table holds. Each of its cells is an experiment of its own: the
//! table's experiment with what its block (a data set), its row (an attack, say) and its column (a size)
//! change in it. Cells that share work, or are the same, are computed once.

mod claim;
mod file;
mod layout;
mod page;
mod result;
mod text;

pub use claim::{Claim, Judgement, Verdict};
pub use file::{Block, Column, PaperTable, Row, Scale, Statistic};
pub use layout::{Layout, Place};
pub use result::{Entry, Reproduction};

use include_dir::{Dir, include_dir};
use thiserror::Error;

use crate::report::ReportError;
use crate::spec::SpecError;

static PAPERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../papers");

/// Why a table cannot be reproduced. Fragments that read well after "failed to".
#[derive(Debug, Error)]
pub enum ReproduceError {
    /// No such table.
    #[error("find `{name}` among the tables and figures")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A file under `papers/` is not what it should be.
    #[error("read `{name}`: {problem}")]
    Malformed {
        /// The table.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// One of its cells is no experiment.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A data set was named that the table has not.
    #[error("replace the data of `{block}`: the table has {known}")]
    UnknownBlock {
        /// What was asked for.
        block: String,
        /// Names of its data sets.
        known: String,
    },
    /// Records that cannot be summarised.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl ReproduceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(name), .. } => Some(format!("did you mean `{name}`?")),
            Self::Unknown { .. } => Some("`shillproof reproduce --list` prints the names".into()),
            Self::UnknownBlock { .. } => Some("write --from NAME=FILE with one of these names".into()),
            Self::Spec(error) => error.hint(),
            Self::Malformed { .. } | Self::Report(_) => None,
        }
    }
}

/// Names of all tables and figures, such as `www20/table-1`, in order.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = PAPERS
        .dirs()
        .flat_map(Dir::files)
        .filter_map(|file| Some(file.path().to_str()?.strip_suffix(".toml")?.replace('\\', "/")))
        .collect();
    names.sort();
    names
}

/// The names that `wanted` stands for: a table, or all tables of a paper.
///
/// # Errors
/// If there is no such table or paper.
pub fn select(wanted: &str) -> Result<Vec<String>, ReproduceError> {
    let mut names = names();
    let all = names.clone();
    names.retain(|name| name == wanted || name.split('/').next() == Some(wanted));
    if names.is_empty() {
        let nearest = all
            .into_iter()
            .max_by(|a, b| strsim::jaro_winkler(a, wanted).total_cmp(&strsim::jaro_winkler(b, wanted)));
        return Err(ReproduceError::Unknown { name: wanted.into(), nearest });
    }
    Ok(names)
}

/// The table of this name.
///
/// # Errors
/// If there is none.
pub fn table(name: &str) -> Result<PaperTable, ReproduceError> {
    let text = |name: &str| {
        let text = PAPERS.get_file(format!("{name}.toml")).and_then(|file| file.contents_utf8());
        text.ok_or_else(|| ReproduceError::Unknown { name: name.into(), nearest: None })
    };
    PaperTable::parse(name, text(name)?, &|other| text(other))
}

#[cfg(test)]
mod tests;
