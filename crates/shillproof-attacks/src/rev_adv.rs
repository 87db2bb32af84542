//! RevAdv: fake users that climb the exact gradient through the surrogate's training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Knowledge, Needs};

use crate::bilevel::{
    Descent, Difficulty, Evaluate, Optimizer, OuterLoss, Passing, Projection, Surrogate, Training,
};
use crate::catalogue::{BOTH, Capabilities, Described, PROMOTE};

/// Fake users optimised through the unrolled training of a surrogate (Tang, Wen and Wang, RecSys 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RevAdvAttack {
    /// Where the surrogate's settings come from.
    pub surrogate: Surrogate,
    /// Length of the surrogate's vectors; at least 1.
    pub factors: usize,
    /// Weight of a cell that a user has; above 0.
    pub weight: f64,
    /// What trains the surrogate.
    pub optimizer: Optimizer,
    /// Step size of the surrogate; above 0.
    pub learning_rate: f64,
    /// Weight decay of the surrogate; at least 0.
    pub weight_decay: f64,
    /// Users in a minibatch of the surrogate; at least 1.
    pub batch_size: usize,
    /// Epochs of the surrogate; at least 1.
    pub epochs: usize,
    /// Last epochs of the surrogate that the gradient goes back through; 1 to `epochs`.
    pub unroll: usize,
    /// Pairs of steps by which the surrogate's gradients are handed on along interactions; 0 for none.
    pub passing: usize,
    /// Weight of gradients handed on an odd number of times; at least 0.
    pub passing_odd: f64,
    /// Weight of gradients handed on an even number of times; at least 0.
    pub passing_even: f64,
    /// τ: how much more users count who nearly see a target; above 0, all alike if not given.
    pub difficulty: Option<f64>,
    /// Steps of the fake users; at least 1.
    pub iterations: usize,
    /// Step size of the fake users; above 0.
    pub step: f64,
    /// Share of the last step that the next one keeps; at least 0, below 1.
    pub momentum: f64,
    /// How relaxed cells become profiles.
    pub projection: Project,
    /// The least relaxed cell that `threshold` takes.
    pub threshold: f64,
    /// Whether every fake user has all targets.
    pub force_targets: bool,
    /// Length of the lists whose hit ratio decides which fake users are kept; at least 1.
    pub list_length: usize,
    /// Whose effect decides.
    pub evaluate: Evaluate,
    /// Most interactions of a genuine user whose profile a fake user starts from; at least 1.
    pub start_clicks: usize,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// How relaxed cells become profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Project {
    /// The largest cells, as many as a profile has room for.
    #[default]
    TopN,
    /// Cells above the threshold; the largest of them if they are too many.
    Threshold,
}

impl Default for RevAdvAttack {
    fn default() -> Self {
        Self {
            surrogate: Surrogate::default(),
            factors: 128,
            weight: 20.0,
            optimizer: Optimizer::default(),
            learning_rate: 0.01,
            weight_decay: 1e-5,
            batch_size: 2048,
            epochs: 50,
            unroll: 10,
            passing: 0,
            passing_odd: 1.0,
            passing_even: 1.0,
            difficulty: None,
            iterations: 30,
            step: 1.0,
            momentum: 0.95,
            projection: Project::default(),
            threshold: 0.05,
            force_targets: true,
            list_length: 50,
            evaluate: Evaluate::default(),
            start_clicks: 100,
            competitors: 10,
        }
    }
}

impl RevAdvAttack {
    fn training(&self) -> Result<Training, AttackError> {
        Ok(Training {
            factors: self.factors,
            weight: self.weight as f32,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate as f32,
            weight_decay: self.weight_decay as f32,
            batch_size: self.batch_size,
            epochs: self.epochs,
            unroll: self.unroll,
            pgm: None,
            passing: Passing::of(self.passing, self.passing_odd, self.passing_even)?,
        })
    }
}

impl Attack for RevAdvAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: self.surrogate.grant() }
    }

    /// Fake users are optimised together.
    fn is_incremental(&self) -> bool {
        false
    }

    fn trainings(&self, fake_users: usize) -> usize {
        if fake_users == 0 { 0 } else { self.iterations + usize::from(self.evaluate == Evaluate::Trained) }
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let descent = Descent {
            name: Self::CARD.name,
            training: self.surrogate.training(self.training()?, known, ctx)?,
            loss: OuterLoss::CrossEntropy,
            difficulty: Difficulty::of(self.difficulty),
            iterations: self.iterations,
            step: self.step as f32,
            momentum: self.momentum as f32,
            projection: match self.projection {
                Project::TopN => Projection::TopN,
                Project::Threshold => Projection::Threshold(self.threshold as f32),
            },
            smoothing: 0.0,
            force_targets: self.force_targets,
            list_length: self.list_length,
            evaluate: self.evaluate,
            start_clicks: self.start_clicks,
            competitors: self.competitors,
        };
        descent.craft(goal, budget, known, ctx)
    }
}

impl Described for RevAdvAttack {
    const CARD: Card = Card {
        name: "rev-adv",
        summary: "fake users that follow the exact gradient through a surrogate's training",
        doc: include_str!("../../../docs/attacks/rev-adv.md"),
        reference: "J. Tang, H. Wen, K. Wang: Revisiting adversarially learned injection attacks against recommender \
                    systems. RecSys 2020",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: self.force_targets, explicit: PROMOTE, implicit: BOTH }
    }
}
