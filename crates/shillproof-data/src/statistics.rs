//! What a data set looks like from afar.

use serde::Serialize;
use shillproof_core::Interactions;

/// Counts and shapes of interactions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Number of users.
    pub users: usize,
    /// Number of items.
    pub items: usize,
    /// Number of interactions.
    pub interactions: usize,
    /// Interactions / (users x items).
    pub density: f64,
    /// Mean interactions a user.
    pub per_user_mean: f64,
    /// Median interactions a user; of an even number of users the mean of the middle two.
    pub per_user_median: f64,
    /// Mean interactions an item.
    pub per_item_mean: f64,
    /// Gini coefficient of the items' interaction counts: 0 when all are equally popular, towards 1
    /// when one item has everything.
    pub popularity_gini: f64,
    /// Mean rating; none for implicit data.
    pub mean_rating: Option<f64>,
    /// How often each rating occurs, ascending; none for implicit data or more than 20 different ratings.
    pub ratings: Option<Vec<RatingCount>>,
    /// First and last time (or position); none where there are no times.
    pub times: Option<(i64, i64)>,
}

/// How often a rating occurs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatingCount {
    /// The rating.
    pub rating: f32,
    /// Its interactions.
    pub count: usize,
}

impl Statistics {
    /// The statistics of `data`. Means and shares of nothing are 0.
    pub fn of(data: &Interactions) -> Self {
        let (users, items, interactions) = (data.n_users(), data.n_items(), data.len());
        let share = |of: f64| if of > 0.0 { interactions as f64 / of } else { 0.0 };
        let mut per_user: Vec<usize> = data.rows().map(|row| row.len()).collect();
        let ratings = data.is_explicit().then(|| rating_counts(data));
        let times = data.rows().flat_map(|row| row.times().into_iter().flatten().copied());
        Self {
            users,
            items,
            interactions,
            density: share(users as f64 * items as f64),
            per_user_mean: share(users as f64),
            per_user_median: median(&mut per_user),
            per_item_mean: share(items as f64),
            popularity_gini: gini(data.item_counts()),
            mean_rating: ratings.as_ref().filter(|_| interactions > 0).map(|ratings| {
                ratings.iter().map(|r| f64::from(r.rating) * r.count as f64).sum::<f64>()
                    / interactions as f64
            }),
            ratings: ratings.filter(|ratings| ratings.len() <= 20),
            times: times.fold(None, |span: Option<(i64, i64)>, t| {
                Some(span.map_or((t, t), |(first, last)| (first.min(t), last.max(t))))
            }),
        }
    }
}

fn rating_counts(data: &Interactions) -> Vec<RatingCount> {
    let mut counts = hashbrown::HashMap::<u32, usize>::new();
    for row in data.rows() {
        for (_, rating) in row.iter() {
            *counts.entry(rating.to_bits()).or_default() += 1;
        }
    }
    let mut counts: Vec<RatingCount> =
        counts.into_iter().map(|(bits, count)| RatingCount { rating: f32::from_bits(bits), count }).collect();
    counts.sort_unstable_by(|a, b| a.rating.total_cmp(&b.rating));
    counts
}

fn median(values: &mut [usize]) -> f64 {
    values.sort_unstable();
    match values.len() {
        0 => 0.0,
        n => f64::midpoint(values[(n - 1) / 2] as f64, values[n / 2] as f64),
    }
}

/// Sum over sorted counts of (2k - n - 1) c_k / (n sum c), k from 1.
fn gini(mut counts: Vec<u32>) -> f64 {
    counts.sort_unstable();
    let n = counts.len() as f64;
    let total: f64 = counts.iter().map(|&c| f64::from(c)).sum();
    if total == 0.0 {
        return 0.0;
    }
    let weighted: f64 = (1..).zip(&counts).map(|(k, &c)| (2.0 * f64::from(k) - n - 1.0) * f64::from(c)).sum();
    weighted / (n * total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{RatingScale, Triples};

    #[test]
    fn small_data_by_hand() {
        let data = Interactions::from_triples(
            2,
            4,
            Triples {
                users: vec![0, 0, 0, 1],
                items: vec![0, 1, 2, 0],
                ratings: Some(vec![5.0, 3.0, 5.0, 1.0]),
                times: Some(vec![4, 9, 2, 7]),
            },
            Some(RatingScale::new(1.0, 5.0, 1.0).unwrap()),
        )
        .unwrap();
        let s = Statistics::of(&data);
        assert_eq!((s.density, s.per_user_mean, s.per_user_median, s.per_item_mean), (0.5, 2.0, 2.0, 1.0));
        // Counts 0 1 1 2: (-3*0 - 1*1 + 1*1 + 3*2) / (4*4).
        assert_eq!(s.popularity_gini, 0.375);
        assert_eq!(s.mean_rating, Some(3.5));
        assert_eq!(s.times, Some((2, 9)));
        let histogram: Vec<(f32, usize)> = s.ratings.unwrap().iter().map(|r| (r.rating, r.count)).collect();
        assert_eq!(histogram, [(1.0, 1), (3.0, 1), (5.0, 2)]);
    }

    #[test]
    fn gini_has_its_ends() {
        assert_eq!(gini(vec![3, 3, 3]), 0.0);
        assert_eq!(gini(vec![0, 0, 0, 8]), 0.75);
        assert_eq!(gini(vec![]), 0.0);
    }
}
