//! How much of everybody's walk reaches a target over each edge (Fang et al., WWW 2020, section 7.1).

use shillproof_core::ItemId;
use shillproof_victims::RandomWalk;
use shillproof_victims::random_walk::{Nodes, Orientation, WalkGraph};

/// φ((k, j), t) = ∂/∂q_kj Σ_u p_u\[t\] for all edges from users k to items j at once.
///
/// With M = (I − (1 − α) T)⁻¹ and P̄ = Σ_u p_u it is (1 − α) P̄\[k\] M\[t, j\] where T = Qᵀ, and (1 − α) P̄\[j\] M\[t, k\] where T = Q.
/// P̄ takes one solve from all users, the row of M one adjoint solve: O(edges) for all edges together. It has the sign
/// of the derivative, the opposite of removal. Several targets add up.
pub struct WalkInfluence<'a> {
    graph: &'a WalkGraph,
    /// (1 − α) times what the edge carries away from its one end, at users (stationary) or items.
    from: Vec<f64>,
    /// What of it reaches the target from its other end.
    to: Vec<f64>,
    orientation: Orientation,
}

impl<'a> WalkInfluence<'a> {
    /// Influence on `targets` of the walk `recipe`. With `truncation` T₀ the row of M is I + Σ_{i ≤ T₀} (1 − α)ⁱ Tⁱ, as the
    /// paper proposes; on a graph of users and items the first term reaches those who rated a target, and no others.
    pub fn new(
        graph: &'a WalkGraph,
        recipe: &RandomWalk,
        targets: &[ItemId],
        truncation: Option<usize>,
    ) -> Self {
        let keep = 1.0 - recipe.restart;
        let forward = recipe.system(graph, None);
        let mut rhs = Nodes::<1>::zero(graph.n_users(), graph.n_items());
        rhs.users.fill([recipe.restart]);
        let mut reached = forward.start(&rhs);
        forward.solve_one(&rhs, &mut reached, recipe.tolerance);

        let adjoint = recipe.adjoint(graph, None);
        let mut rhs = Nodes::<1>::zero(graph.n_users(), graph.n_items());
        for target in targets {
            rhs.items[target.index()] = [1.0];
        }
        let row = if let Some(terms) = truncation {
            let (mut power, mut sum) = (rhs.clone(), rhs);
            for _ in 0..terms {
                power = adjoint.step(&power);
                let powers = power.users.iter_mut().chain(&mut power.items);
                for (power, sum) in powers.zip(sum.users.iter_mut().chain(&mut sum.items)) {
                    power[0] *= keep;
                    sum[0] += power[0];
                }
            }
            sum
        } else {
            let mut row = adjoint.start(&rhs);
            adjoint.solve_one(&rhs, &mut row, recipe.tolerance);
            row
        };
        let (from, to) = match recipe.orientation {
            Orientation::Stationary => (reached.users, row.items),
            Orientation::PaperLiteral => (reached.items, row.users),
        };
        Self {
            graph,
            from: from.into_iter().map(|[x]| keep * x).collect(),
            to: to.into_iter().map(|[x]| x).collect(),
            orientation: recipe.orientation,
        }
    }

    /// φ of the edge from `user` to `item`, whether it is there or not.
    pub fn edge(&self, user: usize, item: usize) -> f64 {
        match self.orientation {
            Orientation::Stationary => self.from[user] * self.to[item],
            Orientation::PaperLiteral => self.from[item] * self.to[user],
        }
    }

    /// Influence of each of a user's edges, in the order of the graph's profile.
    ///
    /// With `renormalise` the influence of an edge is what its removal takes away to first order, where the rest of the
    /// user's row grows to sum to one again: q_kj (φ_kj − Σ_{j′ ≠ j} q_kj′ φ_kj′ / (1 − q_kj)).
    pub fn edges(&self, user: usize, renormalise: bool) -> Vec<f64> {
        let items = self.graph.profiles().columns(user);
        let plain: Vec<f64> = items.iter().map(|&item| self.edge(user, item as usize)).collect();
        if !renormalise {
            return plain;
        }
        let total = self.graph.user_total(user);
        let ratings = self.graph.profiles().values(user);
        let q = |at: usize| ratings.map_or(1.0, |r| f64::from(r[at])) / total;
        let all: f64 = plain.iter().enumerate().map(|(at, phi)| q(at) * phi).sum();
        let alone = items.len() == 1;
        let one = |(at, &phi): (usize, &f64)| {
            let rest = if alone { 0.0 } else { (all - q(at) * phi) / (1.0 - q(at)) };
            q(at) * (phi - rest)
        };
        plain.iter().enumerate().map(one).collect()
    }

    /// π(k, t) of all users k: the sum over their edges.
    pub fn users(&self, renormalise: bool) -> Vec<f64> {
        (0..self.graph.n_users()).map(|user| self.edges(user, renormalise).iter().sum()).collect()
    }
}
