//! How a file is to be read.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::RatingScale;

use crate::error::DataError;
use crate::filter::FilterSpec;

/// How to read data, and what to keep of it. The default finds everything out from the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataOptions {
    /// Meaning of the columns from the left, such as `user,item,rating,timestamp`; `_` skips one.
    pub columns: Option<String>,
    /// What stands between columns: `,` `;` `|` `::`, or `tab` or `space` (one or more blanks).
    pub separator: Option<String>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
    /// The file has one user a line rather than one interaction a line.
    pub sequences: Option<Sequences>,
    /// Rows without a time come after the user's others, by item; otherwise such rows are an error.
    pub missing_times_last: bool,
    /// Drops rating values: every row is an interaction.
    pub implicit: bool,
    /// Drops interactions rated lower than this.
    pub min_rating: Option<f32>,
    /// Keeps users with at least so many interactions, iterated together with `min_item`.
    pub min_user: Option<usize>,
    /// Keeps items with at least so many interactions, iterated together with `min_user`.
    pub min_item: Option<usize>,
    /// What is done to the data once it is read, one after another.
    pub filters: Vec<FilterSpec>,
    /// Legal ratings; without it the observed minimum, maximum and smallest gap.
    pub rating_scale: Option<RatingScale>,
}

/// Files of one user a line: the user's items, separated by blanks or the separator given. A user may
/// have several lines, also of one item each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sequences {
    /// Who the user is.
    pub user: SequenceUser,
    /// The number of items stands before the items.
    pub count: bool,
    /// The order of the items means nothing; otherwise a user's items, over all lines, come oldest first.
    pub unordered: bool,
}

/// Who the user of a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SequenceUser {
    /// The line's first field.
    #[default]
    FirstField,
    /// The number of the line, from 0.
    LineNumber,
}

impl FromStr for Sequences {
    type Err = DataError;

    /// Words joined by commas: `first-field` or `line-number`, then `count` and `unordered` where they hold.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let mut out = Self::default();
        for word in text.split(',') {
            match word.trim() {
                "first-field" => out.user = SequenceUser::FirstField,
                "line-number" => out.user = SequenceUser::LineNumber,
                "count" => out.count = true,
                "unordered" => out.unordered = true,
                _ => {
                    return Err(DataError::Setting {
                        name: "--sequences",
                        got: format!("`{text}`"),
                        expected:
                            "`first-field` or `line-number`, and `,count` or `,unordered` where they hold"
                                .into(),
                        hint: "for lines `user item item ...` write `--sequences first-field`".into(),
                    });
                }
            }
        }
        Ok(out)
    }
}

/// The legal ratings from `MIN:MAX` (in steps of 1) or `MIN:MAX:STEP`.
///
/// # Errors
/// If the text is not two or three numbers, or they are no scale.
///
/// ```
/// let halves = shillproof_data::parse_rating_scale("0.5:5:0.5")?;
/// assert_eq!(halves.levels().len(), 10);
/// # Ok::<(), shillproof_data::DataError>(())
/// ```
pub fn parse_rating_scale(text: &str) -> Result<RatingScale, DataError> {
    let wrong = || DataError::Setting {
        name: "--rating-scale",
        got: format!("`{text}`"),
        expected: "MIN:MAX or MIN:MAX:STEP with MIN <= MAX and STEP > 0".into(),
        hint: "for whole stars from 1 to 5 write `--rating-scale 1:5:1`".into(),
    };
    let numbers: Vec<f32> =
        text.split(':').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    match numbers[..] {
        [min, max] => RatingScale::new(min, max, 1.0),
        [min, max, step] => RatingScale::new(min, max, step),
        _ => return Err(wrong()),
    }
    .map_err(|_| wrong())
}

impl DataOptions {
    /// Whether some interactions are left out.
    pub(crate) fn leaves_out(&self) -> bool {
        self.min_rating.is_some() || self.min_user.is_some() || self.min_item.is_some()
    }

    /// Checks what can be checked before a file is opened.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        if let Some(least) = self.min_rating
            && !least.is_finite()
        {
            return Err(DataError::Setting {
                name: "--min-rating",
                got: least.to_string(),
                expected: "a finite number".into(),
                hint: "for positives of a 1 to 5 scale write `--min-rating 4`".into(),
            });
        }
        // A scale may come from a file of settings, past `RatingScale::new`.
        if let Some(scale) = self.rating_scale {
            parse_rating_scale(&format!("{}:{}:{}", scale.min, scale.max, scale.step))?;
        }
        if self.sequences.is_some() && self.columns.is_some() {
            return Err(DataError::Setting {
                name: "--columns",
                got: "given together with `--sequences`".into(),
                expected: "one of the two".into(),
                hint: "a file of one user a line has no columns; leave `--columns` out".into(),
            });
        }
        Ok(())
    }
}
