//! How often two items are in one profile.

use shillproof_core::Interactions;
use shillproof_kernels::Csr;

/// Both directions of the user x item relation, for counting co-visits item by item.
pub(super) struct CoVisits {
    profiles: Csr,
    raters: Csr,
    weight: Option<Vec<f64>>,
    /// Weight of the users of each item: c_i.
    pub(super) count: Vec<f64>,
}

/// Scratch space of one thread: a dense row of counts and which cells of it are in use.
pub(super) struct Counter {
    count: Vec<f64>,
    touched: Vec<u32>,
}

impl CoVisits {
    /// Of `data`, where a user counts `weights[user]` times, or once.
    pub(super) fn of(data: &Interactions, weights: Option<&[f32]>) -> Self {
        let weight: Option<Vec<f64>> = weights.map(|w| w.iter().map(|&x| f64::from(x)).collect());
        let profiles = Csr::of(data);
        let raters = profiles.transpose();
        let count = (0..data.n_items())
            .map(|i| match &weight {
                Some(w) => raters.columns(i).iter().map(|&u| w[u as usize]).sum(),
                None => raters.columns(i).len() as f64,
            })
            .collect();
        Self { profiles, raters, weight, count }
    }

    pub(super) fn n_items(&self) -> usize {
        self.count.len()
    }

    pub(super) fn counter(&self) -> Counter {
        Counter { count: vec![0.0; self.n_items()], touched: Vec::new() }
    }

    /// Calls `each(j, c_ij)` for every other item `j` that shares weight with `item`, in no promised order.
    ///
    /// Costs one step an entry of every profile that holds `item`.
    pub(super) fn with(&self, item: usize, counter: &mut Counter, mut each: impl FnMut(u32, f64)) {
        let Counter { count, touched } = counter;
        for &user in self.raters.columns(item) {
            let weight = self.weight.as_ref().map_or(1.0, |w| w[user as usize]);
            if weight == 0.0 {
                continue;
            }
            for &other in self.profiles.columns(user as usize) {
                let cell = &mut count[other as usize];
                if *cell == 0.0 {
                    touched.push(other);
                }
                *cell += weight;
            }
        }
        for other in touched.drain(..) {
            let shared = std::mem::take(&mut count[other as usize]);
            if other as usize != item {
                each(other, shared);
            }
        }
    }

    /// Gives back the profiles, which scoring needs.
    pub(super) fn into_profiles(self) -> Csr {
        self.profiles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    #[test]
    fn counts_by_hand() {
        let cells = Triples {
            users: vec![0, 0, 0, 1, 1, 2],
            items: vec![0, 1, 3, 0, 1, 3],
            ratings: None,
            times: None,
        };
        let data = Interactions::from_triples(3, 5, cells, None).unwrap();
        let shared = |weights: Option<&[f32]>, item| {
            let covisits = CoVisits::of(&data, weights);
            let (mut counter, mut out) = (covisits.counter(), Vec::new());
            // Twice, to see that the scratch space comes back clean.
            covisits.with(0, &mut counter, |_, _| {});
            covisits.with(item, &mut counter, |j, c| out.push((j, c)));
            out.sort_by_key(|e| e.0);
            (covisits.count, out)
        };
        assert_eq!(shared(None, 0), (vec![2.0, 2.0, 0.0, 2.0, 0.0], vec![(1, 2.0), (3, 1.0)]));
        assert_eq!(shared(None, 4).1, []);
        let weighted = shared(Some(&[0.5, 2.0, 1.0]), 1);
        assert_eq!(weighted, (vec![2.5, 2.5, 0.0, 1.5, 0.0], vec![(0, 2.5), (3, 0.5)]));
        assert_eq!(shared(Some(&[0.0, 2.0, 1.0]), 1).1, [(0, 2.0)]);
    }
}
