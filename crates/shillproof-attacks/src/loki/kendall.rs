//! How far two lists are apart.

use shillproof_core::ItemId;

/// The normalised distance of Kendall between two top lists (Fagin, Kumar and Sivakumar, SODA 2003, with penalty 1/2): over all pairs of items of either list, 1 if the lists
/// order it otherwise, where an absent item is below all present ones, 1/2 if both are absent from one of the lists; the mean over pairs. 0 for equal lists, at most 1.
pub(super) fn distance(a: &[ItemId], b: &[ItemId]) -> f64 {
    let mut union: Vec<ItemId> = a.iter().chain(b).copied().collect();
    union.sort_unstable();
    union.dedup();
    let places = |list: &[ItemId]| -> Vec<usize> {
        union.iter().map(|item| list.iter().position(|other| other == item).unwrap_or(usize::MAX)).collect()
    };
    let (in_a, in_b) = (places(a), places(b));
    let (mut sum, mut pairs) = (0.0, 0u64);
    for i in 0..union.len() {
        for j in 0..i {
            pairs += 1;
            let (order_a, order_b) = (in_a[i].cmp(&in_a[j]), in_b[i].cmp(&in_b[j]));
            sum += if order_a.is_eq() || order_b.is_eq() {
                0.5
            } else {
                f64::from(u8::from(order_a != order_b))
            };
        }
    }
    if pairs == 0 { 0.0 } else { sum / pairs as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: &[u32]) -> Vec<ItemId> {
        ids.iter().copied().map(ItemId).collect()
    }

    #[test]
    fn hand_computed_values() {
        let of = |a: &[u32], b: &[u32]| distance(&list(a), &list(b));
        assert_eq!(of(&[1, 2, 3], &[1, 2, 3]), 0.0);
        assert_eq!(of(&[1, 2, 3], &[3, 2, 1]), 1.0);
        assert_eq!(of(&[1, 2, 3], &[1, 3, 2]), 1.0 / 3.0);
        // Pairs (1,2) and (3,4): unknown in the other list; the four others are opposed.
        assert_eq!(of(&[1, 2], &[3, 4]), 5.0 / 6.0);
        // (1,2): 2 is absent from the second, so 1 is above it there too; (1,3) likewise; (2,3): opposed.
        assert_eq!(of(&[1, 2], &[1, 3]), 1.0 / 3.0);
        assert_eq!(of(&[], &[]), 0.0);
        assert_eq!(of(&[7], &[7]), 0.0);
    }
}
