//! From edges to users.

use std::cmp::Reverse;

use shillproof_core::{Seed, UserId};

/// π of every user: the sum of |φ| over the own edges.
///
/// # Shapes
/// `starts`: where each user's edges begin, and one entry more. `edges`: φ of every edge.
pub fn user_influence(starts: &[usize], edges: &[f64]) -> Vec<f64> {
    starts.windows(2).map(|row| edges[row[0]..row[1]].iter().map(|phi| phi.abs()).sum()).collect()
}

/// The `count` users of `eligible` with the largest influence, ascending; ties in an order drawn from `ties`.
///
/// The objective Σ_{k ∈ S} π(k, t) is a plain sum, so this choice is the best one, and the greedy algorithm with
/// its bound of 1 − 1/e (WWW 2020, Algorithm 1) makes the same.
pub fn most_influential(influence: &[f64], eligible: &[UserId], count: usize, ties: Seed) -> Vec<UserId> {
    let mut ranked = eligible.to_vec();
    ranked.sort_by_cached_key(|u| Reverse(ties.index(u64::from(u.0)).value()));
    ranked.sort_by(|a, b| influence[b.index()].total_cmp(&influence[a.index()]));
    ranked.truncate(count);
    ranked.sort_unstable();
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_sums_are_chosen_and_ties_are_drawn() {
        let influence = user_influence(&[0, 2, 2, 3, 4], &[1.0, -2.0, 3.0, 0.5]);
        assert_eq!(influence, [3.0, 0.0, 3.0, 0.5]);
        let all: Vec<UserId> = (0..4).map(UserId).collect();
        assert_eq!(most_influential(&influence, &all, 3, Seed::new(1)), [UserId(0), UserId(2), UserId(3)]);
        assert_eq!(most_influential(&influence, &all[1..2], 3, Seed::new(1)), [UserId(1)]);
        let first = |seed| most_influential(&influence, &all, 1, Seed::new(seed))[0];
        let drawn: std::collections::BTreeSet<UserId> = (0..20).map(first).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [UserId(0), UserId(2)]);
    }
}
