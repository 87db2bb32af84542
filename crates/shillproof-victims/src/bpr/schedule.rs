//! Which triples are drawn, in which order, and what may run at once.
//!
//! Users and items are cut into B blocks each. In every epoch the items are dealt to their blocks
//! anew; an epoch has B rounds, and in a round the B pairs of a user block with an item block touch
//! disjoint parameters, so they run in parallel without locks (Gemulla et al., KDD 2011). As a
//! negative comes from the block of the positive, and blocks are drawn at random, it is uniform over
//! the items that the user does not have. B depends on the data alone: any number of threads
//! gives the same bits. Small data has B = 1, which is plain sequential descent.

use std::ops::Range;

use rand::RngExt;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use shillproof_core::{Cancelled, Ctx};
use shillproof_kernels::{Csr, Matrix};

use super::negative::Filter;
use super::step::{GROUP, Parameters, Rates, Triple};

/// Draws made at once, so that their rows are on the way while earlier ones are used.
const BATCH: usize = 64;

/// The parameters between epochs.
pub(super) struct Model {
    width: usize,
    users: Vec<f32>,
    items: Vec<f32>,
    bias: Vec<f32>,
}

impl Model {
    pub(super) fn new(users: &Matrix, items: &Matrix) -> Self {
        let width = users.columns().next_multiple_of(GROUP);
        let padded = |matrix: &Matrix| {
            let mut out = vec![0.0; matrix.rows() * width];
            for (i, row) in out.chunks_exact_mut(width).enumerate() {
                row[..matrix.columns()].copy_from_slice(matrix.row(i));
            }
            out
        };
        Self { width, users: padded(users), items: padded(items), bias: vec![0.0; items.rows()] }
    }

    /// User and item factors of `factors` columns; the bias is one column more, against a constant 1.
    pub(super) fn into_factors(self, factors: usize, item_bias: bool) -> (Matrix, Matrix) {
        let widen = |rows: &[f32], last: &dyn Fn(usize) -> f32| {
            let n = rows.len() / self.width;
            let mut out = Matrix::zeros(n, factors + usize::from(item_bias));
            for (i, row) in rows.chunks_exact(self.width).enumerate() {
                let out = out.row_mut(i);
                out[..factors].copy_from_slice(&row[..factors]);
                if item_bias {
                    out[factors] = last(i);
                }
            }
            out
        };
        (widen(&self.users, &|_| 1.0), widen(&self.items, &|i| self.bias[i]))
    }

    pub(super) fn is_finite(&self) -> bool {
        let all = |values: &[f32]| values.par_chunks(1 << 14).all(|c| c.iter().all(|x| x.is_finite()));
        all(&self.users) && all(&self.items) && all(&self.bias)
    }
}

/// A block of users and their rows of the model.
struct UserBlock<'a> {
    ids: Range<usize>,
    rows: &'a mut [f32],
    weights: Option<&'a [f32]>,
}

/// A block of items, with the interactions and the part of the model that belong to them.
struct ItemBlock {
    ids: Vec<u32>,
    /// Where the interactions of each user start.
    starts: Vec<usize>,
    /// User and position of the item in `ids`, ascending.
    pairs: Vec<(u32, u32)>,
    rows: Vec<f32>,
    bias: Vec<f32>,
}

/// The data, cut for descent.
pub(super) struct Schedule {
    raters: Csr,
    filter: Filter,
    user_cuts: Vec<usize>,
    blocks: Vec<ItemBlock>,
}

impl Schedule {
    /// For these users x items. One block at least, one for each 512 items and 32 at most, so that the
    /// B² pairs have 50,000 interactions or more on average.
    pub(super) fn new(profiles: &Csr) -> Self {
        let most = (profiles.n_columns() / 512).min((profiles.len() / 50_000).isqrt()).clamp(1, 32);
        Self::with_blocks(profiles, 1 << most.ilog2())
    }

