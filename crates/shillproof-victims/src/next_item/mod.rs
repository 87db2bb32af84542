//! What next-item recommenders share: they read a user's last interactions, in order, and rank what may come next.

mod batches;
mod catalogue;
mod comparisons;
mod loss;
mod model;
mod steps;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

use shillproof_core::{FitError, Interactions};

use crate::input;

pub(crate) use batches::{cut, dropout_mask, masked};
pub(crate) use catalogue::{Catalogue, CatalogueSlopes};
pub(crate) use comparisons::{Comparisons, Pairwise};
pub use loss::Loss;
pub use model::{Encoder, NextItemModel};
pub use steps::{Negatives, Step, steps};

/// The interactions that an implicit next-item victim learns from: as [`input::positives`], and in an order.
pub(crate) fn ordered(train: &Interactions) -> Result<Cow<'_, Interactions>, FitError> {
    let data = input::positives(train)?;
    if data.has_times() { Ok(data) } else { Err(FitError::NeedsOrder) }
}
