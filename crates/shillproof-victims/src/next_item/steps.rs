//! What is compared: what came next, and what might have.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Interactions, Seed};

use crate::free::nth_free;

/// A comparison: after `last`, the user took `next` and not `negative`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The user.
    pub user: u32,
    /// The item before.
    pub last: u32,
    /// The item that followed.
    pub next: u32,
    /// An item that did not follow.
    pub negative: u32,
}

/// What the next item is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Negatives {
    /// An item that the user does not have.
    #[default]
    Unseen,
    /// Any item but the next one (Rendle et al., WWW 2010, where a basket is one item).
    Others,
}

/// Every two consecutive items of a user once, beside an item that is drawn uniformly from `negatives`, user after user. A user's
/// draws depend on that user's row alone; who has every item has nothing unseen to compare.
pub fn steps(data: &Interactions, negatives: Negatives, seed: Seed) -> Vec<Step> {
    let mut out = Vec::with_capacity(data.len());
    for user in data.users() {
        let row = data.row(user);
        let taken = if negatives == Negatives::Others { row.len().min(1) } else { row.len() };
        let free = (data.n_items() - taken) as u32;
        if free == 0 {
            continue;
        }
        let mut rng = seed.index(u64::from(user.0)).rng();
        out.extend(row.items().windows(2).map(|pair| {
            let taken = if negatives == Negatives::Others { &pair[1..] } else { row.sorted() };
            let negative = nth_free(taken, |item| item.0, rng.random_range(0..free));
            Step { user: user.0, last: pair[0].0, next: pair[1].0, negative }
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    #[test]
    fn steps_follow_the_order_of_time() {
        // User 0 took 2, then 0, then 1 of 4 items; user 1 has one item, user 2 all of them.
        let cells = Triples {
            users: vec![0, 0, 0, 1, 2, 2, 2, 2],
            items: vec![0, 1, 2, 3, 0, 1, 2, 3],
            ratings: None,
            times: Some(vec![5, 9, 1, 1, 1, 2, 3, 4]),
        };
        let data = Interactions::from_triples(3, 4, cells, None).unwrap();
        let step = |last, next| Step { user: 0, last, next, negative: 3 };
        assert_eq!(steps(&data, Negatives::Unseen, Seed::new(1)), [step(2, 0), step(0, 1)]);
        let mut drawn = [[0; 4]; 4];
        for seed in 0..300 {
            let others = steps(&data, Negatives::Others, Seed::new(seed));
            assert_eq!(others.len(), 2 + 3, "who has every item compares too");
            for step in others {
                drawn[step.next as usize][step.negative as usize] += 1;
            }
        }
        for (next, counts) in drawn.iter().enumerate() {
            assert_eq!(counts[next], 0, "nothing is compared with itself");
            let even = |k: usize| k == next || counts[k] * 5 > counts.iter().sum::<usize>();
            assert!((0..4).all(even), "{counts:?}");
        }
    }
}
