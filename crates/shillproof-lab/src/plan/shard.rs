//! A part of a grid.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Part `I` of `N`, written `I/N`. The parts of a grid are disjoint and together complete.
///
/// ```
/// use shillproof_lab::plan::Shard;
/// let second: Shard = "2/3".parse()?;
/// assert_eq!((0..7).filter(|&place| second.takes(place)).collect::<Vec<_>>(), [1, 4]);
/// # Ok::<(), shillproof_lab::plan::ShardError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: usize,
    of: usize,
}

/// Text that is not `I/N`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a shard: expected I/N with 1 <= I <= N, as in 2/3")]
pub struct ShardError(String);

impl Shard {
    /// Whether the cell at this place, in the order of keys, is of this part.
    pub fn takes(self, place: usize) -> bool {
        place % self.of == self.index
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((i, of)) if (1..=of).contains(&i) => Ok(Self { index: i - 1, of }),
            _ => Err(ShardError(text.into())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}
