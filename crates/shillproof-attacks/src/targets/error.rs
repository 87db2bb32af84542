//! Why nothing was selected.

use std::path::PathBuf;

use thiserror::Error;

/// Why no targets or no audience were selected. Fragments that read well after "failed to select".
#[derive(Debug, Error)]
pub enum SelectError {
    /// Text that is not a rule.
    #[error("`{text}` is not a rule for {what}")]
    Rule {
        /// What was found.
        text: String,
        /// What it should have selected.
        what: &'static str,
        /// The rules there are.
        rules: &'static str,
    },
    /// A number out of range.
    #[error("`{rule}` says {got}, expected {expected}")]
    Number {
        /// The rule.
        rule: String,
        /// What was found.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A label that the data does not have.
    #[error("{place}: the data has no {kind} `{label}`")]
    UnknownLabel {
        /// Item or user.
        kind: &'static str,
        /// The label.
        label: String,
        /// Where it was named.
        place: String,
        /// A label that may have been meant.
        near: Option<String>,
    },
    /// The same label twice.
    #[error("{place}: {kind} `{label}` is named a second time")]
    Twice {
        /// Item or user.
        kind: &'static str,
        /// The label.
        label: String,
        /// Where it was named again.
        place: String,
    },
    /// An empty list of labels.
    #[error("not one {kind} is named")]
    Nothing {
        /// Item or user.
        kind: &'static str,
    },
    /// Fewer than asked for.
    #[error("`{rule}` asks for {wanted} {what}, but only {found} qualify")]
    TooFew {
        /// The rule.
        rule: String,
        /// Asked for.
        wanted: usize,
        /// There are.
        found: usize,
        /// Items or users.
        what: &'static str,
    },
    /// A rule about predicted ratings, and there are none.
    #[error("targets near a rating take average predicted ratings, which this victim does not give")]
    NeedsPredictions,
    /// A file that cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl SelectError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Rule { rules, .. } => Some(format!("write {rules}")),
            Self::Number { .. } => None,
            Self::UnknownLabel { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::UnknownLabel { kind, .. } => {
                Some(format!("labels are compared exactly as the {kind} column of the data spells them"))
            }
            Self::Twice { .. } => Some("name every label once".into()),
            Self::Nothing { kind } => Some(format!("give at least one {kind} label")),
            Self::TooFew { .. } => Some("ask for fewer, or widen the rule".into()),
            Self::NeedsPredictions => Some("use a victim that predicts ratings, such as `als`".into()),
            Self::File { .. } => Some("expected a text file in UTF-8 with one label a line".into()),
        }
    }
}
