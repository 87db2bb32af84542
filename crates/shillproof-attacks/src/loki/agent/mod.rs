//! The agent that composes fake histories, group by group: a deep Q-network with dueling heads and balanced replay.

mod network;
mod replay;
#[cfg(test)]
mod tests;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{AttackError, Ctx, Rng};

pub(super) use network::QNetwork;
use replay::{Replay, Transition};

/// Which actions there are. An episode is a fixed number of them; an action may cease to be allowed.
pub(super) trait Rules {
    /// Number of actions.
    fn actions(&self) -> usize;

    /// Actions of an episode.
    fn length(&self) -> usize;

    /// Whether an action is possible after these.
    fn allows(&self, taken: &[u32], action: u32) -> bool;
}

/// What the agent acts in.
pub(super) trait World {
    /// Which actions there are.
    fn rules(&self) -> &impl Rules;

    /// What each action of an episode has earned.
    fn rewards(&mut self, actions: &[u32], rng: &mut Rng) -> Vec<f32>;

    /// Called before each episode, with its number.
    fn begin(&mut self, episode: usize, policy: &Policy<'_>) -> Result<(), AttackError> {
        let _ = (episode, policy);
        Ok(())
    }
}

/// How the agent learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Learning {
    /// Fake histories composed while learning; at least 1.
    pub episodes: usize,
    /// γ: what a reward of the next action is worth now; from 0 to below 1.
    pub discount: f64,
    /// Share of random actions at the end of learning, and in the histories that are handed in; from 0 to 1.
    pub exploration: f64,
    /// Step size of Adam; above 0.
    pub learning_rate: f64,
    /// Actions that a step looks back on; at least 1.
    pub batch_size: usize,
    /// Actions from one step to the next; at least 1.
    pub update_every: usize,
    /// Steps from one copy of the network that judges to the next; at least 1.
    pub copy_every: usize,
    /// Actions that are remembered, half of them with a reward above 0 and half without; at least 2.
    pub memory: usize,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            episodes: 2000,
            discount: 0.95,
            exploration: 0.05,
            learning_rate: 1e-3,
            batch_size: 64,
            update_every: 4,
            copy_every: 200,
            memory: 50_000,
        }
    }
}

/// A network with a share of random actions.
pub(super) struct Policy<'a> {
    pub(super) network: &'a QNetwork,
    pub(super) exploration: f64,
}

impl Policy<'_> {
    /// One episode's actions.
    pub(super) fn episode(&self, rules: &impl Rules, rng: &mut Rng) -> Vec<u32> {
        let mut walk = self.network.walk();
        episode(rules, |allowed| {
            let action = if rng.random::<f64>() < self.exploration {
                one_of(allowed, rng)
            } else {
                let values = walk.values();
                let better =
                    |a: &u32, b: &u32| values[*a as usize].total_cmp(&values[*b as usize]).then(b.cmp(a));
                allowed.iter().copied().max_by(better).unwrap_or_default()
            };
            walk.take(action);
            action
        })
    }
}

/// An episode in which `choose` picks among the actions that are allowed; it ends early where none is.
fn episode(rules: &impl Rules, mut choose: impl FnMut(&[u32]) -> u32) -> Vec<u32> {
    let mut taken = Vec::with_capacity(rules.length());
    while taken.len() < rules.length() {
        let allowed: Vec<u32> = (0..rules.actions() as u32).filter(|&a| rules.allows(&taken, a)).collect();
        if allowed.is_empty() {
            break;
        }
        taken.push(choose(&allowed));
    }
    taken
}

/// A uniform one.
fn one_of(allowed: &[u32], rng: &mut Rng) -> u32 {
    allowed[rng.random_range(0..allowed.len() as u64) as usize]
}

/// An episode of uniform actions.
pub(super) fn random_episode(rules: &impl Rules, rng: &mut Rng) -> Vec<u32> {
    episode(rules, |allowed| one_of(allowed, rng))
}

