//! The outer loop: fake users that follow the hypergradient and are projected to profiles after every step.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{
    AttackError, Audience, Budget, Ctx, FakeProfiles, FitError, Fraction, Goal, Interactions, ItemId,
    Knowledge, Objective, Rng, Ties, UserId,
};
use shillproof_kernels::Matrix;

use super::lists::hit_ratio;
use super::outer::{Difficulty, OuterLoss, Seekers};
use super::project::Projection;
use super::reverse::Bilevel;
use super::surrogate::{above_zero, at_least_one};
use super::training::{Trained, Training, Workspace};
use crate::craft::{Frame, Model, Scores, draw_from};

/// Whose effect on the surrogate decides which fake users are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evaluate {
    /// Of the surrogate that was trained on these fake users, in the next step; the last ones in a training of their own.
    #[default]
    Trained,
    /// Of the surrogate trained on the fake users before them: free, and late by one step, as in released code.
    Previous,
}

/// The outer loop's settings.
#[derive(Clone, Debug)]
pub(crate) struct Descent {
    pub(crate) name: &'static str,
    pub(crate) training: Training,
    pub(crate) loss: OuterLoss,
    pub(crate) difficulty: Difficulty,
    pub(crate) iterations: usize,
    pub(crate) step: f32,
    pub(crate) momentum: f32,
    pub(crate) projection: Projection,
    /// Weight of an item's popularity in the projection.
    pub(crate) smoothing: f32,
    pub(crate) force_targets: bool,
    /// Length of the lists whose hit ratio decides.
    pub(crate) list_length: usize,
    pub(crate) evaluate: Evaluate,
    /// Most interactions of a genuine user whose profile is a start.
    pub(crate) start_clicks: usize,
    pub(crate) competitors: usize,
}

/// How well fake users serve: the share of users who see a target; among equals, the negative loss.
type Served = (f64, f64);

/// The fake users that served best so far.
#[derive(Default)]
struct Best(Option<(Served, Vec<Vec<u32>>)>);

impl Best {
    fn offer(&mut self, served: Served, rows: &[Vec<u32>]) {
        if self.0.as_ref().is_none_or(|(best, _)| served > *best) {
            self.0 = Some((served, rows.to_vec()));
        }
    }
}

impl Descent {
    fn check(&self) -> Result<(), AttackError> {
        for (name, value) in [
            ("iterations", self.iterations),
            ("list_length", self.list_length),
            ("start_clicks", self.start_clicks),
        ] {
            at_least_one(name, value)?;
        }
        above_zero("step", self.step)?;
        let refused =
            |name, got: f32, expected| Err(AttackError::Parameter { name, got: got.to_string(), expected });
        if !(0.0..1.0).contains(&self.momentum) {
            return refused("momentum", self.momentum, "at least 0 and below 1");
        }
        if !(self.smoothing.is_finite() && self.smoothing >= 0.0) {
            return refused("popularity_weight", self.smoothing, "a finite number of at least 0");
        }
        if let Projection::Threshold(least) = self.projection
            && !least.is_finite()
        {
            return refused("threshold", least, "a finite number");
        }
        if let OuterLoss::Wmw { width, .. } = self.loss {
            above_zero("width", width)?;
        }
        if let Difficulty::Aware { temperature } = self.difficulty {
            above_zero("difficulty", temperature)?;
        }
        Ok(())
    }

