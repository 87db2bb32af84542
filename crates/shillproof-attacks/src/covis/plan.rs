//! Which anchors a target is planted beside, how often, and in which fake users.

use std::cmp::Reverse;

use rand::RngExt;
use shillproof_core::{ItemId, Rng};
use shillproof_victims::ItemKnn;

/// An item whose list the target may enter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Anchor {
    pub(super) item: ItemId,
    /// Fewest fake users with both that put the target onto the list.
    pub(super) requirement: usize,
    /// Users who will see the target there.
    pub(super) benefit: usize,
}

/// How often items are had in the attacker's data, and what is planned for one target.
pub(super) struct Counts<'a> {
    /// Users of each item.
    pub(super) item: &'a [u32],
    /// Users of each item and the target.
    pub(super) with_target: &'a [u32],
    /// Users of the target, all planned fake users among them.
    pub(super) target: usize,
}

impl Counts<'_> {
    /// The smallest q ≤ `most` such that, with q more users who have both, the target is nearer to `item` than `rival`.
    pub(super) fn requirement(
        &self,
        recipe: &ItemKnn,
        item: ItemId,
        rival: f64,
        most: usize,
    ) -> Option<usize> {
        let (c_k, c_kt) = (self.item[item.index()] as usize, self.with_target[item.index()] as usize);
        let loses = |q: usize| {
            let similarity = recipe.similarity.of((c_kt + q) as f64, self.target as f64, (c_k + q) as f64);
            c_kt + q < recipe.min_support.max(1) || similarity <= rival
        };
        // More common users never make items less similar.
        let (mut low, mut high) = (0, most + 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if loses(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low <= most).then_some(low)
    }
}

/// max Σ benefit·a subject to Σ requirement·a ≤ `places`, 0 ≤ a ≤ 1. With this one constraint the best a takes anchors in the
/// order of benefit a place and has at most one fraction, so no solver is needed; the fraction is rounded down, and
/// what it leaves goes to the next anchors that fit.
pub(super) fn choose(mut anchors: Vec<Anchor>, mut places: usize, rng: &mut Rng) -> Vec<Anchor> {
    let worth = |a: &Anchor| a.benefit as f64 / a.requirement as f64;
    let mut keyed: Vec<(u64, Anchor)> = anchors.drain(..).map(|a| (rng.random(), a)).collect();
    keyed.sort_by(|a, b| worth(&b.1).total_cmp(&worth(&a.1)).then(a.0.cmp(&b.0)));
    let mut chosen = Vec::new();
    for (_, anchor) in keyed {
        if anchor.requirement <= places {
            places -= anchor.requirement;
            chosen.push(anchor);
        }
    }
    chosen
}

/// Anchors for each of `users` fake users, at most `room` each: every anchor, largest requirement first, goes to the users with
/// the fewest so far. Loads stay within one of each other, so what fits in total fits.
///
/// # Shapes
/// `chosen`: requirements of at most `users`, together at most `users * room`.
pub(super) fn place(mut chosen: Vec<Anchor>, users: usize, room: usize, rng: &mut Rng) -> Vec<Vec<ItemId>> {
    let mut profiles: Vec<Vec<ItemId>> = vec![Vec::new(); users];
    chosen.sort_by_key(|anchor| Reverse(anchor.requirement));
    for anchor in chosen {
        let mut order: Vec<(usize, u64, usize)> =
            profiles.iter().enumerate().map(|(v, items)| (items.len(), rng.random(), v)).collect();
        order.sort_unstable();
        for &(_, _, v) in order.iter().take(anchor.requirement) {
            profiles[v].push(anchor.item);
        }
    }
    debug_assert!(profiles.iter().all(|items| items.len() <= room));
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Seed;
    use shillproof_victims::Similarity;

    fn anchors(list: &[(usize, usize)]) -> Vec<Anchor> {
        let one = |(i, &(requirement, benefit))| Anchor { item: ItemId(i as u32), requirement, benefit };
        list.iter().enumerate().map(one).collect()
    }

    proptest! {
        #[test]
        fn requirements_are_the_smallest(
            c_k in 1u32..40, c_kt in 0u32..20, c_t in 0usize..40, rival in 0.0..1.0f64, support in 1usize..4,
        ) {
            prop_assume!(c_kt <= c_k && c_kt as usize <= c_t);
            for similarity in [Similarity::Cosine, Similarity::Product, Similarity::Max, Similarity::Min, Similarity::None, Similarity::Confidence] {
                let recipe = ItemKnn { similarity, min_support: support, ..ItemKnn::default() };
                let counts = Counts { item: &[c_k], with_target: &[c_kt], target: c_t + 10 };
                let wins = |q: usize| {
                    let shared = (c_kt as usize + q) as f64;
                    shared >= support as f64
                        && similarity.of(shared, (c_t + 10) as f64, f64::from(c_k) + q as f64) > rival
                };
                let want = (0..=10).find(|&q| wins(q));
                prop_assert_eq!(counts.requirement(&recipe, ItemId(0), rival, 10), want, "{:?}", similarity);
            }
        }

        #[test]
        fn everything_chosen_is_placed_within_the_budget(
            list in prop::collection::vec((1usize..7, 1usize..100), 0..60), room in 0usize..12, seed: u64,
        ) {
            let mut rng = Seed::new(seed).rng();
            let users = 6;
            let chosen = choose(anchors(&list), users * room, &mut rng);
            prop_assert!(chosen.iter().map(|a| a.requirement).sum::<usize>() <= users * room);
            let profiles = place(chosen.clone(), users, room, &mut rng);
            for profile in &profiles {
                let mut distinct = profile.clone();
                distinct.sort_unstable();
                distinct.dedup();
                prop_assert!(distinct.len() == profile.len() && profile.len() <= room);
            }
            for anchor in chosen {
                let held = profiles.iter().filter(|p| p.contains(&anchor.item)).count();
                prop_assert_eq!(held, anchor.requirement);
            }
        }

        /// The best of all subsets is no better than the linear program, which the greedy choice misses by less than one anchor.
        #[test]
        fn the_choice_is_the_linear_program_without_its_fraction(
            list in prop::collection::vec((1usize..7, 1usize..100), 1..11), places in 0usize..25,
        ) {
            let all = anchors(&list);
            let best = (0..1u32 << all.len())
                .map(|set| all.iter().enumerate().filter(move |(i, _)| set >> i & 1 == 1).map(|e| e.1))
                .filter(|set| set.clone().map(|a| a.requirement).sum::<usize>() <= places)
                .map(|set| set.map(|a| a.benefit).sum::<usize>())
                .max()
                .unwrap();
            let chosen = choose(all.clone(), places, &mut Seed::new(1).rng());
            let got: usize = chosen.iter().map(|a| a.benefit).sum();
            let largest = all.iter().map(|a| a.benefit).max().unwrap();
            prop_assert!(got <= best && best <= got + largest, "{} of {}", got, best);
        }
    }
}
