//! What can be wrong with an experiment file.

use std::fmt;

use thiserror::Error;

/// An experiment file that cannot be run. Fragments that read well after "failed to read the experiment".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// The file cannot be read at all.
    #[error("cannot read {file}: {problem}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        problem: String,
    },
    /// Something in the file.
    #[error("{place}: {problem}")]
    Content {
        /// Where.
        place: Place,
        /// What was found, and what was expected.
        problem: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// A line of a file and the key there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Key, such as `threat.size`; empty for the file as a whole.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.key.is_empty() { Ok(()) } else { write!(f, ": `{}`", self.key) }
    }
}

impl SpecError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => {
                Some("`shillproof schema` says what an experiment file may hold".into())
            }
            Self::Content { hint, .. } => hint.clone(),
        }
    }
}
