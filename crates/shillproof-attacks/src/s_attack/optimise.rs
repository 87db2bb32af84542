//! From relaxed scores to profiles.

use std::cmp::Reverse;

use shillproof_core::{
    AttackError, Audience, Budget, Ctx, FakeProfiles, Fraction, Goal, Interactions, ItemId, Knowledge,
    Objective, Seed, UserId,
};

use super::relaxed::Descent;
use super::settings::{Fillers, Settings};
use super::wmw::{Seeker, Wmw};
use crate::craft::{Frame, Model, Scores};
use crate::surrogate::{Recipe, VictimCopy};

/// Makes the fake users. `choose` names the users whose lists the loss looks at, with their weights, out of those it is given.
pub(crate) fn craft(
    settings: &Settings,
    goal: &Goal,
    budget: &Budget,
    known: &Knowledge<'_>,
    ctx: &Ctx<'_>,
    choose: impl FnOnce(&VictimCopy, &[UserId]) -> Result<Vec<(UserId, f64)>, AttackError>,
) -> Result<FakeProfiles, AttackError> {
    settings.check()?;
    if known.items.scale.is_none() && goal.objective == Objective::Demote {
        return Err(AttackError::Objective {
            objective: goal.objective,
            reason: "without ratings a fake user cannot dislike a target",
        });
    }
    let frame = Frame::new(goal, budget, known, 0, ctx)?;
    let scores = Scores::new(known.items, Model::PerItem);
    if settings.fillers == Fillers::Random || frame.room == 0 || budget.fake_users == 0 {
        return frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
            Ok(scores.rate(fillers, rng))
        });
    }
    let seed = ctx.seed;
    let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
    let copy = VictimCopy::fit(Recipe::of(known, ctx)?, sample, &ctx.at(seed.child("surrogate")))?;
    let eligible = eligible(&copy.data, goal, settings.skip_raters);
    let chosen = choose(&copy, &eligible)?;
    let seekers = seekers(&copy.data, goal, settings.skip_raters, chosen);
    let mut descent = Descent {
        settings,
        wmw: Wmw { width: settings.width, objective: goal.objective },
        copy,
        seekers,
        fixed: frame.fixed(),
        finished: Vec::new(),
        seed,
    };
    let mut relaxed = Vec::new();
    frame.craft(budget, ctx, |v, rng| {
        if v % settings.batch == 0 {
            ctx.observer.progress("s-attack", v as u64, budget.fake_users as u64);
            relaxed = descent.batch(v, ctx)?;
        }
        let fillers = largest(&relaxed[v % settings.batch], &frame, seed.child("fillers").index(v as u64));
        let entries = scores.rate(fillers, rng);
        descent.finish(&entries);
        Ok(entries)
    })
}

/// The fillers with the largest scores; ties in an order drawn from `ties`.
fn largest(scores: &[f64], frame: &Frame, ties: Seed) -> Vec<ItemId> {
    let mut items: Vec<ItemId> =
        (0..scores.len() as u32).map(ItemId).filter(|&i| frame.is_filler(i)).collect();
    items.sort_by_cached_key(|i| Reverse(ties.index(u64::from(i.0)).value()));
    items.sort_by(|a, b| scores[b.index()].total_cmp(&scores[a.index()]));
    items.truncate(frame.room);
    items
}

/// Members of the audience who could still be shown a target.
fn eligible(data: &Interactions, goal: &Goal, skip_raters: bool) -> Vec<UserId> {
    let mut users: Vec<UserId> = match &goal.audience {
        Audience::All => data.users().collect(),
        Audience::Users(users) => users.iter().copied().filter(|u| u.index() < data.n_users()).collect(),
    };
    users.sort_unstable();
    users.dedup();
    users.retain(|&u| !skip_raters || goal.targets.iter().any(|&t| !data.row(u).contains(t)));
    users
}

fn seekers(data: &Interactions, goal: &Goal, skip_raters: bool, chosen: Vec<(UserId, f64)>) -> Vec<Seeker> {
    let one = |(user, weight): (UserId, f64)| {
        let row = data.row(user);
        let targets = goal.targets.iter().copied().filter(|&t| !skip_raters || !row.contains(t)).collect();
        Seeker { user, weight, targets, list: Vec::new() }
    };
    chosen.into_iter().map(one).collect()
}
