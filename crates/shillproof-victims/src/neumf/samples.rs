//! What a network learns from: interactions, and items that a user does not have.

use rand::RngExt;
use shillproof_core::{Interactions, Seed};

use crate::free::nth_free;

/// A user, an item, and whether the user has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    user: u32,
    /// The item, shifted by one, and the label in the last bit.
    item: u32,
}

impl Sample {
    /// A sample; items are below 2³¹.
    pub fn new(user: u32, item: u32, label: bool) -> Self {
        Self { user, item: item << 1 | u32::from(label) }
    }

    /// The user.
    #[inline]
    pub fn user(self) -> u32 {
        self.user
    }

    /// The item.
    #[inline]
    pub fn item(self) -> u32 {
        self.item >> 1
    }

    /// Whether the user has the item.
    #[inline]
    pub fn label(self) -> bool {
        self.item & 1 == 1
    }
}

/// Every interaction, each with `negatives` items drawn uniformly and with replacement from those that the user does not have, user after user.
/// A user's draws depend on that user's row alone; who has every item has no negatives.
pub fn samples(data: &Interactions, negatives: usize, seed: Seed) -> Vec<Sample> {
    let mut out = Vec::with_capacity(data.len() * (1 + negatives));
    for user in data.users() {
        let row = data.row(user).sorted();
        let free = (data.n_items() - row.len()) as u32;
        let mut rng = seed.index(u64::from(user.0)).rng();
        for item in row {
            out.push(Sample::new(user.0, item.0, true));
            if free > 0 {
                out.extend((0..negatives).map(|_| {
                    let item = nth_free(row, |item| item.0, rng.random_range(0..free));
                    Sample::new(user.0, item, false)
                }));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    /// User 0 has items 1 and 4 of 6, user 1 everything, user 2 nothing.
    fn data() -> Interactions {
        let users = vec![0, 0, 1, 1, 1, 1, 1, 1];
        let items = vec![4, 1, 0, 1, 2, 3, 4, 5];
        Interactions::from_triples(3, 6, Triples { users, items, ratings: None, times: None }, None).unwrap()
    }

    #[test]
    fn negatives_are_uniform_over_what_the_user_does_not_have() {
        let all = samples(&data(), 20_000, Seed::new(2));
        assert_eq!(all.iter().filter(|s| s.label()).count(), 8);
        assert_eq!(all.iter().filter(|s| s.user() == 1).count(), 6, "no negative of who has everything");
        let mut counts = [0; 6];
        for sample in all.iter().filter(|s| !s.label()) {
            assert_eq!(sample.user(), 0);
            counts[sample.item() as usize] += 1;
        }
        // 10,000 expected; the standard deviation is 87.
        assert!([0, 2, 3, 5].iter().all(|&i| (9_650..10_350).contains(&counts[i])), "{counts:?}");
        assert_eq!((counts[1], counts[4]), (0, 0));
    }

    #[test]
    fn a_users_draws_do_not_depend_on_who_follows() {
        let alone = data().first_rows(1);
        let own = samples(&alone, 3, Seed::new(5));
        assert_eq!(own, samples(&data(), 3, Seed::new(5))[..8]);
        assert_ne!(own, samples(&alone, 3, Seed::new(6)));
    }
}
