//! Rows put together by user, and those that repeat the user and the item of another.

use shillproof_core::Triples;

/// Puts the rows of each user together, in the order they had. What follows then walks memory in order,
/// which for a log in the order of time is several times as fast.
pub(crate) fn group_by_user(triples: &mut Triples, n_users: usize) {
    fn scatter<T: Copy + Default>(values: &mut Vec<T>, places: &[u32]) {
        let mut out = vec![T::default(); values.len()];
        for (&value, &place) in values.iter().zip(places) {
            out[place as usize] = value;
        }
        *values = out;
    }
    if triples.users.is_sorted() {
        return;
    }
    let mut next = vec![0u32; n_users + 1];
    for &user in &triples.users {
        next[user as usize + 1] += 1;
    }
    for user in 0..n_users {
        next[user + 1] += next[user];
    }
    let ends = next[1..].to_vec();
    let place = |&user: &u32| {
        let slot = &mut next[user as usize];
        *slot += 1;
        *slot - 1
    };
    let places: Vec<u32> = triples.users.iter().map(place).collect();
    let mut start = 0;
    for (user, end) in (0..).zip(ends) {
        triples.users[start..end as usize].fill(user);
        start = end as usize;
    }
    scatter(&mut triples.items, &places);
    if let Some(ratings) = &mut triples.ratings {
        scatter(ratings, &places);
    }
    if let Some(times) = &mut triples.times {
        scatter(times, &places);
    }
}

/// Keeps the latest of the rows of one user and item; of equally late ones the last. Returns how many
/// went. Rows of one user are together.
pub(crate) fn drop_duplicates(triples: &mut Triples) -> usize {
    let n = triples.users.len();
    let mut keep: Vec<bool> = Vec::new();
    let mut row: Vec<(u32, u32)> = Vec::new();
    let mut start = 0;
    for own in triples.users.chunk_by(|a, b| a == b) {
        row.clear();
        row.extend(triples.items[start..start + own.len()].iter().copied().zip(start as u32..));
        start += own.len();
        row.sort_unstable();
        for same in row.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            keep.resize(n, true);
            let time = |at: u32| triples.times.as_ref().map_or(0, |t| t[at as usize]);
            let best = same.iter().map(|&(_, at)| (time(at), at)).max();
            for &(_, at) in same {
                keep[at as usize] = best.is_some_and(|(_, best)| best == at);
            }
        }
    }
    if !keep.is_empty() {
        retain(triples, &keep);
    }
    n - triples.users.len()
}

/// The rows for which `keep` is true.
pub(crate) fn retain(triples: &mut Triples, keep: &[bool]) {
    fn column<T>(values: &mut Vec<T>, keep: &[bool]) {
        let mut kept = keep.iter();
        values.retain(|_| kept.next() == Some(&true));
    }
    column(&mut triples.users, keep);
    column(&mut triples.items, keep);
    if let Some(ratings) = &mut triples.ratings {
        column(ratings, keep);
    }
    if let Some(times) = &mut triples.times {
        column(times, keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order_and_the_latest_of_equals_stays() {
        let mut rows = Triples {
            users: vec![1, 0, 1, 0, 1, 1],
            items: vec![7, 5, 8, 6, 7, 7],
            ratings: Some(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            times: Some(vec![9, 1, 2, 3, 9, 4]),
        };
        group_by_user(&mut rows, 2);
        assert_eq!(rows.users, [0, 0, 1, 1, 1, 1]);
        assert_eq!(rows.items, [5, 6, 7, 8, 7, 7]);
        assert_eq!(rows.ratings, Some(vec![2.0, 4.0, 1.0, 3.0, 5.0, 6.0]));
        assert_eq!(drop_duplicates(&mut rows), 2);
        assert_eq!(rows.items, [5, 6, 8, 7]);
        assert_eq!(rows.ratings, Some(vec![2.0, 4.0, 3.0, 5.0]));
        assert_eq!(rows.times, Some(vec![1, 3, 2, 9]));
    }
}
