//! Distinct items, uniformly at random.

use rand::seq::index;
use shillproof_core::{AttackError, ItemId, Rng};

/// `k` distinct items out of `0..n_items` without those in `without`, uniform, in random order. O(k log |without|).
///
/// # Shapes
/// `without`: ascending, distinct, below `n_items`.
pub(crate) fn draw_without(
    rng: &mut Rng,
    n_items: usize,
    without: &[ItemId],
    k: usize,
) -> Result<Vec<ItemId>, AttackError> {
    let available = n_items - without.len();
    if k > available {
        return Err(AttackError::TooFewItems { needed: k, available });
    }
    // The x-th item that is left has as many left-out items before it as have at most x left ones before them.
    let gaps: Vec<u32> = without.iter().enumerate().map(|(j, item)| item.0 - j as u32).collect();
    let left = |x: u32| ItemId(x + gaps.partition_point(|&gap| gap <= x) as u32);
    Ok(index::sample(rng, available, k).into_iter().map(|x| left(x as u32)).collect())
}

/// `k` distinct entries of `pool`, uniform, in random order.
pub(crate) fn draw_from<T: Copy>(rng: &mut Rng, pool: &[T], k: usize) -> Result<Vec<T>, AttackError> {
    if k > pool.len() {
        return Err(AttackError::TooFewItems { needed: k, available: pool.len() });
    }
    Ok(index::sample(rng, pool.len(), k).into_iter().map(|x| pool[x]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Seed;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn draws_are_distinct_and_leave_out_what_they_should(
            n in 1usize..60,
            without in prop::collection::btree_set(0u32..60, 0..30),
            k in 0usize..70,
            seed: u64,
        ) {
            let without: Vec<ItemId> = without.into_iter().filter(|&i| (i as usize) < n).map(ItemId).collect();
            let available = n - without.len();
            match draw_without(&mut Seed::new(seed).rng(), n, &without, k) {
                Ok(items) => {
                    prop_assert!(k <= available);
                    let distinct: BTreeSet<_> = items.iter().collect();
                    prop_assert_eq!(distinct.len(), k);
                    prop_assert!(items.iter().all(|i| i.index() < n && !without.contains(i)));
                }
                Err(error) => {
                    prop_assert!(k > available);
                    let text = format!("a profile needs {k} fillers, but only {available} items are left besides the targets");
                    prop_assert_eq!(error.to_string(), text);
                }
            }
        }
    }

    #[test]
    fn every_item_is_as_likely_as_every_other() {
        let without = [ItemId(0), ItemId(3), ItemId(9)];
        let mut seen = [0u32; 10];
        for v in 0..7000 {
            for item in draw_without(&mut Seed::new(v).rng(), 10, &without, 2).unwrap() {
                seen[item.index()] += 1;
            }
        }
        // 14,000 draws over 7 items: 2,000 each, standard deviation 38.
        for (item, &count) in seen.iter().enumerate() {
            let left_out = without.contains(&ItemId(item as u32));
            assert!(if left_out { count == 0 } else { count.abs_diff(2000) < 190 }, "{seen:?}");
        }
    }
}
