//! LOKI: histories that an agent composes, by what influence functions on the attacker's own models say they would do to a black box.

mod agent;
pub mod estimator;
mod groups;
mod kendall;
mod progress;
mod simulator;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, ItemId, Knowledge, Needs, OracleError,
    QueryOracle, Rng, UserId, VictimAccess,
};
use shillproof_victims::{Bpr, Fpmc, Gru4Rec, TransRec, VictimSpec};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Model, Sequences};
pub use agent::Learning;
use agent::{Policy, Rules, World, learn, random_episode};
use estimator::{Hessian, Lissa};
use groups::groups;
use progress::Progress;
use simulator::Simulator;
pub use simulator::Weighing;

/// A reinforcement-learning agent composes fake histories; what they would do to the black box is estimated on local models by influence functions
/// (Zhang, Li, Ding and Gao, WWW 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LokiAttack {
    /// Recipes of the local models, of `bpr`, `fpmc`, `transrec` and `gru4rec`; all four with their defaults if none is named.
    pub models: Vec<VictimSpec>,
    /// How they are weighed by their distances from the black box.
    pub weights: Weighing,
    /// With which histories the black box is asked.
    pub queries: Asking,
    /// Most lists that the black box is asked for; what the threat grants may be less.
    pub most_queries: u64,
    /// Length of the lists that are compared; at least 1.
    pub list_length: usize,
    /// c: groups of items, besides that of the targets; at least 1.
    pub groups: usize,
    /// Share of the scale that is added to the curvature; above 0 and below 1.
    pub damping: f64,
    /// Most steps of a run of LiSSA; at least 1.
    pub depth: usize,
    /// Runs of LiSSA that are averaged; at least 1.
    pub repeats: usize,
    /// Samples of a step of LiSSA; at least 1.
    pub batch_size: usize,
    /// Which matrix of second derivatives.
    pub hessian: Hessian,
    /// How the agent learns.
    pub agent: Learning,
    /// Whether every fake user has at least one target.
    pub force_target: bool,
}

/// With which histories the black box is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asking {
    /// Those that the agent has composed so far; weights are found anew every 500 episodes.
    #[default]
    Generated,
    /// Those of users whom the attacker knows, once.
    Genuine,
}

/// Episodes from one look at the black box to the next, and from one checkpoint to the next.
const LOOK: usize = 500;

impl Default for LokiAttack {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            weights: Weighing::default(),
            queries: Asking::default(),
            most_queries: 10_000,
            list_length: 40,
            groups: 20,
            damping: 0.01,
            depth: 5000,
            repeats: 4,
            batch_size: 512,
            hessian: Hessian::default(),
            agent: Learning::default(),
            force_target: true,
        }
    }
}

impl LokiAttack {
    fn models(&self) -> Vec<VictimSpec> {
        if !self.models.is_empty() {
            return self.models.clone();
        }
        vec![
            VictimSpec::Bpr(Bpr::default()),
            VictimSpec::Fpmc(Fpmc::default()),
            VictimSpec::TransRec(TransRec::default()),
            VictimSpec::Gru4Rec(Gru4Rec::default()),
        ]
    }

    /// The same with these local models.
    pub(crate) fn with_models(&self, models: &[VictimSpec]) -> Result<Self, AttackError> {
        if self.models.is_empty() {
            return Ok(Self { models: models.to_vec(), ..self.clone() });
        }
        Err(AttackError::Parameter {
            name: "models",
            got: format!("{} of the attack's own", self.models.len()),
            expected: "none where the threat names models that together stand for the victim",
        })
    }

    fn lissa(&self) -> Lissa {
        Lissa {
            damping: self.damping,
            depth: self.depth,
            repeats: self.repeats,
            batch: self.batch_size,
            hessian: self.hessian,
        }
    }

    fn check(&self) -> Result<(), AttackError> {
        for (name, got) in [
            ("list_length", self.list_length),
            ("groups", self.groups),
            ("depth", self.depth),
            ("repeats", self.repeats),
            ("batch_size", self.batch_size),
        ] {
            if got == 0 {
                return Err(AttackError::Parameter { name, got: "0".into(), expected: "at least 1" });
            }
        }
        if !(self.damping > 0.0 && self.damping < 1.0) {
            let (got, expected) = (self.damping.to_string(), "above 0 and below 1");
            return Err(AttackError::Parameter { name: "damping", got, expected });
        }
        self.agent.check()
    }
}

impl Attack for LokiAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Queries }
    }

    fn trainings(&self, _: usize) -> usize {
        self.models().len()
    }

    /// Goes on from the context's checkpoint, which holds effects, found once a model, and rewards.
    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        ctx.check()?;
        self.check()?;
        let sequences = Sequences::new(goal, budget, known, Model::PerItem)?;
        let VictimAccess::Queries(oracle) = known.victim else {
            return Err(OracleError::Exhausted { budget: 0 }.into());
        };
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        if budget.fake_users == 0 {
            return Ok(FakeProfiles { ordered: true, ..FakeProfiles::default() });
        }
        let binarised;
        let data = if sample.is_explicit() {
            binarised = sample.binarize();
            &binarised
        } else {
            sample
        };
        let mut progress = Progress::resumed(ctx);
        let mut game = Game {
            attack: self,
            ctx,
            oracle,
            users: data.n_users(),
            board: Board { groups: groups(data, &goal.targets, self.groups, ctx)?, length: sequences.length },
            simulator: Simulator::train(self, data, goal, &mut progress, ctx)?,
            progress,
            episode: 0,
            draws: ctx.seed.child("queries").rng(),
            looks: 0,
            used: oracle.used(),
        };
        let Game { board, simulator, .. } = &mut game;
        simulator
            .scale(|rng| board.items(&random_episode(board, rng), rng), &mut ctx.seed.child("scale").rng());
        let (network, rewards) = learn(&mut game, &self.agent, ctx)?;
        game.progress.keep(ctx);
        ctx.observer.curve("loki_reward", &thinned(&rewards));
        let policy = Policy { network: &network, exploration: self.agent.exploration };
        sequences.craft(budget, ctx, |_, rng| Ok(game.board.history(&policy, self.force_target, rng)))
    }
}

