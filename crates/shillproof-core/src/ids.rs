//! Dense ids. Labels live in the data crate and never enter a computation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user's row number. Genuine users are `0..n`, fake users follow.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[repr(transparent)]
pub struct UserId(pub u32);

/// An item's column number.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[repr(transparent)]
pub struct ItemId(pub u32);

impl UserId {
    /// The id as an index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ItemId {
    /// The id as an index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