    fn with_blocks(profiles: &Csr, blocks: usize) -> Self {
        let starts = profiles.row_starts();
        let cut = |b: usize| starts.partition_point(|&s| s * blocks < profiles.len() * b);
        let mut user_cuts: Vec<usize> = (0..=blocks).map(cut).collect();
        user_cuts[blocks] = profiles.n_rows();
        Self { raters: profiles.transpose(), filter: Filter::of(profiles), user_cuts, blocks: Vec::new() }
    }

    /// Gives the items to the blocks in this order.
    fn deal(&mut self, order: &[u32]) {
        let blocks = self.user_cuts.len() - 1;
        let cut = |b: usize| b * order.len() / blocks;
        // The old deal goes first: both at once would double the memory.
        self.blocks.clear();
        self.blocks = (0..blocks)
            .into_par_iter()
            .map(|b| {
                let ids = order[cut(b)..cut(b + 1)].to_vec();
                let cells = self.raters.select(&ids).transpose();
                let mut pairs = Vec::with_capacity(cells.len());
                for user in 0..cells.n_rows() {
                    pairs.extend(cells.columns(user).iter().map(|&item| (user as u32, item)));
                }
                ItemBlock {
                    ids,
                    starts: cells.row_starts().to_vec(),
                    pairs,
                    rows: Vec::new(),
                    bias: Vec::new(),
                }
            })
            .collect();
    }

    /// One epoch: as many draws as there are interactions.
    ///
    /// # Shapes
    /// `weights`: one a user.
    pub(super) fn epoch(
        &mut self,
        model: &mut Model,
        weights: Option<&[f32]>,
        rates: Rates,
        ctx: &Ctx<'_>,
    ) -> Result<(), Cancelled> {
        let n = self.user_cuts.len() - 1;
        // One block of all items need not be dealt again.
        if n > 1 || self.blocks.is_empty() {
            let mut order: Vec<u32> = (0..model.bias.len() as u32).collect();
            order.shuffle(&mut ctx.seed.child("blocks").rng());
            self.deal(&order);
        }
        for block in &mut self.blocks {
            block.take(model);
        }
        let width = model.width;
        let mut users = Vec::with_capacity(n);
        let mut rest = &mut model.users[..];
        for cut in self.user_cuts.windows(2) {
            let ids = cut[0]..cut[1];
            let (rows, tail) = rest.split_at_mut(ids.len() * width);
            users.push(UserBlock { rows, weights: weights.map(|w| &w[ids.clone()]), ids });
            rest = tail;
        }
        for round in 0..n {
            let ctx = ctx.at(ctx.seed.child("triples").index(round as u64));
            users
                .par_iter_mut()
                .zip(&mut self.blocks)
                .enumerate()
                .map(|(at, (users, items))| {
                    items.descend(users, &self.filter, width, rates, &ctx.at(ctx.seed.index(at as u64)))
                })
                .collect::<Result<(), _>>()?;
            self.blocks.rotate_left(1);
        }
        for block in &self.blocks {
            block.give_back(model);
        }
        Ok(())
    }
}

impl ItemBlock {
    fn take(&mut self, model: &Model) {
        let (width, ids) = (model.width, &self.ids);
        self.rows.clear();
        for &id in ids {
            self.rows.extend_from_slice(&model.items[id as usize * width..][..width]);
        }
        self.bias.clear();
        self.bias.extend(ids.iter().map(|&id| model.bias[id as usize]));
    }

    fn give_back(&self, model: &mut Model) {
        let width = model.width;
        for (&id, (row, bias)) in self.ids.iter().zip(self.rows.chunks_exact(width).zip(&self.bias)) {
            model.items[id as usize * width..][..width].copy_from_slice(row);
            model.bias[id as usize] = *bias;
        }
    }

