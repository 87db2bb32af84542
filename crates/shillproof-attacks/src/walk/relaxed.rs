//! The loss of one fake user whose ratings may be any number, and its gradient by adjoints.

use rayon::prelude::*;
use shillproof_core::ranking::{Ties, select_top_k};
use shillproof_core::{Cancelled, Ctx, Interactions, ItemId, UserId};
use shillproof_victims::RandomWalk;
use shillproof_victims::random_walk::{LANES, Nodes, Orientation, WalkGraph, WalkSystem};

/// What the loss is made of.
#[derive(Clone, Copy)]
pub(super) struct Lists {
    /// Length of a list.
    pub(super) length: usize,
    /// b, the width of the step from losing to winning.
    pub(super) width: f64,
    /// How equal scores are ordered.
    pub(super) ties: Ties,
}

/// Σ_u Σ_t Σ_{i ∈ Γ_u} g((p_u[i] − p_u[t]) / scale), g(x) = 1/(1 + e^(−x/b)), over users u and the targets t that u
/// has not rated. Γ_u is the list of u without targets.
pub(super) struct Relaxed<'a> {
    graph: &'a WalkGraph,
    recipe: &'a RandomWalk,
    lists: Lists,
    blocks: Vec<Block>,
    scale: f64,
}

/// At most [`LANES`] users, with the last solutions to start from.
struct Block {
    members: Vec<Member>,
    p: Option<Nodes<LANES>>,
    a: Option<Nodes<LANES>>,
}

struct Member {
    user: UserId,
    /// Rated items and targets.
    skip: Vec<ItemId>,
    /// Targets not rated.
    wanted: Vec<ItemId>,
}

/// Value of the loss and its derivative by each rating of the fake user.
#[derive(Clone, Debug, Default)]
pub(super) struct Slope {
    pub(super) loss: f64,
    pub(super) gradient: Vec<f64>,
}

impl<'a> Relaxed<'a> {
    /// The loss over `users`; what they have rated is read from `data`, whose rows the graph starts with.
    pub(super) fn new(
        graph: &'a WalkGraph,
        recipe: &'a RandomWalk,
        data: &Interactions,
        users: &[UserId],
        targets: &[ItemId],
        lists: Lists,
    ) -> Self {
        let member = |&user: &UserId| {
            let rated = data.row(user);
            let wanted: Vec<ItemId> = targets.iter().copied().filter(|&t| !rated.contains(t)).collect();
            let mut skip: Vec<ItemId> = rated.sorted().iter().chain(&wanted).copied().collect();
            skip.sort_unstable();
            Member { user, skip, wanted }
        };
        let blocks = users
            .chunks(LANES)
            .map(|users| Block { members: users.iter().map(member).collect(), p: None, a: None })
            .collect();
        Self { graph, recipe, lists, blocks, scale: 1.0 }
    }

    /// Measures score differences in mean scores of listed items from here on.
    pub(super) fn scale_by_lists(&mut self, ratings: &[f64], tolerance: f64) {
        let system = self.recipe.system(self.graph, Some(ratings));
        let (recipe, graph, lists) = (self.recipe, self.graph, self.lists);
        let sums: Vec<(f64, usize)> = self
            .blocks
            .par_iter_mut()
            .map(|block| {
                let listed = block.lists(&system, recipe, graph, lists, tolerance);
                let scores = listed.iter().flatten().map(|&(_, score)| score);
                (scores.clone().sum(), scores.count())
            })
            .collect();
        let (sum, count) = sums.iter().fold((0.0, 0), |(sum, count), part| (sum + part.0, count + part.1));
        if sum > 0.0 {
            self.scale = sum / count as f64;
        }
    }

    /// The loss and its gradient where the fake user rates item i `ratings[i]`; systems are solved to `tolerance`.
    pub(super) fn slope(
        &mut self,
        ratings: &[f64],
        tolerance: f64,
        ctx: &Ctx<'_>,
    ) -> Result<Slope, Cancelled> {
        let forward = self.recipe.system(self.graph, Some(ratings));
        let adjoint = self.recipe.adjoint(self.graph, Some(ratings));
        let (recipe, graph, lists, scale) = (self.recipe, self.graph, self.lists, self.scale);
        let parts = self
            .blocks
            .par_iter_mut()
            .map(|block| {
                ctx.check()?;
                let listed = block.lists(&forward, recipe, graph, lists, tolerance);
                let (loss, c) = block.loss(&listed, &forward, graph, lists, scale);
                let mut a = block.a.take().unwrap_or_else(|| adjoint.start(&c));
                adjoint.solve(&c, &mut a, tolerance);
                let gradient = block.gradient(&a, &c, ratings, &forward, recipe);
                block.a = Some(a);
                Ok(Slope { loss, gradient })
            })
            .collect::<Result<Vec<Slope>, Cancelled>>()?;
        let mut total = Slope { loss: 0.0, gradient: vec![0.0; ratings.len()] };
        for part in parts {
            total.loss += part.loss;
            for (sum, x) in total.gradient.iter_mut().zip(part.gradient) {
                *sum += x;
            }
        }
        Ok(total)
    }
}

