//! RAPU-G: bilevel optimisation on data that is incomplete and perturbed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Knowledge, Needs};

use crate::bilevel::{
    Descent, Difficulty, Em, Evaluate, Optimizer, OuterLoss, Passing, Pgm, Projection, Surrogate, Training,
};
use crate::catalogue::{BOTH, Capabilities, Described, PROMOTE};

/// Fake users optimised through a surrogate that masks what it takes for missing or noise
/// (Zhang et al., KDD 2021, section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RapuGAttack {
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
    /// Last epochs of the surrogate that mask cells; at most `unroll`, 0 for none.
    pub pgm_epochs: usize,
    /// What expectations of the hidden variables become.
    pub em: Em,
    /// σ: deviation of an interaction around its mean; above 0.
    pub sigma: f64,
    /// r̄: mean of a perturbed interaction; the share of cells that users have if not given.
    pub noise_mean: Option<f64>,
    /// Shares of kept and of genuine interactions before EM; 0 to 1.
    pub start_share: f64,
    /// b: width of the loss; above 0.
    pub width: f64,
    /// Length of the lists in the loss, and of those whose hit ratio decides which fake users are kept; at least 1.
    pub list_length: usize,
    /// What the lists in the loss leave out.
    pub outer_exclude: OuterExclude,
    /// β: weight of an item's popularity in the projection; at least 0.
    pub popularity_weight: f64,
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
    /// Whose effect decides which fake users are kept.
    pub evaluate: Evaluate,
    /// Most interactions of a genuine user whose profile a fake user starts from; at least 1.
    pub start_clicks: usize,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// What the lists in the loss leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OuterExclude {
    /// Nothing.
    #[default]
    None,
    /// What the user has.
    Train,
}

impl Default for RapuGAttack {
    fn default() -> Self {
        Self {
            surrogate: Surrogate::default(),
            factors: 64,
            weight: 20.0,
            optimizer: Optimizer::default(),
            learning_rate: 0.01,
            weight_decay: 1e-5,
            batch_size: 2048,
            epochs: 200,
            unroll: 20,
            pgm_epochs: 3,
            em: Em::default(),
            sigma: 0.3,
            noise_mean: Some(0.5),
            start_share: 0.8,
            width: 0.1,
            list_length: 50,
            outer_exclude: OuterExclude::default(),
            popularity_weight: 1.0,
            passing: 0,
            passing_odd: 1.0,
            passing_even: 1.0,
            difficulty: None,
            iterations: 30,
            step: 1.0,
            momentum: 0.95,
            evaluate: Evaluate::default(),
            start_clicks: 100,
            competitors: 10,
        }
    }
}

impl RapuGAttack {
    fn training(&self, known: &Knowledge<'_>) -> Result<Training, AttackError> {
        let pgm = Pgm {
            em: self.em,
            sigma: self.sigma as f32,
            noise_mean: self.noise_mean.unwrap_or_else(|| density(known)) as f32,
            start: self.start_share as f32,
        };
        Ok(Training {
            factors: self.factors,
            weight: self.weight as f32,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate as f32,
            weight_decay: self.weight_decay as f32,
            batch_size: self.batch_size,
            epochs: self.epochs,
            unroll: self.unroll,
            pgm: Some((pgm, self.pgm_epochs)),
            passing: Passing::of(self.passing, self.passing_odd, self.passing_even)?,
        })
    }
}

/// The share of cells that users have, as far as the attacker sees.
fn density(known: &Knowledge<'_>) -> f64 {
    known
        .sample
        .map_or(0.0, |data| data.len() as f64 / (data.n_users() as f64 * data.n_items() as f64).max(1.0))
}

impl Attack for RapuGAttack {
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
            training: self.surrogate.training(self.training(known)?, known, ctx)?,
            loss: OuterLoss::Wmw {
                width: self.width as f32,
                list_length: self.list_length,
                skip_seen: self.outer_exclude == OuterExclude::Train,
            },
            difficulty: Difficulty::of(self.difficulty),
            iterations: self.iterations,
            step: self.step as f32,
            momentum: self.momentum as f32,
            projection: Projection::TopN,
            smoothing: self.popularity_weight as f32,
            force_targets: true,
            list_length: self.list_length,
            evaluate: self.evaluate,
            start_clicks: self.start_clicks,
            competitors: self.competitors,
        };
        descent.craft(goal, budget, known, ctx)
    }
}

impl Described for RapuGAttack {
    const CARD: Card = Card {
        name: "rapu-g",
        summary: "fake users that follow the gradient through a surrogate which allows for missing and false interactions",
        doc: include_str!("../../../docs/attacks/rapu-g.md"),
        reference: "H. Zhang et al.: Data poisoning attack against recommender system using incomplete and \
                    perturbed data. KDD 2021",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: PROMOTE, implicit: BOTH }
    }
}
