//! RMSE shift: how far the attack displaced predictions that nobody asked it to (Li et al., NIPS 2016).

use rand::RngExt;
use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Recommender, Seed, UserId};

use super::MetricError;

/// Most cells that are looked at one by one.
const EXACT: usize = 1 << 22;

/// Cells drawn when there are more.
const SAMPLE: usize = 1_000_000;

/// Cells of genuine users that the genuine data does not hold: all of them, or a fixed sample.
///
/// Make it once and use it for the clean model and for every attack.
#[derive(Clone, Debug, PartialEq)]
pub struct UnseenCells {
    cells: Vec<(UserId, ItemId)>,
    sampled: bool,
}

impl UnseenCells {
    /// All unseen cells of `genuine` if there are at most 4,194,304, else 1,000,000 drawn by the seed
    /// without replacement.
    pub fn of(genuine: &Interactions, seed: Seed) -> Self {
        Self::within(genuine, seed, EXACT, SAMPLE)
    }

    fn within(genuine: &Interactions, seed: Seed, exact: usize, sample: usize) -> Self {
        let n_items = genuine.n_items();
        let all = genuine.n_users() * n_items;
        let cell = |at: usize| (UserId((at / n_items) as u32), ItemId((at % n_items) as u32));
        let unseen = |&(user, item): &(UserId, ItemId)| !genuine.row(user).contains(item);
        if all - genuine.len() <= exact.max(sample) {
            return Self { cells: (0..all).map(cell).filter(unseen).collect(), sampled: false };
        }
        // Draw what is missing until no cell is there twice: the same as drawing one by one.
        let mut rng = seed.rng();
        let mut cells = Vec::with_capacity(sample);
        while cells.len() < sample {
            let missing = sample - cells.len();
            let draws = std::iter::repeat_with(|| cell(rng.random_range(0..all))).filter(unseen);
            cells.extend(draws.take(missing));
            cells.sort_unstable();
            cells.dedup();
        }
        Self { cells, sampled: true }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the genuine data holds every cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Whether these are a sample of the unseen cells.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// What `recommender` predicts for each cell. Keep that of the clean model: it serves every attack.
    ///
    /// # Errors
    /// If the recommender predicts no ratings.
    pub fn predict(&self, recommender: &dyn Recommender) -> Result<Vec<f32>, MetricError> {
        let rating = |&(user, item): &(UserId, ItemId)| recommender.rating(user, item);
        self.cells.par_iter().map(rating).collect::<Option<Vec<f32>>>().ok_or(MetricError::NotAvailable {
            metric: "rmse_shift",
            needs: "a victim that predicts ratings",
        })
    }
}

/// A RMSE shift with what its sampling leaves open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Displacement {
    /// Root mean squared difference between attacked and clean predictions.
    pub value: f64,
    /// Its standard error by sampling cells (delta method); 0 when all unseen cells were looked at.
    pub standard_error: f64,
}

/// RMSE shift over unseen cells: genuine rows only, cells of the genuine data left out; 0 without an
/// attack by construction. It measures displacement, not accuracy. None when no cell is unseen.
///
/// # Shapes
/// Both slices: one prediction a cell, of the clean and of the attacked model.
pub fn rmse_shift(cells: &UnseenCells, clean: &[f32], attacked: &[f32]) -> Option<Displacement> {
    assert!(clean.len() == cells.len() && attacked.len() == cells.len(), "one prediction a cell");
    if cells.is_empty() {
        return None;
    }
    let n = cells.len() as f64;
    let squares = || clean.iter().zip(attacked).map(|(&c, &a)| (f64::from(c) - f64::from(a)).powi(2));
    let mean = squares().sum::<f64>() / n;
    let value = mean.sqrt();
    let standard_error = if cells.is_sampled() && value > 0.0 {
        let variance = squares().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (variance / n).sqrt() / (2.0 * value)
    } else {
        0.0
    };
    Some(Displacement { value, standard_error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    struct Constant(f32);
    impl Recommender for Constant {
        fn rating(&self, user: UserId, item: ItemId) -> Option<f32> {
            Some(self.0 * (1.0 + (user.0 + item.0) as f32 / 10.0))
        }
    }
    struct Silent;
    impl Recommender for Silent {}

    fn diagonal(n_users: usize, n_items: usize) -> Interactions {
        let users: Vec<u32> = (0..n_users as u32).collect();
        let items = users.iter().map(|u| u % n_items as u32).collect();
        Interactions::from_triples(n_users, n_items, Triples { users, items, ..Triples::default() }, None)
            .unwrap()
    }

    #[test]
    fn hand_computed_over_unseen_cells_only() {
        let cells = UnseenCells::of(&diagonal(2, 2), Seed::new(1));
        assert_eq!(cells.cells, [(UserId(0), ItemId(1)), (UserId(1), ItemId(0))]);
        let clean = [1.0, 2.0];
        let shift = rmse_shift(&cells, &clean, &[4.0, 6.0]).unwrap();
        assert_eq!(shift, Displacement { value: 12.5f64.sqrt(), standard_error: 0.0 });
        assert_eq!(rmse_shift(&cells, &clean, &clean).unwrap().value, 0.0);
    }

    #[test]
    fn a_sample_is_distinct_unseen_and_agrees_within_its_error() {
        let data = diagonal(100, 80);
        let sample = UnseenCells::within(&data, Seed::new(3), 10, 2000);
        assert!(sample.is_sampled() && sample.len() == 2000);
        assert!(sample.cells.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(sample.cells.iter().all(|&(u, i)| !data.row(u).contains(i)));
        assert_eq!(sample, UnseenCells::within(&data, Seed::new(3), 10, 2000));
        let of = |cells: &UnseenCells| {
            let predict = |c| cells.predict(&Constant(c)).unwrap();
            rmse_shift(cells, &predict(1.0), &predict(1.5)).unwrap()
        };
        let (exact, drawn) = (of(&UnseenCells::of(&data, Seed::new(3))), of(&sample));
        assert_eq!(exact.standard_error, 0.0);
        assert!((drawn.value - exact.value).abs() < 4.0 * drawn.standard_error);
        assert!(drawn.standard_error > 0.0 && drawn.standard_error < 0.05 * exact.value);
    }

    #[test]
    fn no_unseen_cell_and_no_ratings_have_no_value() {
        let full = UnseenCells::of(&diagonal(3, 1), Seed::new(0));
        assert!(full.is_empty() && rmse_shift(&full, &[], &[]).is_none());
        let cells = UnseenCells::of(&diagonal(2, 2), Seed::new(0));
        assert!(matches!(
            cells.predict(&Silent),
            Err(MetricError::NotAvailable { metric: "rmse_shift", .. })
        ));
    }
}