impl Block {
    /// The lists of the members, with scores, after p is solved for.
    fn lists(
        &mut self,
        system: &WalkSystem<'_>,
        recipe: &RandomWalk,
        graph: &WalkGraph,
        lists: Lists,
        tolerance: f64,
    ) -> Vec<Vec<(ItemId, f64)>> {
        let mut rhs = Nodes::zero(system.n_users(), graph.n_items());
        for (lane, member) in self.members.iter().enumerate() {
            rhs.users[member.user.index()][lane] = recipe.restart;
        }
        let p = self.p.get_or_insert_with(|| system.start(&rhs));
        system.solve(&rhs, p, tolerance);
        let (mut scores, mut best) = (vec![0.0f32; graph.n_items()], Vec::new());
        let list = |(lane, member): (usize, &Member)| {
            for (score, cells) in scores.iter_mut().zip(&p.items) {
                *score = cells[lane] as f32;
            }
            select_top_k(member.user, &scores, &member.skip, lists.length, lists.ties, &mut best);
            best.iter().map(|&(item, _)| (item, p.items[item.index()][lane])).collect()
        };
        self.members.iter().enumerate().map(list).collect()
    }

    /// The loss, and c_u = ∂loss/∂p_u in the lane of u.
    fn loss(
        &self,
        listed: &[Vec<(ItemId, f64)>],
        system: &WalkSystem<'_>,
        graph: &WalkGraph,
        lists: Lists,
        scale: f64,
    ) -> (f64, Nodes<LANES>) {
        let (mut loss, mut c) = (0.0, Nodes::zero(system.n_users(), graph.n_items()));
        let Some(p) = &self.p else { return (loss, c) };
        for (lane, (member, list)) in self.members.iter().zip(listed).enumerate() {
            for target in &member.wanted {
                let own = p.items[target.index()][lane];
                for &(item, score) in list {
                    let g = logistic((score - own) / scale / lists.width);
                    let slope = g * (1.0 - g) / (lists.width * scale);
                    loss += g;
                    c.items[item.index()][lane] += slope;
                    c.items[target.index()][lane] -= slope;
                }
            }
        }
        (loss, c)
    }

    /// Σ over lanes of aᵀ (∂T/∂w_i) p times 1 − α, for every item i. A rating w_i shifts what the fake user sends to
    /// all items, and what item i sends to all of its users.
    fn gradient(
        &self,
        a: &Nodes<LANES>,
        c: &Nodes<LANES>,
        ratings: &[f64],
        system: &WalkSystem<'_>,
        recipe: &RandomWalk,
    ) -> Vec<f64> {
        let Some(p) = &self.p else { return vec![0.0; ratings.len()] };
        let (keep, fake, total) = (1.0 - recipe.restart, system.n_users() - 1, system.extra_total());
        let lanes = self.members.len();
        // In the one reading mass flows along Q and values flow back, in the other the two change places;
        // what an item receives is (1 − α)⁻¹ of what the iteration gives it.
        let (sent, worth, own): (_, _, Option<&Nodes<LANES>>) = match recipe.orientation {
            Orientation::Stationary => (p, a, Some(c)),
            Orientation::PaperLiteral => (a, p, None),
        };
        let mut mean = [0.0; LANES];
        for (cells, rating) in worth.items.iter().zip(ratings) {
            for lane in 0..lanes {
                mean[lane] += rating / total * cells[lane];
            }
        }
        let (sent_by_fake, worth_of_fake) = (&sent.users[fake], &worth.users[fake]);
        let one = |i: usize| {
            let (sent, worth) = (&sent.items[i], &worth.items[i]);
            let item_total = system.item_totals()[i];
            let mut sum = 0.0;
            for lane in 0..lanes {
                sum += sent_by_fake[lane] * (worth[lane] - mean[lane]) / total;
                if item_total > 0.0 {
                    let received = (worth[lane] - own.map_or(0.0, |c| c.items[i][lane])) / keep;
                    sum += sent[lane] * (worth_of_fake[lane] - received) / item_total;
                }
            }
            keep * sum
        };
        (0..ratings.len()).map(one).collect()
    }
}

/// 1/(1 + e^(−x)) without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}
