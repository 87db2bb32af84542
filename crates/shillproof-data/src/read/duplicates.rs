//! Rows that repeat the user and the item of another.

use shillproof_core::Triples;

/// Keeps the latest of the rows of one user and item; of equally late ones the last. Returns how many went.
pub(crate) fn drop_duplicates(triples: &mut Triples, n_users: usize) -> usize {
    let n = triples.users.len();
    let mut next = vec![0u32; n_users + 1];
    for &user in &triples.users {
        next[user as usize + 1] += 1;
    }
    for user in 0..n_users {
        next[user + 1] += next[user];
    }
    let row_start = next.clone();
    let mut order = vec![0u32; n];
    for (at, &user) in triples.users.iter().enumerate() {
        let slot = &mut next[user as usize];
        order[*slot as usize] = at as u32;
        *slot += 1;
    }
    let mut keep: Vec<bool> = Vec::new();
    let mut row: Vec<(u32, u32)> = Vec::new();
    for span in row_start.windows(2) {
        row.clear();
        row.extend(
            order[span[0] as usize..span[1] as usize].iter().map(|&at| (triples.items[at as usize], at)),
        );
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
    drop(order);
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
