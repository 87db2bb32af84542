//! What next-item recommenders share: they read a user's last interactions, in order, and rank what may come next.

mod comparisons;
mod model;
mod steps;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

use shillproof_core::{FitError, FitJob, Interactions};

use crate::input;

pub(crate) use comparisons::{Comparisons, Pairwise};
pub use model::{Encoder, NextItemModel};
pub use steps::{Step, steps};

/// The interactions that an implicit next-item victim learns from: as [`input::positives`], and in an order.
pub(crate) fn ordered(train: &Interactions) -> Result<Cow<'_, Interactions>, FitError> {
    let data = input::positives(train)?;
    if data.has_times() { Ok(data) } else { Err(FitError::NeedsOrder) }
}

/// Weights that are not all 1, and the interactions that train under them: users of weight 0 do not.
pub(crate) fn weighted<'a>(
    job: &FitJob<'a>,
    data: &'a Interactions,
) -> Result<(Option<&'a [f32]>, Cow<'a, Interactions>), FitError> {
    // Weights of one are no weights, to the last bit.
    let weights = input::user_weight(job)?.filter(|w| w.iter().any(|&w| w != 1.0));
    let silent = weights.filter(|w| w.contains(&0.0));
    let learned =
        silent.map_or(Cow::Borrowed(data), |w| Cow::Owned(data.filter(|user, _, _| w[user.index()] > 0.0)));
    Ok((weights, learned))
}
