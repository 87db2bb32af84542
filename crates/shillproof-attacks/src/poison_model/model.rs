//! One model: trained as the victim would be, then poisoned.

use rand::seq::SliceRandom;
use shillproof_core::Scorer;
use shillproof_core::{
    AttackError, Audience, Ctx, FakeProfiles, FitError, Goal, Interactions, ItemId, Profile, Rng, Seed,
    UserId,
};
use shillproof_kernels::nn::Untouched;
use shillproof_victims::NeuMf;
use shillproof_victims::neumf::{AdamRows, Network, NeuralModel, Parameters, Sample, Sampling, samples};

use super::loss::{HitRatioLoss, sigmoid};
use super::{PoisonModelAttack, PoisonTraining};

/// A model in training for the fake users that come next.
pub(super) struct PoisonModel<'a> {
    attack: &'a PoisonModelAttack,
    recipe: &'a NeuMf,
    /// Genuine and finished fake users, then those that are made from this model.
    data: Interactions,
    genuine: usize,
    /// First of the fake users that are made from this model.
    first: usize,
    targets: &'a [ItemId],
    /// Whose lists the loss looks at: members of the audience who lack a target.
    seekers: Vec<UserId>,
    network: Network,
    list: Vec<Sample>,
    order: Rng,
    seed: Seed,
    kept: Option<(usize, Parameters)>,
}

impl<'a> PoisonModel<'a> {
    /// A fresh model. The fake users to come have `held` (the targets) and no negatives so far.
    pub(super) fn new(
        attack: &'a PoisonModelAttack,
        recipe: &'a NeuMf,
        genuine: &Interactions,
        finished: &[Profile],
        goal: &'a Goal,
        held: &[(ItemId, f32)],
        seed: Seed,
    ) -> Self {
        let presence = |entries: &[(ItemId, f32)]| Profile {
            entries: entries.iter().map(|&(item, _)| (item, 1.0)).collect(),
        };
        let mut profiles: Vec<Profile> = finished.iter().map(|p| presence(&p.entries)).collect();
        let first = genuine.n_users() + profiles.len();
        let known = joined(genuine, profiles.clone());
        let list = samples(&known, recipe.negatives, seed.child("negatives"));
        profiles.extend((0..attack.batch).map(|_| presence(held)));
        let data = joined(genuine, profiles);
        let start = Parameters::start(
            data.n_users(),
            data.n_items(),
            recipe.factors,
            &recipe.layers,
            seed.child("start"),
        );
        let untouched = if recipe.adam == AdamRows::Dense { Untouched::Coast } else { Untouched::Stay };
        let mut out = Self {
            network: Network::new(&start, recipe.learning_rate, recipe.weight_decay, untouched),
            attack,
            recipe,
            seekers: seekers(genuine, goal),
            genuine: genuine.n_users(),
            first,
            targets: &goal.targets,
            data,
            list,
            order: seed.child("order").rng(),
            seed,
            kept: None,
        };
        out.add_own_positives();
        out
    }

    fn own(&self) -> std::ops::Range<u32> {
        self.first as u32..(self.first + self.attack.batch) as u32
    }

    fn add_own_positives(&mut self) {
        for v in self.own() {
            let row = self.data.row(UserId(v)).sorted();
            self.list.extend(row.iter().map(|item| Sample::new(v, item.0, true)));
        }
    }

    /// Trains as the recipe says, then poisons, and keeps the parameters with the largest hit ratio of the targets.
    pub(super) fn train(&mut self, ctx: &Ctx<'_>) -> Result<(), AttackError> {
        for epoch in 1..=self.recipe.epochs {
            self.pass(epoch, false, ctx)?;
        }
        self.keep_if_better();
        for round in 1..=self.attack.rounds {
            let epoch = self.recipe.epochs + round;
            match self.attack.training {
                PoisonTraining::Alternating => {
                    self.descend_on_lists(ctx)?;
                    self.descend_on_own_predictions();
                    self.pass(epoch, false, ctx)?;
                }
                PoisonTraining::Joint => self.pass(epoch, true, ctx)?,
            }
            self.keep_if_better();
        }
        Ok(())
    }

    /// Lists that hold the target after the recipe's training, and with the parameters that are kept in the end.
    #[cfg(test)]
    pub(super) fn hits_before_and_after(&mut self, ctx: &Ctx<'_>) -> [usize; 2] {
        for epoch in 1..=self.recipe.epochs {
            self.pass(epoch, false, ctx).unwrap();
        }
        self.keep_if_better();
        let before = self.kept.take().map_or(0, |kept| kept.0);
        self.train(ctx).unwrap();
        [before, self.kept.as_ref().map_or(0, |kept| kept.0)]
    }

    /// The predictions ŷ of fake user `v` by the parameters that were kept.
    pub(super) fn predicted(&self, v: usize) -> Vec<f32> {
        let (_, parameters) = self.kept.as_ref().expect("invariant: training keeps parameters");
        let model = NeuralModel::new(parameters.clone());
        let mut out = vec![0.0; self.data.n_items()];
        model.score(UserId((self.genuine + v) as u32), None, &mut out);
        for x in &mut out {
            *x = sigmoid(*x);
        }
        out
    }

