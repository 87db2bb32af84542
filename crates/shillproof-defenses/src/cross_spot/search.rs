//! The search for the block of users and items that uniform density explains least.

use rand::RngExt;
use rayon::prelude::*;
use shillproof_core::{Cancelled, Ctx, Interactions, Seed, UserId};

/// Climbs in step: enough for many threads, few enough to hold.
const TOGETHER: usize = 1024;

/// Which users have which items, from both sides. A cell counts once, and not at all once its block has been taken.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    by_user: Vec<Vec<u32>>,
    by_item: Vec<Vec<u32>>,
    mass: usize,
}

/// Users, items, and how little chance explains the cells that they have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block {
    /// Ascending.
    pub(super) users: Vec<u32>,
    /// Ascending.
    pub(super) items: Vec<u32>,
    /// Cells in common.
    pub(super) mass: usize,
    /// Negative log-likelihood of the block's mass.
    pub(super) suspicion: f64,
}

impl Cells {
    pub(super) fn of(log: &Interactions) -> Self {
        let rows = log.rows().map(|row| row.sorted().iter().map(|item| item.0).collect());
        Self::from_rows(rows.collect(), log.n_items())
    }

    fn from_rows(by_user: Vec<Vec<u32>>, n_items: usize) -> Self {
        let mut by_item = vec![Vec::new(); n_items];
        for (user, row) in by_user.iter().enumerate() {
            for &item in row {
                by_item[item as usize].push(user as u32);
            }
        }
        Self { mass: by_user.iter().map(Vec::len).sum(), by_user, by_item }
    }

    /// Every item with as many users as it has, drawn anew: what remains of the data without any block.
    pub(super) fn shuffled(&self, seed: Seed) -> Self {
        let users = self.by_user.len();
        let mut by_user = vec![Vec::new(); users];
        for (item, had_by) in self.by_item.iter().enumerate() {
            let mut rng = seed.index(item as u64).rng();
            for user in rand::seq::index::sample(&mut rng, users, had_by.len()) {
                by_user[user].push(item as u32);
            }
        }
        Self::from_rows(by_user, self.by_item.len())
    }

    /// The same without the cells of a block.
    pub(super) fn without(&self, block: &Block) -> Self {
        let mut by_user = self.by_user.clone();
        for &user in &block.users {
            by_user[user as usize].retain(|item| block.items.binary_search(item).is_err());
        }
        Self::from_rows(by_user, self.by_item.len())
    }

    /// Suspicion of a block of `users` x `items` with `mass` cells: how unlikely a Poisson number of the data's average density
    /// makes its mass (Jiang et al., ICDM 2015, eq. 3); 0 for blocks that are no denser than the data.
    ///
    /// With p the block's share of all cells of the matrix, `c ln(c / Cp) − c + Cp`.
    pub(super) fn suspicion(&self, users: usize, items: usize, mass: usize) -> f64 {
        let share = users as f64 / self.by_user.len() as f64 * (items as f64 / self.by_item.len() as f64);
        let (mass, expected) = (mass as f64, self.mass as f64 * share);
        if mass <= expected || mass == 0.0 { 0.0 } else { mass * (mass / expected).ln() - mass + expected }
    }

    /// The best block over all starts: the users of `raters` random items, or of all if there are no more, and `random` sets of items of random
    /// size. None depends on the order of users.
    pub(super) fn best(
        &self,
        raters: usize,
        random: usize,
        seed: Seed,
        ctx: &Ctx<'_>,
    ) -> Result<Block, Cancelled> {
        let items = self.by_item.len();
        let mut rng = seed.child("raters").rng();
        let chosen = rand::seq::index::sample(&mut rng, items, raters.min(items));
        let of_raters = chosen.into_iter().filter(|&item| !self.by_item[item].is_empty()).map(Start::Raters);
        let drawn = (0..random).filter(|_| items > 0).map(Start::Random);
        let starts: Vec<Start> = of_raters.chain(drawn).collect();
        let mut best = Block::default();
        for some in starts.chunks(TOGETHER) {
            let begin = |start: &Start| match *start {
                Start::Raters(item) => Block { users: self.by_item[item].clone(), ..Block::default() },
                Start::Random(at) => self.answer(random_set(items, seed.index(at as u64)), false),
            };
            self.climb(some.par_iter().map(begin).collect(), &mut best, ctx)?;
        }
        Ok(best)
    }

