//! What is compared.

use rand::RngExt;
use shillproof_core::{Interactions, Seed};

use crate::free::nth_free;

/// A comparison: the user has one item and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triple {
    /// The user.
    pub user: u32,
    /// An item that the user has.
    pub positive: u32,
    /// An item that the user does not have.
    pub negative: u32,
}

/// Every interaction once, beside an item that is drawn uniformly from those that the user does not have, user after user. A user's draws depend on that
/// user's row alone; who has every item has nothing to compare.
pub fn triples(data: &Interactions, seed: Seed) -> Vec<Triple> {
    let mut out = Vec::with_capacity(data.len());
    for user in data.users() {
        let row = data.row(user).sorted();
        let free = (data.n_items() - row.len()) as u32;
        if free == 0 {
            continue;
        }
        let mut rng = seed.index(u64::from(user.0)).rng();
        out.extend(row.iter().map(|item| {
            let negative = nth_free(row, |item| item.0, rng.random_range(0..free));
            Triple { user: user.0, positive: item.0, negative }
        }));
    }
    out
}
