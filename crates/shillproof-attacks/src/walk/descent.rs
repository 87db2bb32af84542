//! Fake users one after another, each by projected gradient descent on its relaxed ratings.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::ranking::Ties;
use shillproof_core::{
    AttackError, Budget, Ctx, FakeProfiles, Goal, Interactions, ItemId, Knowledge, Objective, Profile, Rng,
    UserId, VictimAccess,
};
use shillproof_victims::RandomWalk;
use shillproof_victims::random_walk::WalkGraph;

use super::relaxed::{Lists, Relaxed};
use crate::craft::{Frame, Model, Scores, draw_from};

/// What differences of scores are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreScale {
    /// The mean score of the listed items before the fake user.
    Auto,
    /// 1: probabilities as they are.
    None,
}

/// Systems are solved this well on the way down; each starts from the solution of the step before.
const TOLERANCE: f64 = 1e-4;

/// Parameters that the attacks on random walks share; their fields say what each means.
pub(super) struct Descent {
    pub(super) lambda: Option<f64>,
    pub(super) b: f64,
    pub(super) score_scale: ScoreScale,
    pub(super) list_length: usize,
    pub(super) iterations: usize,
    pub(super) learning_rate: f64,
    pub(super) batch_size: usize,
    pub(super) competitors: usize,
}

/// What the attacker knows, before the first fake user.
pub(super) struct Scene<'a> {
    pub(super) graph: &'a WalkGraph,
    pub(super) recipe: &'a RandomWalk,
    /// Items to be pushed: the targets, or their rivals.
    pub(super) pushed: &'a [ItemId],
    /// Users of the audience who have interactions.
    pub(super) audience: Vec<UserId>,
    /// Those of them who have not rated all pushed items.
    pub(super) winnable: Vec<UserId>,
}

impl Descent {
    /// Profiles that win the users whom `choose` picks.
    pub(super) fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
        choose: impl FnOnce(Scene<'_>) -> Vec<UserId>,
    ) -> Result<FakeProfiles, AttackError> {
        self.check_range()?;
        ctx.check()?;
        refuse_low_ratings(goal, known)?;
        let data = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let recipe = walk_of(known);
        let pushed: Vec<ItemId> = frame.fixed().iter().map(|entry| entry.0).collect();
        let mut graph = WalkGraph::new(data, None);
        let audience: Vec<UserId> = match &goal.audience {
            shillproof_core::Audience::All => data.users().collect(),
            shillproof_core::Audience::Users(users) => users.clone(),
        };
        let audience: Vec<UserId> =
            audience.into_iter().filter(|u| u.index() < data.n_users() && !data.row(*u).is_empty()).collect();
        let winnable = audience
            .iter()
            .copied()
            .filter(|&user| pushed.iter().any(|&item| !data.row(user).contains(item)))
            .collect();
        let users = choose(Scene { graph: &graph, recipe: &recipe, pushed: &pushed, audience, winnable });

        let scores = Scores::new(known.items, Model::PerItem);
        let mut train = data.clone();
        frame.craft(budget, ctx, |v, rng| {
            ctx.observer.progress("fake users", v as u64, budget.fake_users as u64);
            let fillers = if frame.room == 0 {
                Vec::new()
            } else {
                let batch = draw_from(rng, &users, self.batch_size.min(users.len()))?;
                let w = self.ratings(&graph, &recipe, data, &batch, &frame, known, rng, ctx)?;
                largest(&w, &frame, rng)
            };
            let entries = scores.rate(fillers, rng);
            if v + 1 < budget.fake_users {
                train = with_row(&train, frame.fixed(), &entries);
                graph = WalkGraph::new(&train, None);
            }
            Ok(entries)
        })
    }

