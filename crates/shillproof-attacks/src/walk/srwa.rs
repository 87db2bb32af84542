//! The graph attack on all users who can still be won.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, Knowledge, Needs};

use super::descent::{Descent, ScoreScale};
use crate::catalogue::{BOTH, Capabilities, Described, PROMOTE};

/// Fake users whose ratings are optimised, one user at a time, against a random walk with restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SrwaAttack {
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

impl Default for SrwaAttack {
    fn default() -> Self {
        Self {
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

impl Attack for SrwaAttack {
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
        descent.craft(goal, budget, known, ctx, |scene| scene.winnable)
    }
}

impl Described for SrwaAttack {
    const CARD: Card = Card {
        name: "srwa",
        summary: "ratings optimised against a random walk over all users who can be won",
        doc: include_str!("../../../../docs/attacks/srwa.md"),
        reference: "M. Fang, G. Yang, N. Z. Gong, J. Liu: Poisoning attacks to graph-based recommender systems. \
                    ACSAC 2018",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: PROMOTE, implicit: BOTH }
    }
}
