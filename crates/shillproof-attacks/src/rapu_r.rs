//! RAPU-R: the optimisation reversed. Where should the target's vector go, which fake user would pull it there, and which items
//! make such a user?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, FitError, FitJob, Fraction, Goal, ItemId, Knowledge,
    Needs, Rng, UserId,
};
use shillproof_kernels::{Matrix, dot};
use shillproof_victims::FactorModel;

use crate::bilevel::{Optimizer, Surrogate, Training, adam_of, members, refuse_low_ratings};
use crate::catalogue::{BOTH, Capabilities, Described, PROMOTE};
use crate::craft::{Frame, Model, Scores, draw_from, most_popular, tenth};

/// Fake users made of the popular items whose vectors lie nearest to where the target's should go
/// (Zhang et al., KDD 2021, section 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RapuRAttack {
    /// Where the surrogate's settings come from.
    pub surrogate: Surrogate,
    /// Length of the surrogate's vectors; at least 1.
    pub factors: usize,
    /// Weight of a cell that a user has; above 0.
    pub weight: f64,
    /// Step size of the surrogate; above 0.
    pub learning_rate: f64,
    /// Weight decay of the surrogate; at least 0.
    pub weight_decay: f64,
    /// Users in a minibatch of the surrogate; at least 1.
    pub batch_size: usize,
    /// Epochs of the surrogate; at least 1.
    pub epochs: usize,
    /// Share of the catalogue that proxies come from, most popular first; more if it is too small.
    pub popular_fraction: Fraction,
    /// Share of the users whose mean vector the target is to meet; at least one user.
    pub users_fraction: Fraction,
    /// For whom users are drawn.
    pub proxies: Proxies,
    /// What a fake user works for.
    pub targets: Pulls,
    /// How near an item is.
    pub similarity: Nearness,
    /// Takes the mean of the target's vector over its dimensions, a scalar, for the vector, as the released code does.
    pub code_bug: bool,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// For whom target users are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proxies {
    /// For each fake user anew.
    #[default]
    PerFakeUser,
    /// Once a target: all fake users that work for it are alike.
    Shared,
}

/// What a fake user works for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pulls {
    /// One target: fake user v for target v mod |T|.
    #[default]
    RoundRobin,
    /// All targets together: the sum of their vectors, each moved.
    Sum,
}

/// How near an item is to where a target should go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nearness {
    /// Inner product of the vectors.
    #[default]
    InnerProduct,
    /// Cosine of the vectors.
    Cosine,
}

impl Default for RapuRAttack {
    fn default() -> Self {
        Self {
            surrogate: Surrogate::default(),
            factors: 64,
            weight: 20.0,
            learning_rate: 0.01,
            weight_decay: 1e-5,
            batch_size: 2048,
            epochs: 200,
            popular_fraction: tenth(),
            users_fraction: tenth(),
            proxies: Proxies::default(),
            targets: Pulls::default(),
            similarity: Nearness::default(),
            code_bug: false,
            competitors: 10,
        }
    }
}

impl RapuRAttack {
    fn training(&self) -> Training {
        Training {
            factors: self.factors,
            weight: self.weight as f32,
            optimizer: Optimizer::Adam,
            learning_rate: self.learning_rate as f32,
            weight_decay: self.weight_decay as f32,
            batch_size: self.batch_size,
            epochs: self.epochs,
            // Nothing is unrolled here.
            unroll: 1,
            pgm: None,
            passing: None,
        }
    }