/// Points of a curve that is reported, at most.
const POINTS: usize = 200;

/// Means over parts of equal length, the last perhaps shorter.
fn thinned(values: &[f32]) -> Vec<f32> {
    let length = values.len().div_ceil(POINTS).max(1);
    values.chunks(length).map(|part| part.iter().sum::<f32>() / part.len() as f32).collect()
}

/// What the agent chooses from: an action is a group, of which an item is drawn.
struct Board {
    groups: Vec<Vec<ItemId>>,
    length: usize,
}

impl Board {
    /// An unused item of each group in turn, uniformly.
    fn items(&self, actions: &[u32], rng: &mut Rng) -> Vec<ItemId> {
        let mut out: Vec<ItemId> = Vec::with_capacity(actions.len());
        for &action in actions {
            let group = &self.groups[action as usize];
            let left: Vec<ItemId> = group.iter().copied().filter(|item| !out.contains(item)).collect();
            out.push(left[rng.random_range(0..left.len() as u64) as usize]);
        }
        out
    }

    /// A history that the policy composes. If it holds no target and should, its last action is one.
    fn history(&self, policy: &Policy<'_>, force_target: bool, rng: &mut Rng) -> Vec<ItemId> {
        let mut actions = policy.episode(self, rng);
        if force_target
            && !actions.contains(&0)
            && let Some(last) = actions.last_mut()
        {
            *last = 0;
        }
        self.items(&actions, rng)
    }
}

impl Rules for Board {
    fn actions(&self) -> usize {
        self.groups.len()
    }

    fn length(&self) -> usize {
        self.length
    }

    fn allows(&self, taken: &[u32], action: u32) -> bool {
        taken.iter().filter(|&&a| a == action).count() < self.groups[action as usize].len()
    }
}

/// Where the agent acts: rewards are what local models say, which the black box's lists weigh.
struct Game<'a> {
    attack: &'a LokiAttack,
    ctx: &'a Ctx<'a>,
    oracle: &'a QueryOracle<'a>,
    users: usize,
    board: Board,
    simulator: Simulator<'a>,
    progress: Progress,
    episode: usize,
    draws: Rng,
    looks: u64,
    /// Queries that were spent before.
    used: u64,
}

impl World for Game<'_> {
    fn rules(&self) -> &impl Rules {
        &self.board
    }

    fn rewards(&mut self, actions: &[u32], rng: &mut Rng) -> Vec<f32> {
        let Self { board, simulator, progress, episode, .. } = self;
        let find = || simulator.rewards(&[&board.items(actions, rng)], rng).concat();
        progress.rewards(*episode, actions.len(), find)
    }

    fn begin(&mut self, episode: usize, policy: &Policy<'_>) -> Result<(), AttackError> {
        self.episode = episode;
        if episode.is_multiple_of(LOOK) {
            self.progress.keep(self.ctx);
        }
        let Self { attack, oracle, users, board, simulator, draws, looks, used, .. } = self;
        let genuine = attack.queries == Asking::Genuine;
        let all = if genuine { 1 } else { attack.agent.episodes.div_ceil(LOOK) as u64 };
        if attack.weights == Weighing::Uniform || !episode.is_multiple_of(LOOK) || *looks == all {
            return Ok(());
        }
        let left = oracle.left().min(attack.most_queries.saturating_sub(oracle.used() - *used));
        let queries = left / (all - *looks);
        *looks += 1;
        simulator.weigh(attack.weights, oracle, queries, attack.list_length, || {
            let user = UserId(draws.random_range(0..*users as u64) as u32);
            (user, (!genuine).then(|| board.history(policy, false, draws)))
        })
    }
}

impl Described for LokiAttack {
    const CARD: Card = Card {
        name: "loki",
        summary: "histories that an agent composes by what influence functions say they would do to next-item recommenders",
        doc: include_str!("../../../../docs/attacks/loki.md"),
        reference: "H. Zhang, Y. Li, B. Ding, J. Gao: Practical data poisoning attack against next-item recommendation. \
                    WWW 2020",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::SEQUENCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_to_means() {
        assert_eq!(thinned(&[]), [0.0; 0]);
        assert_eq!(thinned(&[1.0, 4.0]), [1.0, 4.0]);
        let long: Vec<f32> = (0..401).map(|k| k as f32).collect();
        let thin = thinned(&long);
        assert_eq!((thin.len(), thin[0], thin[133]), (134, 1.0, 399.5));
    }
}