    /// One pass over the samples; if `poisoned`, every step descends on a part of G too.
    fn pass(&mut self, epoch: usize, poisoned: bool, ctx: &Ctx<'_>) -> Result<(), AttackError> {
        if self.recipe.sampling == Sampling::PerEpoch && epoch > 1 {
            let negatives = self.seed.child("negatives").index(epoch as u64);
            self.list = samples(&self.data.first_rows(self.first), self.recipe.negatives, negatives);
            self.add_own_positives();
        }
        let mut list = std::mem::take(&mut self.list);
        list.shuffle(&mut self.order);
        let mut seekers = self.seekers.clone();
        seekers.shuffle(&mut self.order);
        let batches = list.len().div_ceil(self.recipe.batch_size).max(1);
        let mut loss = 0.0;
        for (nth, batch) in list.chunks(self.recipe.batch_size).enumerate() {
            if nth % LOOK == 0 {
                ctx.check()?;
            }
            loss += self.network.differentiate(batch, None);
            if poisoned {
                let part = |k: usize| k * seekers.len() / batches;
                for &user in &seekers[part(nth)..part(nth + 1)] {
                    self.differentiate_list(user);
                }
                self.differentiate_own_predictions(1.0 / batches as f32);
            }
            self.network.step();
        }
        self.list = list;
        if loss.is_finite() && self.network.parameters().is_finite() {
            return Ok(());
        }
        Err(FitError::DivergedAt { epoch, learning_rate: self.recipe.learning_rate }.into())
    }

    /// A step for the loss of each user whose list lacks the targets, in random order.
    fn descend_on_lists(&mut self, ctx: &Ctx<'_>) -> Result<(), AttackError> {
        let mut seekers = self.seekers.clone();
        seekers.shuffle(&mut self.order);
        for (nth, user) in seekers.into_iter().enumerate() {
            if nth % LOOK == 0 {
                ctx.check()?;
            }
            if self.differentiate_list(user) {
                self.network.step();
            }
        }
        Ok(())
    }

    /// Adds the gradient of λη l_u; whether there is any.
    fn differentiate_list(&mut self, user: UserId) -> bool {
        let mut logits = vec![0.0; self.data.n_items()];
        self.network.logits(user.0, &mut logits);
        let mut order = Vec::new();
        let loss = self.loss();
        let (_, slopes) = loss.of(&logits, self.data.row(user).sorted(), self.targets, &mut order);
        if slopes.is_empty() {
            return false;
        }
        let weight = (self.attack.lambda * self.attack.eta) as f32;
        let pairs: Vec<(u32, u32)> = slopes.iter().map(|(item, _)| (user.0, item.0)).collect();
        self.network.differentiate_logits(&pairs, |first, _, out| {
            for (out, (_, slope)) in out.iter_mut().zip(&slopes[first..]) {
                *out = weight * slope;
            }
        });
        true
    }

    /// One step on λ Σ_v ‖ŷ_v‖² of the fake users to come, over all items but the targets.
    fn descend_on_own_predictions(&mut self) {
        self.differentiate_own_predictions(1.0);
        self.network.step();
    }

    fn differentiate_own_predictions(&mut self, share: f32) {
        let items = self.data.n_items() as u32;
        let weight = 2.0 * share * self.attack.lambda as f32;
        for v in self.own() {
            let pairs: Vec<(u32, u32)> =
                (0..items).filter(|&i| !self.targets.contains(&ItemId(i))).map(|i| (v, i)).collect();
            self.network.differentiate_logits(&pairs, |_, logits, out| {
                for (out, &logit) in out.iter_mut().zip(logits) {
                    let y = sigmoid(logit);
                    *out = weight * y * y * (1.0 - y);
                }
            });
        }
    }

    /// Keeps the parameters as they are if more lists hold the targets than with those that were kept.
    fn keep_if_better(&mut self) {
        let (loss, mut logits, mut hits) = (self.loss(), vec![0.0; self.data.n_items()], 0);
        for &user in &self.seekers {
            self.network.logits(user.0, &mut logits);
            let has = self.data.row(user).sorted();
            let lacks = self.targets.iter().filter(|t| has.binary_search(t).is_err());
            hits += lacks.filter(|&&t| loss.hits(&logits, has, t)).count();
        }
        if self.kept.as_ref().is_none_or(|(most, _)| hits > *most) {
            self.kept = Some((hits, self.network.parameters()));
        }
    }

    fn loss(&self) -> HitRatioLoss {
        self.attack.loss()
    }
}

fn joined(genuine: &Interactions, profiles: Vec<Profile>) -> Interactions {
    let fakes = FakeProfiles { profiles, ordered: false, queries: 0 };
    genuine.append(&fakes).expect("invariant: profiles hold distinct items of the catalogue")
}

/// Batches or users between two looks at whether somebody asked to stop.
const LOOK: usize = 256;

/// Members of the audience who lack a target.
fn seekers(genuine: &Interactions, goal: &Goal) -> Vec<UserId> {
    let all: Vec<UserId> = match &goal.audience {
        Audience::All => genuine.users().collect(),
        Audience::Users(users) => users.iter().copied().filter(|u| u.index() < genuine.n_users()).collect(),
    };
    all.into_iter().filter(|&u| goal.targets.iter().any(|&t| !genuine.row(u).contains(t))).collect()
}
