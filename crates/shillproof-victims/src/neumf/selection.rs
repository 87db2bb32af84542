//! Which epoch is kept: held-out items among items that the user does not have.

use rand::RngExt;
use shillproof_core::{Interactions, ItemId, Seed};

use super::model::NeuralModel;
use crate::free::nth_free;

/// Items among which a held-out item is ranked.
const OTHERS: usize = 99;
/// Length of the list.
const K: usize = 10;

/// Held-out items, each with its rivals; drawn once, so that all epochs are compared on the same lists.
pub(super) struct Contest {
    cases: Vec<Case>,
}

struct Case {
    user: u32,
    /// The held-out item, then the others.
    items: Vec<u32>,
}

impl Contest {
    /// Each held-out item with 99 distinct items that the user has neither in training nor held out, or as many as there are.
    pub(super) fn new(train: &Interactions, held_out: &Interactions, seed: Seed) -> Self {
        let mut cases = Vec::new();
        for user in held_out.users().filter(|u| u.index() < train.n_users()) {
            let mut taken: Vec<ItemId> = train.row(user).sorted().to_vec();
            taken.extend_from_slice(held_out.row(user).sorted());
            taken.sort_unstable();
            taken.dedup();
            let mut rng = seed.index(u64::from(user.0)).rng();
            for item in held_out.row(user).items() {
                let mut items = vec![item.0];
                items.extend(others(&taken, train.n_items(), &mut rng));
                cases.push(Case { user: user.0, items });
            }
        }
        Self { cases }
    }

    /// Whether there is anything to select by.
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// HR@10: the share of held-out items that fewer than 10 of their rivals reach.
    pub(super) fn hit_ratio(&self, model: &NeuralModel) -> f64 {
        let mut scores = Vec::new();
        let hit = |case: &&Case| {
            scores.clear();
            scores.resize(case.items.len(), 0.0);
            model.score_items(case.user, &case.items, &mut scores);
            scores[1..].iter().filter(|score| **score >= scores[0]).count() < K
        };
        self.cases.iter().filter(hit).count() as f64 / self.cases.len() as f64
    }
}

/// Up to 99 distinct items outside of `taken`.
fn others(taken: &[ItemId], n_items: usize, rng: &mut shillproof_core::Rng) -> Vec<u32> {
    let free = n_items - taken.len();
    let at = |r: u32| nth_free(taken, |item| item.0, r);
    if free <= OTHERS {
        return (0..free as u32).map(at).collect();
    }
    // Floyd's way to distinct numbers: one draw each.
    let mut drawn: Vec<u32> = Vec::with_capacity(OTHERS);
    for top in free - OTHERS..free {
        let r = rng.random_range(0..=top as u32);
        drawn.push(if drawn.contains(&r) { top as u32 } else { r });
    }
    drawn.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    fn rows(users: usize, items: usize, cells: &[(u32, u32)]) -> Interactions {
        let (users_of, items_of) = cells.iter().copied().unzip();
        let triples = Triples { users: users_of, items: items_of, ratings: None, times: None };
        Interactions::from_triples(users, items, triples, None).unwrap()
    }

    #[test]
    fn rivals_are_distinct_and_free() {
        let train = rows(2, 300, &[(0, 5), (0, 7), (1, 2)]);
        let held_out = rows(2, 300, &[(0, 6), (1, 299)]);
        let contest = Contest::new(&train, &held_out, Seed::new(1));
        assert_eq!(contest.cases.len(), 2);
        for case in &contest.cases {
            let mut items = case.items.clone();
            items.sort_unstable();
            items.dedup();
            assert_eq!(items.len(), 100);
            let own = train.row(shillproof_core::UserId(case.user)).sorted();
            assert!(items.iter().all(|i| !own.contains(&ItemId(*i))));
        }
        assert_eq!((contest.cases[0].items[0], contest.cases[1].items[0]), (6, 299));
        // Few free items: all of them.
        let small = Contest::new(&rows(1, 5, &[(0, 1)]), &rows(1, 5, &[(0, 3)]), Seed::new(1));
        assert_eq!(small.cases[0].items, [3, 0, 2, 4]);
        assert!(Contest::new(&train, &rows(2, 300, &[]), Seed::new(1)).is_empty());
    }
}