    /// As many draws as these users have interactions with these items.
    fn descend(
        &mut self,
        users: &mut UserBlock<'_>,
        filter: &Filter,
        width: usize,
        rates: Rates,
        ctx: &Ctx<'_>,
    ) -> Result<(), Cancelled> {
        let pairs = &self.pairs[self.starts[users.ids.start]..self.starts[users.ids.end]];
        let mut at = Parameters {
            width,
            users: users.rows,
            weights: users.weights,
            items: &mut self.rows,
            bias: &mut self.bias,
        };
        let mut rng = ctx.seed.rng();
        let (mut draws, mut batch) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        for (nth, first) in (0..pairs.len()).step_by(BATCH).enumerate() {
            if nth % 1024 == 0 {
                ctx.check()?;
            }
            draws.clear();
            draws.extend(
                (first..pairs.len().min(first + BATCH))
                    .map(|_| pairs[rng.random_range(0..pairs.len() as u32) as usize]),
            );
            batch.clear();
            for &(user, positive) in &draws {
                let own = &self.pairs[self.starts[user as usize]..self.starts[user as usize + 1]];
                if let Some(negative) = filter.draw(own, &self.ids, &mut rng) {
                    batch.push(Triple { user: user - users.ids.start as u32, positive, negative });
                }
            }
            at.descend(&batch, rates);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, Seed, Triples};

    /// 24 users, 40 items, user u has the items i with u + i divisible by 3.
    fn profiles() -> Csr {
        let cells: Vec<(u32, u32)> =
            (0..24).flat_map(|u| (0..40).map(move |i| (u, i))).filter(|&(u, i)| (u + i) % 3 == 0).collect();
        let (users, items) = cells.into_iter().unzip();
        let triples = Triples { users, items, ratings: None, times: None };
        Csr::of(&Interactions::from_triples(24, 40, triples, None).unwrap())
    }

    #[test]
    fn a_deal_keeps_every_interaction_once() {
        let data = profiles();
        for blocks in [1, 2, 4, 8] {
            let mut schedule = Schedule::with_blocks(&data, blocks);
            let mut order: Vec<u32> = (0..40).collect();
            order.shuffle(&mut Seed::new(3).rng());
            schedule.deal(&order);
            assert_eq!(schedule.blocks.len(), blocks);
            let mut pairs: Vec<(u32, u32)> = Vec::new();
            for block in &schedule.blocks {
                for u in 0..24 {
                    let own = &block.pairs[block.starts[u]..block.starts[u + 1]];
                    assert!(own.iter().all(|p| p.0 == u as u32) && own.is_sorted());
                    pairs.extend(own.iter().map(|p| (p.0, block.ids[p.1 as usize])));
                }
            }
            pairs.sort_unstable();
            let all: Vec<_> =
                (0..24).flat_map(|u| data.columns(u as usize).iter().map(move |&i| (u, i))).collect();
            assert_eq!(pairs, all);
            assert_eq!((schedule.user_cuts[0], schedule.user_cuts[blocks]), (0, 24));
            assert!(schedule.user_cuts.is_sorted());
        }
    }

    #[test]
    fn blocks_learn_like_one_and_do_not_depend_on_threads() {
        let data = profiles();
        let rates = Rates { learning_rate: 0.1, regularization: 0.002, item_bias: true };
        let fit = |blocks, threads| {
            let mut schedule = Schedule::with_blocks(&data, blocks);
            let seed = Seed::new(4);
            let (users, items) =
                (Matrix::normal(24, 6, 0.1, seed.child("u")), Matrix::normal(40, 6, 0.1, seed.child("i")));
            let mut model = Model::new(&users, &items);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                for epoch in 0..60 {
                    let ctx = Ctx::new(seed.index(epoch));
                    schedule.epoch(&mut model, None, rates, &ctx).unwrap();
                }
            });
            model.into_factors(6, true)
        };
        for blocks in [1, 2, 4] {
            let (users, items) = fit(blocks, 1);
            assert_eq!((&users, &items), (&fit(blocks, 3).0, &fit(blocks, 3).1));
            let score = |u: usize, i: usize| shillproof_kernels::dot(users.row(u), items.row(i));
            let pairs = (0..24).flat_map(|u| (0..39).map(move |i| (u, i))).filter(|&(u, i)| (u + i) % 3 == 0);
            let (right, all) = pairs.fold((0, 0), |(right, all), (u, i)| {
                (right + usize::from(score(u, i) > score(u, i + 1)), all + 1)
            });
            assert!(right * 100 >= all * 97, "{blocks} blocks: {right} of {all} in order");
        }
    }
}
