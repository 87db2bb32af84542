//! Uniform draws of items that a user does not have.

use rand::RngExt;
use shillproof_core::Rng;
use shillproof_kernels::Csr;

use crate::free::nth_free;

/// Bits of the filter for each interaction: one item in 16 that the user does not have needs a second look.
const BITS: usize = 16;

/// Draws refused before the exact way is taken.
const TRIES: usize = 8;

/// For each user a few bits that say "certainly not there" of most items: one load instead of a
/// search in the user's row.
pub(super) struct Filter {
    /// Where the bits of each user start, in words.
    starts: Vec<usize>,
    words: Vec<u64>,
}

impl Filter {
    pub(super) fn of(profiles: &Csr) -> Self {
        let mut starts = Vec::with_capacity(profiles.n_rows() + 1);
        let mut end = 0;
        starts.push(0);
        for user in 0..profiles.n_rows() {
            end += (profiles.columns(user).len() * BITS).div_ceil(64);
            starts.push(end);
        }
        let mut filter = Self { starts, words: vec![0; end] };
        for user in 0..profiles.n_rows() {
            for &item in profiles.columns(user) {
                let (word, bit) = filter.place(user, item);
                filter.words[word] |= bit;
            }
        }
        filter
    }

    #[inline]
    fn place(&self, user: usize, item: u32) -> (usize, u64) {
        let (start, end) = (self.starts[user], self.starts[user + 1]);
        let hash = u64::from(item.wrapping_mul(0x9E37_79B1));
        let at = (hash * ((end - start) as u64 * 64)) >> 32;
        (start + (at / 64) as usize, 1 << (at % 64))
    }

    #[inline]
    fn may_have(&self, user: usize, item: u32) -> bool {
        let (word, bit) = self.place(user, item);
        self.words[word] & bit != 0
    }

    /// A uniform draw among the positions in `ids` that are not in `taken`; none where all are taken.
    ///
    /// # Shapes
    /// `ids`: the items of a block. `taken`: this user and, ascending, the positions in `ids` of the items
    /// that the user has; not empty.
    #[inline]
    pub(super) fn draw(&self, taken: &[(u32, u32)], ids: &[u32], rng: &mut Rng) -> Option<u32> {
        let user = taken[0].0 as usize;
        for _ in 0..TRIES {
            let at = rng.random_range(0..ids.len() as u32);
            if !self.may_have(user, ids[at as usize]) || taken.binary_search_by_key(&at, |t| t.1).is_err() {
                return Some(at);
            }
        }
        let free = (ids.len() - taken.len()) as u32;
        (free > 0).then(|| nth_free(taken, |t| t.1, rng.random_range(0..free)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, Seed, Triples};

    /// User 1 of 2 has these items of 30.
    fn filter(items: &[u32]) -> Filter {
        let cells =
            Triples { users: vec![1; items.len()], items: items.to_vec(), ratings: None, times: None };
        Filter::of(&Csr::of(&Interactions::from_triples(2, 30, cells, None).unwrap()))
    }

    #[test]
    fn negatives_are_uniform_over_what_is_free() {
        // The block holds items 20 to 28; the user has four of them, and two others.
        let filter = filter(&[3, 7, 20, 22, 23, 27]);
        let ids: Vec<u32> = (20..29).collect();
        let taken = [(1, 0), (1, 2), (1, 3), (1, 7)];
        let mut rng = Seed::new(1).rng();
        let mut counts = [0; 9];
        for _ in 0..50_000 {
            counts[filter.draw(&taken, &ids, &mut rng).unwrap() as usize] += 1;
        }
        for (i, &count) in counts.iter().enumerate() {
            let free = !taken.iter().any(|t| t.1 == i as u32);
            // 10,000 expected; the standard deviation is 89.
            assert!(if free { (9_550..10_450).contains(&count) } else { count == 0 }, "{i}: {count}");
        }
    }

    #[test]
    fn a_full_row_has_no_negative_and_an_almost_full_one_still_has_its_own() {
        let all: Vec<u32> = (0..30).collect();
        let taken = |but: u32| -> Vec<(u32, u32)> { (0..30).filter(|&i| i != but).map(|i| (1, i)).collect() };
        let mut rng = Seed::new(1).rng();
        assert_eq!(filter(&all).draw(&taken(30), &all, &mut rng), None);
        for but in [0, 13, 29] {
            let items: Vec<u32> = (0..30).filter(|&i| i != but).collect();
            for _ in 0..20 {
                assert_eq!(filter(&items).draw(&taken(but), &all, &mut rng), Some(but));
            }
        }
    }
}
