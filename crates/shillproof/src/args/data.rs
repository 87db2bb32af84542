//! DATA and how to read it.

use clap::Args;
use shillproof_data::{DataOptions, Dataset, load, parse_rating_scale};

use crate::failure::{Failure, While};
use crate::session::Session;

/// How DATA is read, on every command that takes it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Data options")]
pub(crate) struct DataArgs {
    /// Meaning of the columns from the left, `_` skips one [default: from the header]
    #[arg(long, value_name = "NAMES")]
    columns: Option<String>,
    /// What stands between columns: a character, `::`, `tab` or `space` [default: found out]
    #[arg(long, value_name = "TEXT")]
    separator: Option<String>,
    /// Whether the first line names the columns [default: found out]
    #[arg(long, value_name = "BOOL")]
    header: Option<bool>,
    /// One user a line: `first-field` or `line-number`, then `,count` and `,unordered` where they hold
    #[arg(long, value_name = "KIND")]
    sequences: Option<String>,
    /// Rows without a time come last instead of being an error
    #[arg(long)]
    missing_times_last: bool,
    /// Drop rating values: every row is an interaction
    #[arg(long)]
    implicit: bool,
    /// Drop interactions rated lower
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    min_rating: Option<f32>,
    /// Keep users with at least N interactions (iterated with --min-item)
    #[arg(long, value_name = "N")]
    min_user: Option<usize>,
    /// Keep items with at least N interactions (iterated with --min-user)
    #[arg(long, value_name = "N")]
    min_item: Option<usize>,
    /// Legal ratings [default: observed minimum, maximum and smallest gap]
    #[arg(long, value_name = "MIN:MAX[:STEP]", allow_hyphen_values = true)]
    rating_scale: Option<String>,
}

impl DataArgs {
    /// The options as the readers take them.
    pub(crate) fn options(&self) -> Result<DataOptions, Failure> {
        let rating_scale = self.rating_scale.as_deref().map(parse_rating_scale).transpose();
        let sequences = self.sequences.as_deref().map(str::parse).transpose();
        Ok(DataOptions {
            columns: self.columns.clone(),
            separator: self.separator.clone(),
            header: self.header,
            sequences: sequences.when("read the command line")?,
            missing_times_last: self.missing_times_last,
            implicit: self.implicit,
            min_rating: self.min_rating,
            min_user: self.min_user,
            min_item: self.min_item,
            filters: Vec::new(),
            rating_scale: rating_scale.when("read the command line")?,
        })
    }

    /// Loads DATA and says on stderr what a person should know about it.
    pub(crate) fn load(&self, data: &str, session: &Session) -> Result<Dataset, Failure> {
        let dataset = load(data, &self.options()?).when(format!("load `{data}`"))?;
        for note in &dataset.notes {
            session.say(note);
        }
        Ok(dataset)
    }
}