    /// Best items for the users, best users for the items, and so on while that helps; all blocks in step, because most of them soon meet.
    fn climb(&self, mut open: Vec<Block>, best: &mut Block, ctx: &Ctx<'_>) -> Result<(), Cancelled> {
        while !open.is_empty() {
            // What follows depends on the users alone.
            open.sort_unstable_by(|a, b| {
                a.users.cmp(&b.users).then_with(|| b.suspicion.total_cmp(&a.suspicion))
            });
            open.dedup_by(|next, kept| next.users == kept.users);
            let climbed = open.into_par_iter().map(|block| {
                ctx.check()?;
                let next = self.answer(self.answer(block.users.clone(), true).items, false);
                Ok(if next.suspicion > block.suspicion { (next, true) } else { (block, false) })
            });
            let climbed: Vec<(Block, bool)> = climbed.collect::<Result<_, Cancelled>>()?;
            open = Vec::new();
            for (block, goes_on) in climbed {
                if goes_on {
                    open.push(block);
                } else if block.is_better_than(best) {
                    *best = block;
                }
            }
        }
        Ok(())
    }

    /// The best block with these users (or items) on one side, exactly.
    ///
    /// For a given number of items those with the largest mass are best. Suspicion is convex in (c, p), and within items of
    /// equal mass both are linear in how many are taken: the best number is at the end of such a group.
    fn answer(&self, fixed: Vec<u32>, fixed_are_users: bool) -> Block {
        let (lines, others) = if fixed_are_users {
            (&self.by_user, self.by_item.len())
        } else {
            (&self.by_item, self.by_user.len())
        };
        let mut masses = vec![0u32; others];
        for &line in &fixed {
            for &other in &lines[line as usize] {
                masses[other as usize] += 1;
            }
        }
        let mut with_mass = vec![0usize; fixed.len() + 1];
        for &mass in &masses {
            with_mass[mass as usize] += 1;
        }
        let (mut taken, mut mass) = (0, 0);
        // Suspicion, smallest mass taken, mass of the block.
        let mut best = (0.0, fixed.len() + 1, 0);
        for (own, &count) in with_mass.iter().enumerate().skip(1).rev().filter(|group| *group.1 > 0) {
            taken += count;
            mass += own * count;
            let [users, items] = if fixed_are_users { [fixed.len(), taken] } else { [taken, fixed.len()] };
            let suspicion = self.suspicion(users, items, mass);
            if suspicion > best.0 {
                best = (suspicion, own, mass);
            }
        }
        let (suspicion, least, mass) = best;
        let chosen = (0..others as u32).filter(|&other| masses[other as usize] as usize >= least).collect();
        let [users, items] = if fixed_are_users { [fixed, chosen] } else { [chosen, fixed] };
        Block { users, items, mass, suspicion }
    }

    /// The share of the block's items that each user has.
    pub(super) fn overlap(&self, block: &Block) -> Vec<f64> {
        let common =
            |row: &Vec<u32>| row.iter().filter(|item| block.items.binary_search(item).is_ok()).count();
        self.by_user.iter().map(|row| common(row) as f64 / block.items.len().max(1) as f64).collect()
    }
}

/// Where a climb begins: the users of an item, or a random set of items by its number.
enum Start {
    Raters(usize),
    Random(usize),
}

/// Ascending items of random number.
fn random_set(items: usize, seed: Seed) -> Vec<u32> {
    let mut rng = seed.rng();
    let size = rng.random_range(1..=items);
    let mut set: Vec<u32> =
        rand::seq::index::sample(&mut rng, items, size).into_iter().map(|item| item as u32).collect();
    set.sort_unstable();
    set
}

impl Block {
    pub(super) fn has(&self, user: UserId) -> bool {
        self.users.binary_search(&user.0).is_ok()
    }

