//! Small data with a known answer.

use std::sync::Mutex;

use rand::RngExt;
use shillproof_core::{Checkpoint, Interactions, ItemId, RatingScale, Seed, Triples, UserId};

/// Stars, 1 to 5.
pub fn stars() -> RatingScale {
    RatingScale::new(1.0, 5.0, 1.0).expect("1..5 is a scale")
}

/// A checkpoint that remembers every state it was given; the last one is loaded.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<Vec<u8>>>);

impl Memory {
    /// One that holds this state.
    pub fn of(state: &[u8]) -> Self {
        Self(Mutex::new(vec![state.to_vec()]))
    }

    /// All states, in the order in which they were saved.
    pub fn states(&self) -> Vec<Vec<u8>> {
        self.0.lock().expect("nobody panicked").clone()
    }
}

impl Checkpoint for Memory {
    fn load(&self) -> Option<Vec<u8>> {
        self.states().pop()
    }

    fn save(&self, state: &[u8]) {
        self.0.lock().expect("nobody panicked").push(state.to_vec());
    }
}

/// The board on which users and items of one color belong together: user `u` and item `i` match
/// when `u + i` is even. Each user misses one cell of the own color, so that there is something to predict.
#[derive(Clone, Copy, Debug)]
pub struct Checkerboard {
    /// Number of users; even.
    pub users: usize,
    /// Number of items; even, at least 6.
    pub items: usize,
}

impl Checkerboard {
    /// Users like every item of their color but the held-out one, round the board and ending before it.
    pub fn implicit(self) -> Interactions {
        self.build(|matching| matching.then_some(1.0), None)
    }

    /// Users rate items of their color 5 and the others 1; one cell of each color is not rated.
    pub fn explicit(self) -> Interactions {
        self.build(|matching| Some(if matching { 5.0 } else { 1.0 }), Some(stars()))
    }

    /// The matching item that `user` has not rated.
    pub fn held_out(self, user: UserId) -> ItemId {
        let (u, half) = (user.index(), self.items / 2);
        ItemId((2 * (u / 2 % half) + u % 2) as u32)
    }

    /// An item of the other color that `user` has not rated either.
    pub fn mismatch(self, user: UserId) -> ItemId {
        ItemId(self.held_out(user).0 ^ 1)
    }

    fn build(self, rating: impl Fn(bool) -> Option<f32>, scale: Option<RatingScale>) -> Interactions {
        assert!(self.users.is_multiple_of(2) && self.items.is_multiple_of(2) && self.items >= 6);
        let mut cells =
            Triples { ratings: scale.map(|_| Vec::new()), times: Some(Vec::new()), ..Triples::default() };
        for u in 0..self.users as u32 {
            let user = UserId(u);
            for i in 0..self.items as u32 {
                if ItemId(i) == self.held_out(user) || ItemId(i) == self.mismatch(user) {
                    continue;
                }
                if let Some(value) = rating((u + i).is_multiple_of(2)) {
                    cells.users.push(u);
                    cells.items.push(i);
                    if let Some(ratings) = &mut cells.ratings {
                        ratings.push(value);
                    }
                    if let Some(times) = &mut cells.times {
                        // Round the board: what the user has not taken would come next.
                        let items = self.items as u32;
                        times.push(i64::from((i + items - self.held_out(user).0) % items));
                    }
                }
            }
        }
        Interactions::from_triples(self.users, self.items, cells, scale).expect("the board is a matrix")
    }
}

/// Users and items in planted clusters, with a long tail of popularity inside each cluster:
/// user `u` belongs to cluster `u % clusters`, item `i` to `i % clusters`.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// Number of users.
    pub users: usize,
    /// Number of items.
    pub items: usize,
    /// Number of clusters, at most the number of items.
    pub clusters: usize,
    /// Interactions a user; at most a third of the items.
    pub per_user: usize,
    /// Probability that an interaction stays inside the user's cluster.
    pub affinity: f64,
}

impl Planted {
    /// Interactions without ratings, in time order.
    pub fn implicit(self, seed: Seed) -> Interactions {
        self.build(seed, false)
    }

    /// Ratings: 4 or 5 inside the user's cluster, 1 or 2 outside.
    pub fn explicit(self, seed: Seed) -> Interactions {
        self.build(seed, true)
    }

    fn build(self, seed: Seed, explicit: bool) -> Interactions {
        assert!(self.per_user * 3 <= self.items && self.clusters <= self.items);
        let mut cells =
            Triples { ratings: explicit.then(Vec::new), times: Some(Vec::new()), ..Triples::default() };
        for u in 0..self.users {
            let mut rng = seed.child("planted").index(u as u64).rng();
            let own = u % self.clusters;
            let mut taken = vec![false; self.items];
            let mut time = 0;
            while time < self.per_user as i64 {
                let inside = rng.random::<f64>() < self.affinity;
                let cluster = if inside { own } else { rng.random_range(0..self.clusters) };
                let size = (self.items - cluster).div_ceil(self.clusters);
                // The square of a uniform number puts half of the draws on the first quarter of the cluster.
                let rank = (rng.random::<f64>().powi(2) * size as f64) as usize;
                // Taken items give way to the next of the cluster, full clusters to any item.
                let item = (0..size)
                    .map(|step| (rank + step) % size * self.clusters + cluster)
                    .chain(0..self.items)
                    .find(|&i| !taken[i])
                    .expect("a third of the items at most is taken");
                taken[item] = true;
                cells.users.push(u as u32);
                cells.items.push(item as u32);
                if let Some(ratings) = &mut cells.ratings {
                    let low = if item % self.clusters == own { 4 } else { 1 };
                    ratings.push(rng.random_range(low..=low + 1) as f32);
                }
                if let Some(times) = &mut cells.times {
                    times.push(time);
                }
                time += 1;
            }
        }
        Interactions::from_triples(self.users, self.items, cells, explicit.then(stars))
            .expect("planted interactions are a matrix")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_leaves_out_what_it_says() {
        let board = Checkerboard { users: 8, items: 6 };
        let data = board.implicit();
        for user in data.users() {
            let (held, other) = (board.held_out(user), board.mismatch(user));
            assert!((user.0 + held.0).is_multiple_of(2) && !(user.0 + other.0).is_multiple_of(2));
            assert!(!data.row(user).contains(held));
            assert_eq!(data.row(user).len(), 2);
            assert_eq!(board.explicit().row(user).len(), 4);
        }
    }

    #[test]
    fn planted_users_stay_in_their_cluster_and_seeds_matter() {
        let planted = Planted { users: 40, items: 60, clusters: 3, per_user: 12, affinity: 0.9 };
        let data = planted.explicit(Seed::new(1));
        let inside = data
            .users()
            .flat_map(|u| data.row(u).items().iter().map(move |i| i.index() % 3 == u.index() % 3))
            .filter(|&same| same)
            .count();
        assert!(inside > 380, "{inside} of 480 inside");
        assert_ne!(data, planted.explicit(Seed::new(2)));
        assert_eq!(data.len(), 480);
    }
}
