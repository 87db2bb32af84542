//! `ratings(f)` and `users(f)`: uniform shares (Huang et al., NDSS 2021, Tables VI and VII).

use shillproof_core::{Fraction, Interactions, Rng};

use super::{Quota, chosen, keep_rows};

/// A uniform share of the interactions; every user keeps a row.
pub(super) fn ratings(train: &Interactions, share: Fraction, rng: &mut Rng) -> Interactions {
    let mut quota = Quota::new(share, train.len());
    chosen(train, |_| quota.take(rng))
}

/// A uniform share of the users with all their interactions.
pub(super) fn users(train: &Interactions, share: Fraction, rng: &mut Rng) -> Interactions {
    let mut quota = Quota::new(share, train.n_users());
    let known: Vec<bool> = train.users().map(|_| quota.take(rng)).collect();
    keep_rows(train, |user| known[user.index()])
}
