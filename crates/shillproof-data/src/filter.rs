//! Filters: what published protocols do to data before anything else.
//!
//! A filter acts on a whole [`Dataset`]: users and items without an interaction go, the others keep
//! their labels and get dense ids again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Interactions, ItemId, RatingScale, UserId};
use thiserror::Error;

use crate::Dataset;

/// One step of preparing data, as experiment files have it:
/// `["binarize", { iter-core = { min_user = 10, min_item = 10 } }]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FilterSpec {
    /// See [`binarize`].
    Binarize,
    /// See [`iter_core`].
    #[serde(rename_all = "snake_case")]
    IterCore {
        /// Least interactions a user.
        min_user: usize,
        /// Least interactions an item.
        min_item: usize,
    },
    /// See [`onepass_core`].
    OnepassCore(usize),
    /// See [`min_user`].
    MinUser(usize),
    /// See [`shift3`].
    Shift3,
}

impl FilterSpec {
    /// Applies this filter.
    ///
    /// # Errors
    /// If nothing is left, or the filter needs ratings and there are none.
    pub fn apply(self, data: &Dataset) -> Result<Dataset, FilterError> {
        match self {
            Self::Binarize => binarize(data),
            Self::IterCore { min_user, min_item } => iter_core(data, min_user, min_item),
            Self::OnepassCore(least) => onepass_core(data, least),
            Self::MinUser(least) => min_user(data, least),
            Self::Shift3 => shift3(data),
        }
    }

    /// Applies `filters` one after another.
    ///
    /// # Errors
    /// Those of the first filter that fails.
    pub fn apply_all(filters: &[Self], data: Dataset) -> Result<Dataset, FilterError> {
        filters.iter().try_fold(data, |data, filter| filter.apply(&data))
    }
}

/// Why data could not be filtered. Fragments that read well after "failed to filter the data".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FilterError {
    /// Everything is gone.
    #[error("`{filter}` leaves none of {interactions} interactions")]
    Nothing {
        /// The filter.
        filter: String,
        /// Interactions before it.
        interactions: usize,
    },
    /// A filter of ratings, asked of implicit data.
    #[error("`shift3` moves ratings, and this data has none")]
    NoRatings,
    /// A scale that clipping breaks.
    #[error("`shift3` cannot clip the scale {}:{}:{} to a scale within -2 and 2", .0.min, .0.max, .0.step)]
    Scale(RatingScale),
}

impl FilterError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Nothing { .. } => "lower the threshold".into(),
            Self::NoRatings => "leave `shift3` out, or load the data with its ratings".into(),
            Self::Scale(_) => "`shift3` is for stars: 1:5:1 or 0.5:5:0.5".into(),
        })
    }
}

/// Every rating above 0 becomes an interaction without a value; the others go.
///
/// # Errors
/// If no rating is above 0.
pub fn binarize(data: &Dataset) -> Result<Dataset, FilterError> {
    compact(data, &data.interactions.binarize(), || "binarize".into())
}

/// The largest part of the data in which every user has at least `min_user` and every item at least
/// `min_item` interactions: users below are dropped, then items below, until nothing changes.
///
/// # Errors
/// If nothing is left.
pub fn iter_core(data: &Dataset, min_user: usize, min_item: usize) -> Result<Dataset, FilterError> {
    let all = &data.interactions;
    let mut user_count: Vec<usize> = all.rows().map(|row| row.len()).collect();
    let mut item_in = vec![true; all.n_items()];
    let mut item_count = vec![0usize; all.n_items()];
    loop {
        item_count.fill(0);
        for (row, &count) in all.rows().zip(&user_count) {
            if count >= min_user {
                for item in row.items() {
                    item_count[item.index()] += 1;
                }
            }
        }
        let mut changed = false;
        for (is_in, &count) in item_in.iter_mut().zip(&item_count) {
            changed |= *is_in && count < min_item;
            *is_in &= count >= min_item;
        }
        if !changed {
            break;
        }
        for (count, row) in user_count.iter_mut().zip(all.rows()) {
            if *count >= min_user {
                *count = row.items().iter().filter(|item| item_in[item.index()]).count();
            }
        }
    }
    let kept = all.filter(|user, _, item| user_count[user.index()] >= min_user && item_in[item.index()]);
    compact(data, &kept, || format!("iter-core {min_user}, {min_item}"))
}

/// Counts users and items once, on the data as it comes, and keeps an interaction if both counts
/// reach `least`; so counts in the result may be lower (Zhang et al., KDD 2021, public code).
///
/// # Errors
/// If nothing is left.
pub fn onepass_core(data: &Dataset, least: usize) -> Result<Dataset, FilterError> {
    let items = data.interactions.item_counts();
    let kept = data.interactions.filter(|user, _, item| {
        data.interactions.row(user).len() >= least && items[item.index()] as usize >= least
    });
    compact(data, &kept, || format!("onepass-core {least}"))
}

/// Keeps users with at least `least` interactions.
///
/// # Errors
/// If nothing is left.
pub fn min_user(data: &Dataset, least: usize) -> Result<Dataset, FilterError> {
    let kept = data.interactions.filter(|user, _, _| data.interactions.row(user).len() >= least);
    compact(data, &kept, || format!("min-user {least}"))
}

/// Centers stars: a rating r becomes r - 3, clipped to -2 and 2, and the scale with it
/// (Li et al., NIPS 2016). On half stars 0.5 and 1 both become -2.
///
/// # Errors
/// If there are no ratings, or the clipped scale is none.
pub fn shift3(data: &Dataset) -> Result<Dataset, FilterError> {
    let old = data.interactions.scale().ok_or(FilterError::NoRatings)?;
    let shift = |rating: f32| (rating - 3.0).clamp(-2.0, 2.0);
    let scale = RatingScale { min: shift(old.min), max: shift(old.max), step: old.step };
    if !old.levels().all(|level| scale.contains(shift(level))) {
        return Err(FilterError::Scale(old));
    }
    let mut triples = data.interactions.to_triples();
    for rating in triples.ratings.iter_mut().flatten() {
        *rating = shift(*rating);
    }
    let (n_users, n_items) = (data.interactions.n_users(), data.interactions.n_items());
    let shifted = Interactions::from_triples(n_users, n_items, triples, Some(scale))
        .expect("only ratings have changed");
    compact(data, &shifted, || "shift3".into())
}

/// `kept` without its empty users and items, labels beside it.
fn compact(data: &Dataset, kept: &Interactions, filter: impl Fn() -> String) -> Result<Dataset, FilterError> {
    if kept.is_empty() {
        return Err(FilterError::Nothing { filter: filter(), interactions: data.interactions.len() });
    }
    let counts = kept.item_counts();
    let (users, new_user) = data.users.select(|u| !kept.row(UserId(u)).is_empty());
    let (items, new_item) = data.items.select(|i| counts[ItemId(i).index()] > 0);
    let mut triples = kept.to_triples();
    for user in &mut triples.users {
        *user = new_user[*user as usize];
    }
    for item in &mut triples.items {
        *item = new_item[*item as usize];
    }
    let interactions = Interactions::from_triples(users.len(), items.len(), triples, kept.scale())
        .expect("a selection of valid interactions is valid");
    let mut out = Dataset::new(data.name.clone(), users, items, interactions);
    out.notes.clone_from(&data.notes);
    out.notes.push(format!(
        "{} left {} of {} users, {} of {} items, {} of {} interactions",
        filter(),
        out.users.len(),
        data.users.len(),
        out.items.len(),
        data.items.len(),
        out.interactions.len(),
        data.interactions.len(),
    ));
    Ok(out)
}
