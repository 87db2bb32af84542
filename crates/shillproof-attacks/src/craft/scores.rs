//! Ratings for fillers.

use rand::RngExt;
use rand_distr::StandardNormal;
use shillproof_core::{ItemId, ItemStats, Rng};

/// Whose ratings a filler's rating imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// One normal distribution fitted to all ratings (random attack of Lam & Riedl, WWW 2004).
    Global,
    /// The item's own (average attack of the same paper).
    PerItem,
}

/// Draws legal ratings for fillers; 1 for implicit data.
pub(crate) struct Scores<'a> {
    items: &'a ItemStats,
    model: Model,
}

impl<'a> Scores<'a> {
    pub(crate) fn new(items: &'a ItemStats, model: Model) -> Self {
        Self { items, model }
    }

    /// μ + σ·ε with ε standard normal, to the nearest legal rating, halves up. σ is a standard
    /// deviation; items that too few rated borrow the global μ and σ.
    pub(crate) fn draw(&self, item: ItemId, rng: &mut Rng) -> f32 {
        let Some(scale) = self.items.scale else { return 1.0 };
        let (mean, std) = match self.model {
            Model::Global => (self.items.global_mean, self.items.global_std),
            Model::PerItem => (self.items.mean[item.index()], self.items.std[item.index()]),
        };
        let noise: f64 = rng.sample(StandardNormal);
        scale.nearest(mean + std * noise)
    }

    /// `items` with a rating each.
    pub(crate) fn rate(&self, items: Vec<ItemId>, rng: &mut Rng) -> Vec<(ItemId, f32)> {
        items.into_iter().map(|item| (item, self.draw(item, rng))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{RatingScale, Seed};

    fn stats(scale: Option<RatingScale>) -> ItemStats {
        ItemStats {
            count: vec![100, 100],
            mean: vec![3.0, 2.0],
            std: vec![0.5, 0.2],
            global_mean: 4.0,
            global_std: 0.3,
            scale,
            users: 100,
        }
    }

    fn moments(scores: &Scores<'_>, item: ItemId) -> (f64, f64) {
        let mut rng = Seed::new(5).rng();
        let drawn: Vec<f64> = (0..20_000).map(|_| f64::from(scores.draw(item, &mut rng))).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        (mean, variance.sqrt())
    }

    /// A spread taken for a variance would come out as 0.71 (item 0) and 0.45 (item 1); a mean taken for a
    /// spread, as one public tool does, as 3 and 2.
    #[test]
    fn average_attack_draws_with_the_items_standard_deviation() {
        let fine = RatingScale::new(-10.0, 10.0, 0.01).unwrap();
        let items = stats(Some(fine));
        for (item, mean, std) in [(0, 3.0, 0.5), (1, 2.0, 0.2)] {
            let (m, s) = moments(&Scores::new(&items, Model::PerItem), ItemId(item));
            assert!((m - mean).abs() < 0.02 && (s - std).abs() < 0.02, "{m} {s}");
        }
        let (m, s) = moments(&Scores::new(&items, Model::Global), ItemId(1));
        assert!((m - 4.0).abs() < 0.02 && (s - 0.3).abs() < 0.02, "{m} {s}");
    }

    #[test]
    fn half_stars_round_half_up_and_stay_on_the_scale() {
        let halves = RatingScale::new(0.5, 5.0, 0.5).unwrap();
        let exact = |mean| ItemStats { mean: vec![mean; 2], std: vec![0.0; 2], ..stats(Some(halves)) };
        let draw = |mean| Scores::new(&exact(mean), Model::PerItem).draw(ItemId(0), &mut Seed::new(1).rng());
        assert_eq!([3.25, 3.24, 0.1, 7.0].map(draw), [3.5, 3.0, 0.5, 5.0]);
    }

    #[test]
    fn implicit_data_is_rated_one() {
        let items = stats(None);
        assert_eq!(Scores::new(&items, Model::PerItem).draw(ItemId(1), &mut Seed::new(1).rng()), 1.0);
    }
}
