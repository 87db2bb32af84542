//! Reports: from records to tables, files and pages. Nothing is ever computed anew but means,
//! intervals and differences of what the records hold.

mod export;
pub mod html;
mod markdown;
mod page;
#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod part;
mod setting;
mod summary;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use html::seconds;
pub(crate) use setting::recipe;
pub use setting::{Setting, spelled};
pub(crate) use summary::target_of;
pub use summary::{Course, Report, Row, TargetValue, Unsettled};

use crate::stats::GroupedError;

/// A form of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page for people.
    Html,
    /// A table for a text.
    Markdown,
    /// Tidy rows for a spreadsheet.
    Csv,
    /// Everything, for programs.
    Json,
    /// Tidy rows for data tools.
    Parquet,
}

/// Why there is no report. Fragments that read well after "failed to report".
#[derive(Debug, Error)]
pub enum ReportError {
    /// Nothing to report.
    #[error("there are no records")]
    Empty,
    /// Two records say the same thing differently.
    #[error("{metric}: {source}")]
    Grouping {
        /// The metric.
        metric: String,
        /// What was wrong.
        source: GroupedError,
    },
    /// A format that does not exist.
    #[error("`{0}` is not a format: expected html, md, csv, json or parquet")]
    UnknownFormat(String),
    /// A format that this program was built without.
    #[error("this program was built without Parquet")]
    NoParquet,
    /// A table that its format refuses.
    #[error("cannot write {format}: {problem}")]
    Unwritable {
        /// The format.
        format: Format,
        /// Why not.
        problem: String,
    },
}

impl ReportError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Empty => Some("`shillproof run SPEC.toml --out DIR` makes records".into()),
            Self::NoParquet => Some("build it with `--features parquet`, or use `--format csv`".into()),
            Self::Grouping { .. } => Some("the folder mixes records that do not belong together".into()),
            Self::UnknownFormat(_) | Self::Unwritable { .. } => None,
        }
    }
}

impl FromStr for Format {
    type Err = ReportError;

    fn from_str(text: &str) -> Result<Self, ReportError> {
        Ok(match text {
            "html" => Self::Html,
            "md" | "markdown" => Self::Markdown,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "parquet" => Self::Parquet,
            other => return Err(ReportError::UnknownFormat(other.into())),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl Format {
    /// How files of this form end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }
}

impl Report {
    /// The report in this form.
    ///
    /// # Errors
    /// If the form was left out of this program or cannot hold the report.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, ReportError> {
        match format {
            Format::Html => Ok(page::html(self)?.into_bytes()),
            Format::Markdown => Ok(markdown::markdown(self).into_bytes()),
            Format::Csv => export::csv(self),
            Format::Json => export::json(self),
            #[cfg(feature = "parquet")]
            Format::Parquet => parquet::parquet(self),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(ReportError::NoParquet),
        }
    }
}

#[cfg(test)]
mod tests;