    /// More suspicious; of equals the smaller, because what is suspicious is suspicious without more.
    fn is_better_than(&self, other: &Self) -> bool {
        let size = |b: &Self| b.users.len() * b.items.len();
        let order = self.suspicion.total_cmp(&other.suspicion);
        let order = order.then_with(|| (size(other), &other.items).cmp(&(size(self), &self.items)));
        order.is_gt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Triples;

    fn cells(users: usize, items: usize, set: &[(u32, u32)]) -> Cells {
        let triples = Triples {
            users: set.iter().map(|c| c.0).collect(),
            items: set.iter().map(|c| c.1).collect(),
            ..Triples::default()
        };
        Cells::of(&Interactions::from_triples(users, items, triples, None).unwrap())
    }

    /// The most suspicious of all blocks, one after the other.
    fn brute_force(cells: &Cells) -> f64 {
        let (users, items) = (cells.by_user.len(), cells.by_item.len());
        let mut best = 0.0f64;
        for set in 1u32..1 << items {
            for members in 1u32..1 << users {
                let mass: u32 = (0..users)
                    .filter(|u| members >> u & 1 == 1)
                    .map(|u| cells.by_user[u].iter().filter(|&&i| set >> i & 1 == 1).count() as u32)
                    .sum();
                let found =
                    cells.suspicion(members.count_ones() as usize, set.count_ones() as usize, mass as usize);
                best = best.max(found);
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_best_block_of_all_is_found(
            set in prop::collection::btree_set((0u32..7, 0u32..6), 1..30), seed: u64,
        ) {
            let cells = cells(7, 6, &set.into_iter().collect::<Vec<_>>());
            // So many starts that each of the 63 sets of items is one of them, but for one case in 10^9.
            let found = cells.best(usize::MAX, 3000, Seed::new(seed), &Ctx::new(Seed::new(0))).unwrap();
            let best = brute_force(&cells);
            prop_assert!((found.suspicion - best).abs() < 1e-9, "{found:?} for {best}");
        }

        #[test]
        fn an_answer_is_the_best_for_what_is_fixed(
            set in prop::collection::btree_set((0u32..6, 0u32..12), 1..50), fixed in 1u32..64,
        ) {
            let cells = cells(6, 12, &set.into_iter().collect::<Vec<_>>());
            let users: Vec<u32> = (0..6).filter(|u| fixed >> u & 1 == 1).collect();
            let answer = cells.answer(users.clone(), true);
            let mass = |items: u32| -> usize {
                users.iter().map(|&u| cells.by_user[u as usize].iter().filter(|&&i| items >> i & 1 == 1).count()).sum()
            };
            let best = (1u32..1 << 12)
                .map(|items| cells.suspicion(users.len(), items.count_ones() as usize, mass(items)))
                .fold(0.0, f64::max);
            prop_assert!((answer.suspicion - best).abs() < 1e-9);
        }
    }

    #[test]
    fn suspicion_is_the_published_formula() {
        let set: Vec<(u32, u32)> = (0..5).flat_map(|u| (0..4).map(move |i| (u, (u + 2 * i) % 8))).collect();
        let cells = cells(10, 8, &set);
        let (c, total, n, size) = (9.0f64, 20.0f64, [3.0f64, 4.0], [10.0f64, 8.0]);
        let published = c * (c.ln() - total.ln() - 1.0) + total * (n[0] / size[0]) * (n[1] / size[1])
            - c * ((n[0] / size[0]).ln() + (n[1] / size[1]).ln());
        assert!((cells.suspicion(3, 4, 9) - published).abs() < 1e-12);
        assert_eq!(cells.suspicion(10, 8, 20), 0.0);
        assert_eq!(cells.suspicion(0, 3, 0), 0.0);
    }

    #[test]
    fn a_shuffled_item_keeps_its_count_and_a_taken_block_is_gone() {
        let set: Vec<(u32, u32)> = (0..30).flat_map(|u| (0..=u % 4).map(move |i| (u, i))).collect();
        let cells = cells(30, 4, &set);
        let shuffled = cells.shuffled(Seed::new(3));
        let counts = |c: &Cells| c.by_item.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counts(&cells), counts(&shuffled));
        assert_ne!(cells.by_user, shuffled.by_user);
        let block = Block { users: vec![3, 7], items: vec![0, 2], ..Block::default() };
        assert_eq!(cells.without(&block).mass, cells.mass - 4);
    }
}
