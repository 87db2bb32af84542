//! How many of something: a share of a whole or a count, never a number that could be both.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::fraction::Fraction;

/// A share or a count: `1%` or `12` on the command line, `{ fraction = 0.01 }` or `{ count = 12 }` in a file.
///
/// ```
/// use shillproof_core::{Fraction, Size};
/// let one_percent: Size = "1%".parse()?;
/// assert_eq!(one_percent, Size::Fraction(Fraction::new(0.01)?));
/// assert_eq!(one_percent.of(943), 9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// A share of the whole.
    Fraction(Fraction),
    /// This many.
    Count(usize),
}

impl Size {
    /// The count of a whole of `total`, halves rounded up.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Fraction(share) => share.round_of(total),
            Self::Count(count) => count,
        }
    }
}

/// A size that is neither `1%` nor `12`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{got}` is not a size, expected a share from 0% to 100% such as 1% or a count such as 12")]
pub struct SizeError {
    /// What was found.
    pub got: String,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let size = if text.ends_with('%') {
            text.parse().ok().map(Self::Fraction)
        } else {
            text.parse().ok().map(Self::Count)
        };
        size.ok_or_else(|| SizeError { got: text.into() })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(share) => write!(f, "{}%", percent(share.get())),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

/// The shortest decimal that reads back as `share`, with its point moved two places to the right.
fn percent(share: f64) -> String {
    let plain = share.to_string();
    let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
    let decimals = format!("{decimals:0<2}");
    let (hundredths, rest) = decimals.split_at(2);
    let number = format!("{whole}{hundredths}.{rest}");
    let number = number.trim_start_matches('0').trim_end_matches('0').trim_end_matches('.');
    if number.is_empty() || number.starts_with('.') { format!("0{number}") } else { number.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn share(value: f64) -> Size {
        Size::Fraction(Fraction::new(value).unwrap())
    }

    #[test]
    fn shares_of_943_users_are_those_of_the_literature() {
        let sizes = ["0.5%", "1%", "3%", "5%"].map(|s| s.parse::<Size>().unwrap().of(943));
        assert_eq!(sizes, [5, 9, 28, 47]);
        assert_eq!(share(0.145).of(100), 15);
        assert_eq!(Size::Count(12).of(943), 12);
    }

    #[test]
    fn a_person_reads_round_percentages() {
        let shown = [0.005, 0.07, 1.0, 0.0, 0.3, 0.007].map(|s| share(s).to_string());
        assert_eq!(shown, ["0.5%", "7%", "100%", "0%", "30%", "0.7%"]);
    }

    #[test]
    fn nonsense_is_refused_in_both_spellings() {
        for text in ["", "%", "-1%", "nan%", "inf%", "101%", "1.5", "-3", "1 %x"] {
            assert_eq!(text.parse::<Size>().unwrap_err().got, text);
        }
        for toml in ["v = { fraction = nan }", "v = { fraction = -0.1 }", "v = { share = 1 }", "v = 3"] {
            assert!(toml::from_str::<BTreeMap<String, Size>>(toml).is_err(), "{toml}");
        }
        let sizes: BTreeMap<String, Size> =
            toml::from_str("a = { fraction = 0.01 }\nb = { count = 12 }").unwrap();
        assert_eq!((sizes["a"], sizes["b"]), (share(0.01), Size::Count(12)));
    }

    proptest! {
        #[test]
        fn display_reads_back(value in 0.0f64..=1.0, count: usize) {
            for size in [share(value), Size::Count(count)] {
                prop_assert_eq!(size.to_string().parse::<Size>().unwrap(), size);
            }
        }
    }
}