/// Learns to act; the network, and the mean reward an action of each episode.
pub(super) fn learn(
    world: &mut impl World,
    how: &Learning,
    ctx: &Ctx<'_>,
) -> Result<(QNetwork, Vec<f32>), AttackError> {
    let mut network = QNetwork::new(world.rules().actions(), ctx.seed.child("network"));
    let mut judge = network.clone();
    let mut optimiser = network.optimiser(how.learning_rate as f32);
    let mut replay = Replay::new(how.memory);
    let (mut actions, mut steps, mut curve) = (0usize, 0usize, Vec::with_capacity(how.episodes));
    let mut draws = ctx.seed.child("replay").rng();
    for episode in 0..how.episodes {
        ctx.check()?;
        ctx.observer.progress("loki", episode as u64, how.episodes as u64);
        let half = (how.episodes / 2).max(1) as f64;
        let exploration = 1.0 - (1.0 - how.exploration) * (episode as f64 / half).min(1.0);
        let policy = Policy { network: &network, exploration };
        world.begin(episode, &policy)?;
        let mut rng = ctx.seed.child("episodes").index(episode as u64).rng();
        let taken: std::sync::Arc<[u32]> = policy.episode(world.rules(), &mut rng).into();
        let rewards = world.rewards(&taken, &mut rng);
        curve.push(rewards.iter().sum::<f32>() / rewards.len().max(1) as f32);
        for (at, &reward) in rewards.iter().enumerate() {
            replay.push(Transition { taken: taken.clone(), at, reward });
            actions += 1;
            if actions.is_multiple_of(how.update_every) {
                let batch = replay.draw(how.batch_size, &mut draws);
                let aims = aims(&batch, &judge, world.rules(), how.discount);
                network.differentiate(&batch, &aims);
                network.step(&mut optimiser);
                steps += 1;
                if steps.is_multiple_of(how.copy_every) {
                    judge.clone_from(&network);
                }
            }
        }
    }
    Ok((network, curve))
}

/// `r + γ max_a′ Q(s′, a′)` by the network that judges, without the second part at the end of an episode. (Zhang et al. print no maximum in equation 7, and
/// the old state in equation 9.)
fn aims(batch: &[&Transition], judge: &QNetwork, rules: &impl Rules, discount: f64) -> Vec<f32> {
    let after: Vec<&[u32]> = batch.iter().map(|t| &t.taken[..=t.at]).collect();
    let values = judge.values(&after);
    let rows = values.chunks_exact(rules.actions());
    batch
        .iter()
        .zip(rows)
        .map(|(transition, row)| {
            if transition.at + 1 == transition.taken.len() {
                return transition.reward;
            }
            let taken = &transition.taken[..=transition.at];
            let allowed = (0..row.len()).filter(|&a| rules.allows(taken, a as u32)).map(|a| row[a]);
            let best = allowed.fold(f32::NEG_INFINITY, f32::max);
            if best.is_finite() { transition.reward + discount as f32 * best } else { transition.reward }
        })
        .collect()
}

impl Learning {
    pub(super) fn check(&self) -> Result<(), AttackError> {
        let at_least = |low: usize, x: usize| x >= low;
        let share = |x: f64| (0.0..=1.0).contains(&x);
        for (name, got, fits, expected) in [
            ("agent.episodes", self.episodes as f64, at_least(1, self.episodes), "at least 1"),
            (
                "agent.discount",
                self.discount,
                share(self.discount) && self.discount < 1.0,
                "from 0 to below 1",
            ),
            ("agent.exploration", self.exploration, share(self.exploration), "from 0 to 1"),
            (
                "agent.learning_rate",
                self.learning_rate,
                self.learning_rate.is_finite() && self.learning_rate > 0.0,
                "a finite number above 0",
            ),
            ("agent.batch_size", self.batch_size as f64, at_least(1, self.batch_size), "at least 1"),
            ("agent.update_every", self.update_every as f64, at_least(1, self.update_every), "at least 1"),
            ("agent.copy_every", self.copy_every as f64, at_least(1, self.copy_every), "at least 1"),
            ("agent.memory", self.memory as f64, at_least(2, self.memory), "at least 2"),
        ] {
            if !fits {
                return Err(AttackError::Parameter { name, got: got.to_string(), expected });
            }
        }
        Ok(())
    }
}
