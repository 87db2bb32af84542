//! Per-item statistics: what an attacker of little knowledge has.

use crate::ids::ItemId;
use crate::interactions::Interactions;
use crate::scale::RatingScale;

/// Counts, means and standard deviations of the ratings an attacker has seen.
///
/// Without ratings every mean is 1 and every deviation 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemStats {
    /// Interactions an item.
    pub count: Vec<u32>,
    /// Mean rating an item; the global mean where nobody rated it.
    pub mean: Vec<f64>,
    /// Standard deviation (population form) an item; the global one where fewer than two rated it or all agree.
    pub std: Vec<f64>,
    /// Mean over all ratings.
    pub global_mean: f64,
    /// Standard deviation (population form) over all ratings.
    pub global_std: f64,
    /// The legal ratings; none for implicit data.
    pub scale: Option<RatingScale>,
    /// Users behind these numbers.
    pub users: usize,
}

impl ItemStats {
    /// The statistics of `data`.
    pub fn of(data: &Interactions) -> Self {
        let n = data.n_items();
        let (mut count, mut sum, mut square) = (vec![0u32; n], vec![0f64; n], vec![0f64; n]);
        for row in data.rows() {
            for (item, rating) in row.iter() {
                let (i, r) = (item.index(), f64::from(rating));
                count[i] += 1;
                sum[i] += r;
                square[i] += r * r;
            }
        }
        let moments = |n: f64, sum: f64, square: f64| {
            let mean = sum / n;
            (mean, (square / n - mean * mean).max(0.0).sqrt())
        };
        let total = data.len() as f64;
        let (global_mean, global_std) = if data.is_empty() {
            (data.scale().map_or(1.0, |s| f64::from(s.min + s.max) / 2.0), 0.0)
        } else {
            moments(total, sum.iter().sum(), square.iter().sum())
        };
        let (mut mean, mut std) = (vec![global_mean; n], vec![global_std; n]);
        for i in 0..n {
            if count[i] > 0 {
                let (m, s) = moments(f64::from(count[i]), sum[i], square[i]);
                mean[i] = m;
                if count[i] > 1 && s > 1e-9 {
                    std[i] = s;
                }
            }
        }
        Self { count, mean, std, global_mean, global_std, scale: data.scale(), users: data.n_users() }
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.count.len()
    }

    /// Items from most to least popular; equal counts in the order of `key` (draw it from a seed, never from ids).
    pub fn by_popularity(&self, key: impl Fn(ItemId) -> u64) -> Vec<ItemId> {
        let mut items: Vec<ItemId> = (0..self.n_items() as u32).map(ItemId).collect();
        items.sort_by_cached_key(|&i| (std::cmp::Reverse(self.count[i.index()]), key(i), i));
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactions::Triples;

    #[test]
    fn std_is_a_standard_deviation_and_sparse_items_borrow_the_global_one() {
        let data = Interactions::from_triples(
            3,
            3,
            Triples {
                users: vec![0, 1, 2, 0],
                items: vec![0, 0, 0, 1],
                ratings: Some(vec![1.0, 3.0, 5.0, 2.0]),
                times: None,
            },
            Some(RatingScale::new(1.0, 5.0, 1.0).unwrap()),
        )
        .unwrap();
        let stats = ItemStats::of(&data);
        assert_eq!(stats.count, [3, 1, 0]);
        assert!((stats.mean[0] - 3.0).abs() < 1e-12);
        assert!((stats.std[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((stats.std[1] - stats.global_std).abs() < 1e-12);
        assert!((stats.mean[2] - 2.75).abs() < 1e-12);
    }
}
