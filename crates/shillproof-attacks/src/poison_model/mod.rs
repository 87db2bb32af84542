//! The poison-model attack: fake users as a neural recommender, trained to recommend the targets, would complete them.

mod loss;
mod model;
#[cfg(test)]
mod tests;
mod turns;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Checkpoint, Ctx, FakeProfiles, Goal, Grant, ItemId, Knowledge, Needs,
    Objective, Profile,
};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores};
use crate::surrogate::neumf;
use loss::HitRatioLoss;
use model::PoisonModel;
use turns::Turns;

/// For every few fake users a model of its own is trained, first as the victim is, then also to recommend the targets; what it
/// predicts for the fake users becomes their fillers (Huang et al., NDSS 2021, Algorithm 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PoisonModelAttack {
    /// κ: a user's loss ends this far beyond the edge of the list, in units of ln ŷ; at least 0.
    pub kappa: f64,
    /// λ: weight of G, the attack's part of the objective; above 0.
    pub lambda: f64,
    /// η: weight of the users' losses within G; above 0.
    pub eta: f64,
    /// δ: what an item's chance is multiplied by each time it has become a filler; above 0 and at most 1.
    pub delta: f64,
    /// K: length of the lists; at least 1.
    pub list_length: usize,
    /// s: fake users made from one model; at least 1.
    pub batch: usize,
    /// Rounds of poisoning after the training that the recipe asks for; at least 1.
    pub rounds: usize,
    /// How the attack's part is trained beside the recommender's.
    pub training: PoisonTraining,
    /// Whether every fake user has every target. Otherwise fake users have whatever the model predicts most, targets or not.
    pub force_targets: bool,
}

/// How G is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoisonTraining {
    /// A step for each user's loss, one for the fake users' predictions, then a pass over the samples, in turns.
    #[default]
    Alternating,
    /// Every step of a pass also descends on its share of G.
    Joint,
}

impl Default for PoisonModelAttack {
    fn default() -> Self {
        Self {
            kappa: 1.0,
            lambda: 0.01,
            eta: 100.0,
            delta: 0.9,
            list_length: 10,
            batch: 1,
            rounds: 5,
            training: PoisonTraining::Alternating,
            force_targets: true,
        }
    }
}

impl PoisonModelAttack {
    fn check(&self) -> Result<(), AttackError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        for (name, value, fits, expected) in [
            (
                "kappa",
                self.kappa,
                self.kappa.is_finite() && self.kappa >= 0.0,
                "a finite number of at least 0",
            ),
            ("lambda", self.lambda, positive(self.lambda), "a finite number above 0"),
            ("eta", self.eta, positive(self.eta), "a finite number above 0"),
            ("delta", self.delta, self.delta > 0.0 && self.delta <= 1.0, "above 0 and at most 1"),
            ("list_length", self.list_length as f64, self.list_length > 0, "at least 1"),
            ("batch", self.batch as f64, self.batch > 0, "at least 1"),
            ("rounds", self.rounds as f64, self.rounds > 0, "at least 1"),
        ] {
            if !fits {
                return Err(AttackError::Parameter { name, got: value.to_string(), expected });
            }
        }
        Ok(())
    }

    fn loss(&self) -> HitRatioLoss {
        HitRatioLoss { kappa: self.kappa as f32, list_length: self.list_length }
    }
}

impl Attack for PoisonModelAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Recipe }
    }

    fn trainings(&self, fake_users: usize) -> usize {
        fake_users.div_ceil(self.batch.max(1))
    }

    /// Goes on from the context's checkpoint, which holds the profiles made so far.
    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        self.check()?;
        if goal.objective == Objective::Demote {
            return Err(AttackError::Objective {
                objective: goal.objective,
                reason: "the model is trained to recommend the targets",
            });
        }
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        let frame = if self.force_targets {
            Frame::new(goal, budget, known, 0, ctx)?
        } else {
            Frame::free(budget, known)?
        };
        let recipe = neumf(known, ctx)?;
        let scores = Scores::new(known.items, Model::PerItem);
        let data = if sample.is_explicit() { &sample.binarize() } else { sample };
        let mut profiles = resumed(ctx, budget, &frame, data.n_items());
        let mut turns = Turns::new(data.n_items(), self.delta);
        let held = frame.fixed().len();
        for profile in &profiles {
            turns.take(profile.entries[held.min(profile.entries.len())..].iter().map(|e| e.0));
        }
        while profiles.len() < budget.fake_users {
            // Batches are whole whatever the number of fake users, so that a smaller attack is the first part of a larger one.
            let first = profiles.len() - profiles.len() % self.batch;
            ctx.observer.progress("poison-model", first as u64, budget.fake_users as u64);
            let seed = ctx.seed.child("model").index(first as u64);
            let mut model =
                PoisonModel::new(self, &recipe, data, &profiles[..first], goal, frame.fixed(), seed);
            model.train(&ctx.at(seed))?;
            for v in first..(first + self.batch).min(budget.fake_users) {
                let predicted = model.predicted(v);
                let wanted = turns.weighted(&predicted);
                let fillers = most_wanted(&wanted, &frame);
                if v == profiles.len() {
                    turns.take(fillers.iter().copied());
                    let mut entries = frame.fixed().to_vec();
                    entries.extend(scores.rate(fillers, &mut ctx.seed.index(v as u64).rng()));
                    profiles.push(Profile { entries });
                }
            }
            save(ctx, &profiles);
        }
        Ok(FakeProfiles { profiles, ordered: false, queries: 0 })
    }
}

/// The fillers with the largest scores, ties by item.
fn most_wanted(scores: &[f32], frame: &Frame) -> Vec<ItemId> {
    let mut items: Vec<ItemId> =
        (0..scores.len() as u32).map(ItemId).filter(|&i| frame.is_filler(i)).collect();
    items.sort_by(|a, b| scores[b.index()].total_cmp(&scores[a.index()]));
    items.truncate(frame.room);
    items
}

/// The profiles of an earlier, stopped attack, as far as they are such that this attack could have made them.
fn resumed(ctx: &Ctx<'_>, budget: &Budget, frame: &Frame, n_items: usize) -> Vec<Profile> {
    let state = ctx.checkpoint.and_then(Checkpoint::load);
    let mut profiles: Vec<Profile> =
        state.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    profiles.truncate(budget.fake_users);
    let held = frame.fixed();
    let fits = |profile: &Profile| {
        let mut items: Vec<ItemId> = profile.entries.iter().map(|e| e.0).collect();
        items.sort_unstable();
        profile.entries.starts_with(held)
            && items.len() == held.len() + frame.room
            && items.iter().all(|item| item.index() < n_items)
            && items.windows(2).all(|pair| pair[0] != pair[1])
    };
    let sound = profiles.iter().take_while(|profile| fits(profile)).count();
    profiles.truncate(sound);
    profiles
}

fn save(ctx: &Ctx<'_>, profiles: &[Profile]) {
    if let Some(place) = ctx.checkpoint {
        place.save(&serde_json::to_vec(profiles).expect("invariant: profiles are plain values"));
    }
}

impl Described for PoisonModelAttack {
    const CARD: Card = Card {
        name: "poison-model",
        summary: "fake users as a neural recommender trained to recommend the targets would complete them",
        doc: include_str!("../../../../docs/attacks/poison-model.md"),
        reference: "H. Huang, J. Mu, N. Z. Gong, Q. Li, B. Liu, M. Xu: Data poisoning attacks to deep learning based \
                    recommender systems. NDSS 2021",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            rates_targets: self.force_targets,
            explicit: &[Objective::Promote],
            implicit: &[Objective::Promote],
        }
    }
}
