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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use shillproof_core::Triples;

    use super::*;
    use crate::Labels;

    /// Users `u0`.. and items `i0`.., one rating each pair; what nobody has is not there.
    fn data(pairs: &BTreeMap<(u32, u32), f32>, scale: RatingScale) -> Dataset {
        let users = Labels::sorted(pairs.keys().map(|p| format!("u{}", p.0)));
        let items = Labels::sorted(pairs.keys().map(|p| format!("i{}", p.1)));
        let triples = Triples {
            users: pairs.keys().map(|p| users.find(&format!("u{}", p.0)).unwrap()).collect(),
            items: pairs.keys().map(|p| items.find(&format!("i{}", p.1)).unwrap()).collect(),
            ratings: Some(pairs.values().copied().collect()),
            times: None,
        };
        let interactions =
            Interactions::from_triples(users.len(), items.len(), triples, Some(scale)).unwrap();
        Dataset::new("shop".into(), users, items, interactions)
    }

    fn stars() -> RatingScale {
        RatingScale::new(1.0, 5.0, 1.0).unwrap()
    }

    fn rated(pairs: &[(u32, u32)]) -> Dataset {
        data(&pairs.iter().map(|&p| (p, 4.0)).collect(), stars())
    }

    /// The pairs by label.
    fn pairs(data: &Dataset) -> Vec<(String, String, f32)> {
        let mut all: Vec<_> = data
            .interactions
            .users()
            .flat_map(|u| {
                let row = data.interactions.row(u);
                row.iter().map(move |(i, r)| (data.users.get(u.0).into(), data.items.get(i.0).into(), r))
            })
            .collect();
        all.sort_by(|a: &(String, String, f32), b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }

    fn names(data: &Dataset) -> Vec<String> {
        pairs(data).into_iter().map(|(u, i, _)| u + &i).collect()
    }

    /// u0, u1 share i0, i1; u2 has i1, i2; u3 has i2 only.
    fn chain() -> Dataset {
        rated(&[(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)])
    }

    #[test]
    fn the_iterated_core_falls_like_dominoes() {
        // u3 goes, so i2 has one user and goes, so u2 has one item and goes.
        let core = iter_core(&chain(), 2, 2).unwrap();
        assert_eq!(names(&core), ["u0i0", "u0i1", "u1i0", "u1i1"]);
        assert_eq!((core.users.len(), core.items.len()), (2, 2));
        assert_eq!((core.interactions.n_users(), core.interactions.n_items()), (2, 2));
        assert_ne!(core.checksum, chain().checksum);
        assert!(core.notes.last().unwrap().contains("2 of 4 users, 2 of 3 items, 4 of 7 interactions"));
    }

    #[test]
    fn the_core_of_one_pass_stops_after_the_first() {
        // u3 goes; i2 had two users on the raw data, so u2 keeps it.
        let core = onepass_core(&chain(), 2).unwrap();
        assert_eq!(names(&core), ["u0i0", "u0i1", "u1i0", "u1i1", "u2i1", "u2i2"]);
    }

    #[test]
    fn min_user_looks_at_users_only() {
        assert_eq!(names(&min_user(&chain(), 2).unwrap()).len(), 6);
        let rare = rated(&[(0, 0), (0, 1), (1, 2)]);
        assert_eq!(names(&min_user(&rare, 2).unwrap()), ["u0i0", "u0i1"]);
    }

    #[test]
    fn shift3_moves_ratings_and_scale() {
        let halves = RatingScale::new(0.5, 5.0, 0.5).unwrap();
        let given = [((0, 0), 0.5), ((0, 1), 1.0), ((0, 2), 3.0), ((0, 3), 4.5)].into_iter().collect();
        let moved = shift3(&data(&given, halves)).unwrap();
        assert_eq!(pairs(&moved).iter().map(|p| p.2).collect::<Vec<_>>(), [-2.0, -2.0, 0.0, 1.5]);
        assert_eq!(moved.interactions.scale().unwrap(), RatingScale::new(-2.0, 2.0, 0.5).unwrap());
    }

    #[test]
    fn binarize_keeps_what_is_positive() {
        let given = [((0, 0), 1.0), ((0, 1), 5.0), ((1, 2), 2.0)].into_iter().collect();
        let likes = binarize(&shift3(&data(&given, stars())).unwrap()).unwrap();
        assert_eq!(names(&likes), ["u0i1"]);
        assert!(!likes.interactions.is_explicit());
    }

    #[test]
    fn labels_that_are_left_sort_anew() {
        // With `x` among them labels sort as text; without it as numbers.
        let users = Labels::sorted(["10", "9", "x"]);
        let items = Labels::sorted(["a", "b"]);
        let triples =
            Triples { users: vec![0, 0, 1, 1, 2], items: vec![0, 1, 0, 1, 0], ratings: None, times: None };
        let all =
            Dataset::new("x".into(), users, items, Interactions::from_triples(3, 2, triples, None).unwrap());
        let left = min_user(&all, 2).unwrap();
        assert_eq!(left.users.iter().collect::<Vec<_>>(), ["9", "10"]);
    }

    #[test]
    fn every_error_has_its_case_and_a_hint() {
        let odd = RatingScale::new(0.0, 4.5, 1.5).unwrap();
        let implicit = binarize(&chain()).unwrap();
        let errors = [
            iter_core(&chain(), 3, 3).unwrap_err(),
            shift3(&implicit).unwrap_err(),
            shift3(&data(&[((0, 0), 1.5)].into_iter().collect(), odd)).unwrap_err(),
        ];
        assert_eq!(errors[0], FilterError::Nothing { filter: "iter-core 3, 3".into(), interactions: 7 });
        assert_eq!(errors[1], FilterError::NoRatings);
        assert_eq!(errors[2], FilterError::Scale(odd));
        assert!(errors.iter().all(|e| e.hint().is_some() && !e.to_string().is_empty()));
    }

    #[test]
    fn filters_act_in_the_order_they_are_written() {
        let read = |text: &str| {
            toml::from_str::<BTreeMap<String, Vec<FilterSpec>>>(text).unwrap().remove("f").unwrap()
        };
        let filters =
            read("f = ['binarize', { iter-core = { min_user = 2, min_item = 2 } }, { min-user = 1 }]");
        assert_eq!(filters[1], FilterSpec::IterCore { min_user: 2, min_item: 2 });
        let by_hand = min_user(&iter_core(&binarize(&chain()).unwrap(), 2, 2).unwrap(), 1).unwrap();
        assert_eq!(FilterSpec::apply_all(&filters, chain()).unwrap(), by_hand);
        let twice = read("f = [{ onepass-core = 2 }, { onepass-core = 2 }, 'shift3']");
        assert_eq!(
            names(&FilterSpec::apply_all(&twice, chain()).unwrap()),
            names(&onepass_core(&onepass_core(&chain(), 2).unwrap(), 2).unwrap())
        );
        assert_eq!(FilterSpec::apply_all(&[], chain()).unwrap(), chain());
    }

    proptest! {
        #[test]
        fn the_iterated_core_is_the_largest_one(
            cells in prop::collection::btree_set((0u32..7, 0u32..7), 1..40), a in 0usize..4, b in 0usize..4,
        ) {
            let all = rated(&cells.iter().copied().collect::<Vec<_>>());
            // The definition, slowly: drop one offender after another.
            let mut left = cells.clone();
            while let Some(&(u, i)) = left.iter().find(|(u, i)| {
                left.iter().filter(|c| c.0 == *u).count() < a || left.iter().filter(|c| c.1 == *i).count() < b
            }) {
                left.remove(&(u, i));
            }
            match iter_core(&all, a, b) {
                Ok(core) => prop_assert_eq!(names(&core), left.iter().map(|(u, i)| format!("u{u}i{i}")).collect::<Vec<_>>()),
                Err(_) => prop_assert!(left.is_empty()),
            }
        }
    }
}
