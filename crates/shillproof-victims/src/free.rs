//! Items that a user does not have, by number.

/// The `r`-th number, from 0, that is no `key` of `taken`, whose keys ascend.
pub(crate) fn nth_free<T>(taken: &[T], key: impl Fn(&T) -> u32, r: u32) -> u32 {
    // It is r plus the taken ones below it: those with at most r free numbers below them.
    let (mut low, mut high) = (0, taken.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if key(&taken[middle]) - middle as u32 <= r {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    r + low as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_free_number_once_in_order(taken in prop::collection::btree_set(0u32..40, 0..40)) {
            let taken: Vec<u32> = taken.into_iter().collect();
            let free: Vec<u32> = (0..40).filter(|i| !taken.contains(i)).collect();
            let found: Vec<u32> = (0..free.len() as u32).map(|r| nth_free(&taken, |&i| i, r)).collect();
            prop_assert_eq!(found, free);
        }
    }
}