    /// Relaxed ratings of one fake user after the descent.
    #[expect(clippy::too_many_arguments, reason = "one step of the loop, with all that it looks at")]
    fn ratings(
        &self,
        graph: &WalkGraph,
        recipe: &RandomWalk,
        data: &Interactions,
        batch: &[UserId],
        frame: &Frame,
        known: &Knowledge<'_>,
        rng: &mut Rng,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<f64>, AttackError> {
        let highest = known.items.scale.map_or(1.0, |scale| f64::from(scale.max));
        let mut w: Vec<f64> = known
            .items
            .mean
            .iter()
            .map(|mean| (mean / 2.0 + highest * rng.random_range(-0.05..0.05)).clamp(0.0, highest))
            .collect();
        for &(item, rating) in frame.fixed() {
            w[item.index()] = f64::from(rating);
        }
        let pushed: Vec<ItemId> = frame.fixed().iter().map(|entry| entry.0).collect();
        let lists =
            Lists { length: self.list_length, width: self.b, ties: Ties::hashed(ctx.seed.child("lists")) };
        let mut relaxed = Relaxed::new(graph, recipe, data, batch, &pushed, lists);
        if self.score_scale == ScoreScale::Auto {
            relaxed.scale_by_lists(&w, TOLERANCE);
        }
        let (mut lambda, mut step) = (0.0, 0.0);
        for iteration in 1..=self.iterations {
            let slope = relaxed.slope(&w, TOLERANCE, ctx)?.gradient;
            let free = |i: usize| frame.is_filler(ItemId(i as u32));
            let max = |of: &dyn Fn(usize) -> f64| {
                (0..w.len()).filter(|&i| free(i)).map(|i| of(i).abs()).fold(0.0, f64::max)
            };
            if iteration == 1 {
                let (ridge, data) = (max(&|i| 2.0 * w[i]), max(&|i| slope[i]));
                lambda = self.lambda.unwrap_or(if data > 0.0 { ridge / data } else { 0.0 });
                let steepest = max(&|i| 2.0 * w[i] + lambda * slope[i]);
                step = if steepest > 0.0 { self.learning_rate * highest / steepest } else { 0.0 };
            }
            let step = step / (iteration as f64).sqrt();
            for i in (0..w.len()).filter(|&i| free(i)) {
                w[i] = (w[i] - step * (2.0 * w[i] + lambda * slope[i])).clamp(0.0, highest);
            }
        }
        Ok(w)
    }

    fn check_range(&self) -> Result<(), AttackError> {
        let refuse = |name, got: String, expected| Err(AttackError::Parameter { name, got, expected });
        let positive = [("b", self.b), ("learning_rate", self.learning_rate)];
        for (name, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return refuse(name, value.to_string(), "a finite number above 0");
            }
        }
        if let Some(lambda) = self.lambda.filter(|lambda| !(lambda.is_finite() && *lambda >= 0.0)) {
            return refuse("lambda", lambda.to_string(), "a finite number of at least 0, or none");
        }
        let counts = [
            ("list_length", self.list_length),
            ("iterations", self.iterations),
            ("batch_size", self.batch_size),
        ];
        match counts.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => refuse(name, "0".into(), "at least 1"),
            None => Ok(()),
        }
    }
}

/// Where there are ratings, low ones do not push an item away from a walk or a co-visit.
pub(crate) fn refuse_low_ratings(goal: &Goal, known: &Knowledge<'_>) -> Result<(), AttackError> {
    if goal.objective == Objective::Demote && known.items.scale.is_some() {
        let reason = "to graphs a low rating of a target is one more path to it";
        return Err(AttackError::Objective { objective: goal.objective, reason });
    }
    Ok(())
}

/// The victim's recipe if it is a random walk, and the usual one otherwise.
fn walk_of(known: &Knowledge<'_>) -> RandomWalk {
    match known.victim {
        VictimAccess::Recipe(victim) => {
            victim.as_any().and_then(|recipe| recipe.downcast_ref::<RandomWalk>())
        }
        _ => None,
    }
    .cloned()
    .unwrap_or_default()
}

/// The fillers with the largest ratings; equal ones in random order.
fn largest(w: &[f64], frame: &Frame, rng: &mut Rng) -> Vec<ItemId> {
    let mut ranked: Vec<(f64, u64, ItemId)> = (0..w.len())
        .map(|i| (w[i], rng.random(), ItemId(i as u32)))
        .filter(|&(_, _, item)| frame.is_filler(item))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.into_iter().take(frame.room).map(|(_, _, item)| item).collect()
}

fn with_row(train: &Interactions, fixed: &[(ItemId, f32)], entries: &[(ItemId, f32)]) -> Interactions {
    let profile = Profile { entries: fixed.iter().chain(entries).copied().collect() };
    let fakes = FakeProfiles { profiles: vec![profile], ..FakeProfiles::default() };
    train.append(&fakes).expect("invariant: fillers are distinct items of the catalogue and no targets")
}