    /// Where the targets `pulled` should go, seen from users drawn from `audience`.
    fn aim(
        &self,
        pulled: &[ItemId],
        audience: &[UserId],
        model: &FactorModel,
        rng: &mut Rng,
    ) -> Result<Vec<f32>, AttackError> {
        let count = self.users_fraction.floor_of(audience.len()).max(1);
        let mut aim = vec![0.0; model.items().columns()];
        for target in pulled {
            let users = draw_from(rng, audience, count)?;
            for user in &users {
                add(&mut aim, model.users().row(user.index()), 1.0 / users.len() as f32);
            }
            let vector = model.items().row(target.index());
            if self.code_bug {
                let mean = vector.iter().sum::<f32>() / vector.len() as f32;
                for x in &mut aim {
                    *x += mean;
                }
            } else {
                add(&mut aim, vector, 1.0);
            }
        }
        Ok(aim)
    }

    /// The `n` items of `pool` nearest to `aim`, nearest first; among equals the more popular.
    ///
    /// # Shapes
    /// `pool`: most popular first.
    fn nearest(&self, aim: &[f32], pool: &[ItemId], items: &Matrix, n: usize) -> Vec<ItemId> {
        let nearness = |item: &ItemId| {
            let vector = items.row(item.index());
            match self.similarity {
                Nearness::InnerProduct => dot(aim, vector),
                // The length of `aim` is the same for all.
                Nearness::Cosine => dot(aim, vector) / dot(vector, vector).sqrt().max(f32::MIN_POSITIVE),
            }
        };
        let mut ranked: Vec<(f32, ItemId)> = pool.iter().map(|item| (nearness(item), *item)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.truncate(n);
        ranked.into_iter().map(|entry| entry.1).collect()
    }
}

fn add(to: &mut [f32], x: &[f32], factor: f32) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += factor * x;
    }
}

impl Attack for RapuRAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: self.surrogate.grant() }
    }

    fn trainings(&self, fake_users: usize) -> usize {
        usize::from(fake_users > 0)
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        ctx.check()?;
        let training = self.surrogate.training(self.training(), known, ctx)?;
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        refuse_low_ratings(goal, known)?;
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let scores = Scores::new(known.items, Model::PerItem);
        let data = sample.binarize();
        let audience = members(&goal.audience, &data);
        let pushed: Vec<ItemId> = frame.fixed().iter().map(|entry| entry.0).collect();
        if frame.room == 0 || pushed.is_empty() || data.is_empty() || audience.is_empty() {
            return frame.craft(budget, ctx, |_, rng| {
                let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
                Ok(scores.rate(fillers, rng))
            });
        }
        let model = adam_of(&training)
            .fit_model(&FitJob::new(&data), &ctx.at(ctx.seed.child("surrogate")))
            .map_err(|error| match error {
            FitError::Cancelled(stopped) => AttackError::Cancelled(stopped),
            other => other.into(),
        })?;
        let ranked = most_popular(known.items, Fraction::ONE, ctx);
        let popular = self.popular_fraction.floor_of(ranked.len());
        let within = frame.only_fillers(ranked[..popular].to_vec()).len();
        let mut pool = frame.only_fillers(ranked);
        pool.truncate(within.max(frame.room));
        let shared = ctx.seed.child("shared");
        frame.craft(budget, ctx, |v, rng| {
            let turn = v % pushed.len();
            let (pulled, draw) = match self.targets {
                Pulls::RoundRobin => (&pushed[turn..=turn], turn),
                Pulls::Sum => (&pushed[..], 0),
            };
            let aim = match self.proxies {
                Proxies::PerFakeUser => self.aim(pulled, &audience, &model, rng)?,
                Proxies::Shared => {
                    self.aim(pulled, &audience, &model, &mut shared.index(draw as u64).rng())?
                }
            };
            Ok(scores.rate(self.nearest(&aim, &pool, model.items(), frame.room), rng))
        })
    }
}

impl Described for RapuRAttack {
    const CARD: Card = Card {
        name: "rapu-r",
        summary: "popular items nearest to where the targets' vectors should go",
        doc: include_str!("../../../docs/attacks/rapu-r.md"),
        reference: "H. Zhang et al.: Data poisoning attack against recommender system using incomplete and \
                    perturbed data. KDD 2021",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: PROMOTE, implicit: BOTH }
    }
}
