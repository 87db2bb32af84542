//! MovieLens-100K in the split on which quality is compared with other libraries: all ratings
//! count as interactions; each user's items are ordered by a hash of (user, item), the last tenth
//! (rounded down) is the test part and the tenth before it the validation part.

use std::io::{BufRead, BufReader};

use shillproof_core::{Interactions, RatingScale, Triples};

use crate::fixtures::stars;
use crate::real_data;

/// Training, validation and test part; the same users and items.
#[derive(Clone, Debug)]
pub struct AnchorSplit {
    /// About 80 %.
    pub train: Interactions,
    /// About 10 %.
    pub valid: Interactions,
    /// About 10 %.
    pub test: Interactions,
}

/// MovieLens-100K with its ratings and times, users and items by their original numbers less one.
pub fn ml_100k() -> Option<Interactions> {
    let path = real_data("ml-100k")?.join("ml-100k.inter.gz");
    let file = std::fs::File::open(&path).expect("the data folder holds the file that its README names");
    let mut cells = Triples { ratings: Some(Vec::new()), times: Some(Vec::new()), ..Triples::default() };
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines().skip(1) {
        let line = line.expect("the file is text");
        let fields: Vec<f64> =
            line.split('\t').map(|f| f.parse().expect("every column of the file is a number")).collect();
        cells.users.push(fields[0] as u32 - 1);
        cells.items.push(fields[1] as u32 - 1);
        cells.ratings.get_or_insert_default().push(fields[2] as f32);
        cells.times.get_or_insert_default().push(fields[3] as i64);
    }
    let scale: RatingScale = stars();
    Some(Interactions::from_triples(943, 1682, cells, Some(scale)).expect("MovieLens-100K is a matrix"))
}

/// The split of MovieLens-100K, without ratings.
pub fn ml_100k_split() -> Option<AnchorSplit> {
    Some(anchor_split(&ml_100k()?.binarize()))
}

/// The split of any data; ids are hashed as ids plus one.
pub fn anchor_split(data: &Interactions) -> AnchorSplit {
    let part = |wanted: std::cmp::Ordering| {
        data.filter(|user, at, _| {
            let row = data.row(user);
            let key = |i: u32| splitmix64((u64::from(user.0) + 1) << 32 | (u64::from(i) + 1));
            let own = key(row.items()[at].0);
            let rank = row.items().iter().filter(|i| key(i.0) < own).count();
            let (n, m) = (row.len(), row.len() / 10);
            let found = if rank < n - 2 * m {
                std::cmp::Ordering::Less
            } else if rank < n - m {
                std::cmp::Ordering::Equal
            } else {
                std::cmp::Ordering::Greater
            };
            found == wanted
        })
    };
    AnchorSplit {
        train: part(std::cmp::Ordering::Less),
        valid: part(std::cmp::Ordering::Equal),
        test: part(std::cmp::Ordering::Greater),
    }
}

fn splitmix64(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Planted;
    use shillproof_core::Seed;

    #[test]
    fn the_parts_are_a_partition() {
        let planted = Planted { users: 9, items: 90, clusters: 3, per_user: 25, affinity: 0.5 };
        let data = planted.implicit(Seed::new(1));
        let split = anchor_split(&data);
        for user in data.users() {
            let parts = [&split.train, &split.valid, &split.test].map(|p| p.row(user).items().to_vec());
            assert_eq!(parts.each_ref().map(Vec::len), [21, 2, 2]);
            let mut all = parts.concat();
            all.sort_unstable();
            assert_eq!(all, data.row(user).sorted());
        }
    }
}
