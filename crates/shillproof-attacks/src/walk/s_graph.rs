//! The graph attack on the most influential users.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, Knowledge, Needs};

use super::descent::{Descent, ScoreScale};
use super::influence::WalkInfluence;
use crate::catalogue::{BOTH, Capabilities, Described, PROMOTE};

/// As `srwa`, for the users alone who carry most of everybody's walks to the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SGraphAttack {
    /// Number of influential users; at least 1.
    pub influential_users: usize,
    /// Leaves out users who have all targets already, and cannot be won.
    pub skip_raters: bool,
    /// Terms after which the series of the influence is cut off; none for the exact solution.
    pub truncation: Option<usize>,
    /// Counts what the removal of an edge gives to the user's other edges.
    pub renormalise: bool,
    /// Weight of the lists against the size of the ratings; without it both pull equally hard at first.
    pub lambda: Option<f64>,
    /// Width of the step from losing against a listed item to winning; above 0.
    pub b: f64,
    /// What differences of scores are divided by.
    pub score_scale: ScoreScale,
    /// Length of the lists that the targets are to enter; at least 1.
    pub list_length: usize,
    /// Gradient steps a fake user; at least 1.
    pub iterations: usize,
    /// Largest change of a rating in the first step, as a share of the highest rating; above 0.
    pub learning_rate: f64,
    /// Users drawn for each fake user to compute its gradient from; at least 1.
    pub batch_size: usize,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

impl Default for SGraphAttack {
    fn default() -> Self {
        Self {
            influential_users: 400,
            skip_raters: true,
            truncation: None,
            renormalise: false,
            lambda: None,
            b: 0.1,
            score_scale: ScoreScale::Auto,
            list_length: 10,
            iterations: 30,
            learning_rate: 0.1,
            batch_size: 64,
            competitors: 10,
        }
    }
}

impl Attack for SGraphAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Recipe }
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        if self.influential_users == 0 {
            return Err(AttackError::Parameter {
                name: "influential_users",
                got: "0".into(),
                expected: "at least 1",
            });
        }
        let descent = Descent {
            lambda: self.lambda,
            b: self.b,
            score_scale: self.score_scale,
            list_length: self.list_length,
            iterations: self.iterations,
            learning_rate: self.learning_rate,
            batch_size: self.batch_size,
            competitors: self.competitors,
        };
        descent.craft(goal, budget, known, ctx, |scene| {
            let influence = WalkInfluence::new(scene.graph, scene.recipe, scene.pushed, self.truncation);
            let influence = influence.users(self.renormalise);
            let ties = ctx.seed.child("ties");
            let mut users = if self.skip_raters { scene.winnable } else { scene.audience };
            users.sort_by_cached_key(|user| ties.index(u64::from(user.0)).value());
            users.sort_by(|a, b| influence[b.index()].total_cmp(&influence[a.index()]));
            users.truncate(self.influential_users);
            users
        })
    }
}

impl Described for SGraphAttack {
    const CARD: Card = Card {
        name: "s-graph",
        summary: "ratings optimised against a random walk for its most influential users",
        doc: include_str!("../../../../docs/attacks/s-graph.md"),
        reference: "M. Fang, N. Z. Gong, J. Liu: Influence function based data poisoning attacks to top-N \
                    recommender systems. WWW 2020",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: PROMOTE, implicit: BOTH }
    }
}
