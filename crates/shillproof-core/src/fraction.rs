//! A share of a whole.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A share of a whole, from 0 to 1. Written `0.3` or `30%`; files hold the number.
///
/// ```
/// use shillproof_core::Fraction;
/// let third: Fraction = "30%".parse()?;
/// assert_eq!(third, Fraction::new(0.3)?);
/// assert_eq!(third.round_of(5), 2); // 1.5 rounds up
/// assert_eq!(third.floor_of(5), 1);
/// assert!("NaN".parse::<Fraction>().is_err());
/// # Ok::<(), shillproof_core::fraction::FractionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("minimum" = 0, "maximum" = 1))]
pub struct Fraction(f64);

/// Something that is not a share of a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{got}` is not a fraction, expected a number from 0 to 1 or a percentage like 30%")]
pub struct FractionError {
    /// What was found.
    pub got: String,
}

impl Fraction {
    /// Nothing of it.
    pub const ZERO: Self = Self(0.0);

    /// All of it.
    pub const ONE: Self = Self(1.0);

    /// The fraction `value`.
    ///
    /// # Errors
    /// If `value` is not a number from 0 to 1.
    pub fn new(value: f64) -> Result<Self, FractionError> {
        // + 0.0 turns -0.0 into 0.0.
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value + 0.0))
        } else {
            Err(FractionError { got: value.to_string() })
        }
    }

    /// The number, from 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// This share of `n` things, halves up.
    pub fn round_of(self, n: usize) -> usize {
        ((self.exact_of(n) + 0.5) as usize).min(n)
    }

    /// This share of `n` things, rounded down.
    pub fn floor_of(self, n: usize) -> usize {
        (self.exact_of(n) as usize).min(n)
    }

    /// The product as decimal arithmetic has it: 0.29 of 100 is 29, not 28.999999999999996.
    fn exact_of(self, n: usize) -> f64 {
        self.0 * n as f64 * (1.0 + 2.0 * f64::EPSILON)
    }
}

impl TryFrom<f64> for Fraction {
    type Error = FractionError;

    fn try_from(value: f64) -> Result<Self, FractionError> {
        Self::new(value)
    }
}

impl From<Fraction> for f64 {
    fn from(fraction: Fraction) -> Self {
        fraction.0
    }
}

impl FromStr for Fraction {
    type Err = FractionError;

    fn from_str(text: &str) -> Result<Self, FractionError> {
        let (number, percent) =
            text.trim().strip_suffix('%').map_or((text.trim(), false), |n| (n.trim_end(), true));
        // An exponent moves the decimal point exactly; 0.7 / 100 is not 0.007.
        let value = if percent { format!("{number}e-2").parse() } else { number.parse() };
        let wrong = || FractionError { got: text.into() };
        Self::new(value.map_err(|_| wrong())?).map_err(|_| wrong())
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn f(text: &str) -> Fraction {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_outside_nought_and_one_gets_in() {
        for bad in ["NaN", "-0.1", "1.0001", "101%", "inf", "", "%", "a third", "0,3"] {
            assert_eq!(bad.parse::<Fraction>().unwrap_err().got, bad);
        }
        assert!(serde_json::from_str::<Fraction>("1.5").is_err());
        assert!(toml::from_str::<std::collections::BTreeMap<String, Fraction>>("f = nan").is_err());
        assert_eq!(serde_json::from_str::<Fraction>("1").unwrap(), Fraction::ONE);
        assert_eq!(f("-0").to_string(), "0");
    }

    #[test]
    fn halves_go_up_and_decimals_count_as_written() {
        // 943 users: the attack sizes of the NDSS'21 tables.
        let sizes = ["0.5%", "1%", "3%", "5%"].map(|p| f(p).round_of(943));
        assert_eq!(sizes, [5, 9, 28, 47]);
        assert_eq!(f("0.7%"), f("0.007"));
        assert_eq!((f("0.29").floor_of(100), f("0.1").round_of(5), f("0.7").floor_of(10)), (29, 1, 7));
        assert_eq!(
            (Fraction::ONE.round_of(usize::MAX >> 12), Fraction::ZERO.round_of(9)),
            (usize::MAX >> 12, 0)
        );
    }

    proptest! {
        #[test]
        fn text_and_number_are_one(value in 0.0f64..=1.0, n in 0usize..10_000_000) {
            let fraction = Fraction::new(value).unwrap();
            prop_assert_eq!(f(&fraction.to_string()), fraction);
            prop_assert!(fraction.floor_of(n) <= fraction.round_of(n) && fraction.round_of(n) <= n);
        }
    }
}