    pub(crate) fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        self.check()?;
        ctx.check()?;
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        refuse_low_ratings(goal, known)?;
        let forced = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let pushed: Vec<ItemId> = forced.fixed().iter().map(|entry| entry.0).collect();
        let frame = if self.force_targets { forced } else { Frame::free(budget, known)? };
        let scores = Scores::new(known.items, Model::PerItem);
        let data = sample.binarize();
        let users = members(&goal.audience, &data);
        if frame.room == 0
            || budget.fake_users == 0
            || pushed.is_empty()
            || data.is_empty()
            || users.is_empty()
        {
            return frame.craft(budget, ctx, |_, rng| {
                let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
                Ok(scores.rate(fillers, rng))
            });
        }
        let seekers = Seekers {
            loss: self.loss,
            difficulty: self.difficulty,
            users: &users,
            targets: &pushed,
            seen: &data,
            ties: Ties::hashed(ctx.seed.child("ties")),
        };
        let start = self.start(&data, budget.fake_users, frame.room, &mut ctx.seed.child("start").rng())?;
        let rows = self.descend(start, &seekers, &frame, ctx)?;
        frame.craft(budget, ctx, |v, rng| {
            let fillers = rows[v].iter().map(|&i| ItemId(i)).filter(|&item| frame.is_filler(item));
            Ok(scores.rate(fillers.collect(), rng))
        })
    }

    fn descend(
        &self,
        start: Vec<Vec<u32>>,
        seekers: &Seekers<'_>,
        frame: &Frame,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Vec<u32>>, AttackError> {
        let seed = ctx.seed;
        let bilevel =
            Bilevel { genuine: seekers.seen, training: &self.training, seed: seed.child("surrogate") };
        let popularity = self.popularity(seekers.seen);
        let mut velocity = Matrix::zeros(start.len(), seekers.seen.n_items());
        let (mut rows, mut best, mut workspace) = (start, Best::default(), Workspace::default());
        for iteration in 0..self.iterations {
            ctx.observer.progress(self.name, iteration as u64, self.iterations as u64);
            let found = bilevel.hypergradient(&rows, seekers, &mut workspace, ctx)?;
            let served = self.served(found.loss, &found.trained, seekers)?;
            // Where the descent starts is no profile yet.
            if self.evaluate == Evaluate::Trained && iteration > 0 {
                best.offer(served, &rows);
            }
            let mut gradient = found.of_fakes;
            if self.force_targets {
                for v in 0..gradient.rows() {
                    for t in seekers.targets {
                        gradient.row_mut(v)[t.index()] = 0.0;
                    }
                }
            }
            normalise_rows(&mut gradient);
            for (velocity, g) in velocity.as_mut_slice().iter_mut().zip(gradient.as_slice()) {
                *velocity = self.momentum * *velocity + g;
            }
            let relaxed = self.relaxed(&rows, &velocity, &popularity);
            let ties = seed.child("projection").index(iteration as u64);
            rows = self.projection.rows(&relaxed, frame.room, |item| frame.is_filler(item), ties);
            for row in rows.iter_mut().filter(|_| self.force_targets) {
                row.extend(seekers.targets.iter().map(|t| t.0));
            }
            if self.evaluate == Evaluate::Previous {
                best.offer(served, &rows);
            }
        }
        if self.evaluate == Evaluate::Trained {
            let trained = bilevel.train(&rows, &mut workspace, ctx)?;
            let (loss, ..) = seekers.gradient(&trained);
            best.offer(self.served(loss, &trained, seekers)?, &rows);
        }
        Ok(best.0.map_or(rows, |(_, rows)| rows))
    }

    fn served(&self, loss: f64, trained: &Trained, seekers: &Seekers<'_>) -> Result<Served, AttackError> {
        if !loss.is_finite() || !trained.users.is_finite() || !trained.items.is_finite() {
            return Err(FitError::Diverged { iteration: self.training.epochs }.into());
        }
        let Seekers { users, seen, targets, ties, .. } = *seekers;
        Ok((hit_ratio(trained, users, seen, targets, self.list_length, ties), -loss))
    }

    /// Cells before projection: where the fake users are, less the step, plus popularity.
    fn relaxed(&self, rows: &[Vec<u32>], velocity: &Matrix, popularity: &[f32]) -> Matrix {
        let mut relaxed = Matrix::zeros(velocity.rows(), velocity.columns());
        for (v, row) in rows.iter().enumerate() {
            let out = relaxed.row_mut(v);
            for ((out, velocity), popularity) in out.iter_mut().zip(velocity.row(v)).zip(popularity) {
                *out = popularity - self.step * velocity;
            }
            for &item in row {
                out[item as usize] += 1.0;
            }
        }
        relaxed
    }

    /// β c_i / c_max.
    fn popularity(&self, data: &Interactions) -> Vec<f32> {
        let counts = data.item_counts();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        counts.iter().map(|&c| self.smoothing * c as f32 / most as f32).collect()
    }

    /// Profiles of genuine users to start from, cut to their most popular items.
    fn start(
        &self,
        data: &Interactions,
        fakes: usize,
        room: usize,
        rng: &mut Rng,
    ) -> Result<Vec<Vec<u32>>, AttackError> {
        let short = |least: usize, most: usize| -> Vec<UserId> {
            data.users().filter(|&u| (least..=most).contains(&data.row(u).len())).collect()
        };
        let mut pool = short(1, self.start_clicks);
        if pool.is_empty() {
            pool = short(1, usize::MAX);
        }
        let mut chosen = Vec::with_capacity(fakes);
        while chosen.len() < fakes {
            // Everybody once before anybody a second time.
            chosen.extend(draw_from(rng, &pool, pool.len().min(fakes - chosen.len()))?);
        }
        let counts = data.item_counts();
        let profile = |user: UserId| {
            let mut items: Vec<u32> = data.row(user).sorted().iter().map(|item| item.0).collect();
            items.shuffle(rng);
            items.sort_by_key(|&i| std::cmp::Reverse(counts[i as usize]));
            items.truncate(room);
            items.sort_unstable();
            items
        };
        Ok(chosen.into_iter().map(profile).collect())
    }
}

/// To a surrogate that reads no ratings, a low rating of a target is one interaction more.
pub(crate) fn refuse_low_ratings(goal: &Goal, known: &Knowledge<'_>) -> Result<(), AttackError> {
    if known.items.scale.is_some() && goal.objective == Objective::Demote {
        let reason = "to a surrogate of implicit feedback a low rating of a target is one interaction more";
        return Err(AttackError::Objective { objective: goal.objective, reason });
    }
    Ok(())
}

/// Members of the audience, each once.
pub(crate) fn members(audience: &Audience, data: &Interactions) -> Vec<UserId> {
    let mut users: Vec<UserId> = match audience {
        Audience::All => data.users().collect(),
        Audience::Users(users) => users.iter().copied().filter(|u| u.index() < data.n_users()).collect(),
    };
    users.sort_unstable();
    users.dedup();
    users
}

/// Makes every row one of unit length; a row of zeros stays.
fn normalise_rows(matrix: &mut Matrix) {
    for v in 0..matrix.rows() {
        let norm = matrix.row(v).iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if norm > 0.0 {
            for x in matrix.row_mut(v).iter_mut() {
                *x = (f64::from(*x) / norm) as f32;
            }
        }
    }
}
