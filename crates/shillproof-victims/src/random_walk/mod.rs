//! Random walk with restart on the graph of users and items.

mod graph;
mod system;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, ItemId, Recommender, Scorer, UserId, Victim};

use crate::input;

pub use graph::{Orientation, WalkGraph};
pub use system::{LANES, Nodes, WalkSystem};

/// Scores an item by how often a walk that keeps returning to the user is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomWalk {
    /// α, the probability of returning to the user in each step; above 0 and below 1.
    pub restart: f64,
    /// Which way the transition matrix is read.
    pub orientation: Orientation,
    /// Error that is left in the probabilities; from 1e-14 to below 1.
    pub tolerance: f64,
}

impl Default for RandomWalk {
    fn default() -> Self {
        Self { restart: 0.3, orientation: Orientation::Stationary, tolerance: 1e-10 }
    }
}

pub(crate) const CARD: Card = Card {
    name: "random-walk",
    summary: "random walk with restart on the graph of users and items",
    doc: include_str!("../../../../docs/victims/random-walk.md"),
    reference: "Fouss, Pirotte, Renders, Saerens, Random-walk computation of similarities between nodes of a \
                graph with application to collaborative recommendation, TKDE 2007",
};

impl Victim for RandomWalk {
    fn feedback(&self) -> Feedback {
        Feedback::Either
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        ctx.check()?;
        self.check_range()?;
        let graph = WalkGraph::new(job.train, input::user_weight(job)?);
        if graph.profiles().is_empty() {
            return Err(FitError::Empty);
        }
        Ok(Box::new(Fitted { graph, recipe: self.clone() }))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl RandomWalk {
    fn check_range(&self) -> Result<(), FitError> {
        let within = |name, value: f64, low: f64, expected| {
            if value >= low && value > 0.0 && value < 1.0 {
                Ok(())
            } else {
                Err(FitError::Parameter { name, got: value.to_string(), expected })
            }
        };
        within("restart", self.restart, 0.0, "above 0 and below 1")?;
        within("tolerance", self.tolerance, 1e-14, "at least 1e-14 and below 1")
    }

    /// The system whose solutions are the probabilities of this recipe on `graph`.
    pub fn system<'a>(&self, graph: &'a WalkGraph, extra: Option<&'a [f64]>) -> WalkSystem<'a> {
        WalkSystem::new(graph, self.orientation, self.restart, extra)
    }

    /// The system of the adjoint: its matrix is the transpose.
    pub fn adjoint<'a>(&self, graph: &'a WalkGraph, extra: Option<&'a [f64]>) -> WalkSystem<'a> {
        WalkSystem::new(graph, self.orientation.transposed(), self.restart, extra)
    }

    /// p_u for at most [`LANES`] users: the probability of every node for a walk that returns to u. Mass that
    /// reaches a node without edges returns to u.
    ///
    /// # Shapes
    /// One lane a user, in order; the lanes after the last user are zero.
    pub fn probabilities(&self, graph: &WalkGraph, users: &[UserId]) -> Nodes<LANES> {
        let system = self.system(graph, None);
        let rhs = self.restarts(&system, graph, users);
        let mut p = system.start(&rhs);
        system.solve(&rhs, &mut p, self.tolerance);
        self.return_lost_mass(graph, users, &mut p);
        p
    }

    fn restarts<const L: usize>(
        &self,
        system: &WalkSystem<'_>,
        graph: &WalkGraph,
        users: &[UserId],
    ) -> Nodes<L> {
        let mut rhs = Nodes::zero(system.n_users(), graph.n_items());
        for (lane, user) in users.iter().enumerate() {
            rhs.users[user.index()][lane] = self.restart;
        }
        rhs
    }

    /// Returning lost mass to where the walk restarts changes the size of the restart and nothing else,
    /// so it comes to making the probabilities sum to one.
    fn return_lost_mass<const L: usize>(&self, graph: &WalkGraph, users: &[UserId], p: &mut Nodes<L>) {
        let loses = |user: &UserId| {
            graph.user_total(user.index()) == 0.0
                || graph.profiles().columns(user.index()).iter().any(|&i| graph.item_total(i as usize) == 0.0)
        };
        if self.orientation == Orientation::PaperLiteral || !users.iter().any(loses) {
            return;
        }
        for lane in (0..users.len()).filter(|&lane| loses(&users[lane])) {
            let nodes = p.users.iter().chain(&p.items);
            let total: f64 = nodes.map(|cells| cells[lane]).sum();
            for cells in p.users.iter_mut().chain(&mut p.items) {
                cells[lane] /= total;
            }
        }
    }
}

struct Fitted {
    graph: WalkGraph,
    recipe: RandomWalk,
}

impl Recommender for Fitted {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Fitted {
    fn n_items(&self) -> usize {
        self.graph.n_items()
    }

    fn score(&self, user: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        let system = self.recipe.system(&self.graph, None);
        let rhs: Nodes<1> = self.recipe.restarts(&system, &self.graph, &[user]);
        let mut p = system.start(&rhs);
        system.solve_one(&rhs, &mut p, self.recipe.tolerance);
        self.recipe.return_lost_mass(&self.graph, &[user], &mut p);
        for (score, cells) in out.iter_mut().zip(&p.items) {
            *score = cells[0] as f32;
        }
    }

    fn score_block(&self, users: &[UserId], out: &mut [f32]) {
        let n = self.n_items();
        for (users, rows) in users.chunks(LANES).zip(out.chunks_mut(LANES * n.max(1))) {
            let p = self.recipe.probabilities(&self.graph, users);
            for (i, cells) in p.items.iter().enumerate() {
                for lane in 0..users.len() {
                    rows[lane * n + i] = cells[lane] as f32;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
