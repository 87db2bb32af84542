//! Fake co-visitations.

mod plan;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Audience, Budget, Ctx, FakeProfiles, FitJob, Fraction, Goal, Grant, Interactions,
    ItemId, Knowledge, Needs, Profile, Rng, UserId, VictimAccess,
};
use shillproof_victims::ItemKnn;

use crate::catalogue::{BOTH, Capabilities, Described, PROMOTE};
use crate::craft::{Frame, Model, Scores, Sequences, draw_from, in_turns, most_popular, tenth};
use crate::walk::refuse_low_ratings;
use plan::{Anchor, Counts, choose, place};

/// Targets beside the anchors whose lists show them to most users for the fewest fake users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CovisAttack {
    /// Shape of a profile.
    pub form: Form,
    /// Length of the item-to-item lists that the targets are to enter; at least 1.
    pub list_length: usize,
    /// What fills the places that no anchor needs.
    pub pad: Pad,
    /// Share of the catalogue that `popular` padding is drawn from, most popular first; more if it is too short.
    pub popular_fraction: Fraction,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// Shape of a profile of co-visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// All targets and the anchors of the plan.
    #[default]
    Plan,
    /// A sequence of pairs: an item that one of the audience has, then a target; cut to the profile size.
    Sequence,
}

/// What fills the places that no anchor needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pad {
    /// Popular items, so that all profiles are equally long.
    Popular,
    /// Nothing: shorter profiles.
    None,
}

impl Default for CovisAttack {
    fn default() -> Self {
        Self {
            form: Form::Plan,
            list_length: 10,
            pad: Pad::Popular,
            popular_fraction: tenth(),
            competitors: 10,
        }
    }
}

/// What one plan looks at.
struct Scene<'a> {
    /// Interactions that count.
    data: &'a Interactions,
    frame: &'a Frame,
    pushed: &'a [ItemId],
    recipe: &'a ItemKnn,
    audience: &'a Audience,
    fake_users: usize,
}

impl CovisAttack {
    /// Anchors of every fake user, where the lists are those of `rivals`.
    fn plan(
        &self,
        scene: &Scene<'_>,
        rivals: &Interactions,
        rng: &mut Rng,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Vec<ItemId>>, AttackError> {
        let Scene { data, frame, pushed, recipe, audience, fake_users } = *scene;
        let n = self.list_length;
        let lists = recipe.related_to_each(&FitJob::new(rivals), n + pushed.len(), ctx)?;
        let last: Vec<f64> = lists
            .iter()
            .map(|list| {
                let others = list.iter().filter(|entry| !pushed.contains(&entry.0));
                others.map(|entry| f64::from(entry.1)).nth(n - 1).unwrap_or(0.0)
            })
            .collect();
        let count = data.item_counts();
        let mut profiles = vec![Vec::new(); fake_users];
        for (t, &target) in pushed.iter().enumerate() {
            // Fake user v plans for target v mod |T|, and clicks them all.
            let users: Vec<usize> = (t..fake_users).step_by(pushed.len()).collect();
            let (mut with_target, mut exposed) = (vec![0u32; count.len()], vec![0usize; count.len()]);
            for user in data.users() {
                let row = data.row(user);
                let counts = heard(audience, user);
                for item in row.items() {
                    if row.contains(target) {
                        with_target[item.index()] += 1;
                    } else if counts {
                        exposed[item.index()] += 1;
                    }
                }
            }
            let counts = Counts {
                item: &count,
                with_target: &with_target,
                target: count[target.index()] as usize + fake_users,
            };
            let anchor = |i: usize| {
                let (item, benefit) = (ItemId(i as u32), exposed[i]);
                if benefit == 0 || !frame.is_filler(item) {
                    return None;
                }
                let requirement = counts.requirement(recipe, item, last[i], users.len())?;
                (requirement > 0).then_some(Anchor { item, requirement, benefit })
            };
            let anchors = (0..count.len()).filter_map(anchor).collect();
            let chosen = choose(anchors, users.len() * frame.room, rng);
            for (v, items) in users.iter().zip(place(chosen, users.len(), frame.room, rng)) {
                profiles[*v] = items;
            }
        }
        Ok(profiles)
    }
}

fn heard(audience: &Audience, user: UserId) -> bool {
    match audience {
        Audience::All => true,
        Audience::Users(users) => users.contains(&user),
    }
}

/// The victim's recipe if it is an item neighborhood, and the usual one otherwise.
fn neighborhood_of(known: &Knowledge<'_>) -> ItemKnn {
    match known.victim {
        VictimAccess::Recipe(victim) => victim.as_any().and_then(|recipe| recipe.downcast_ref::<ItemKnn>()),
        _ => None,
    }
    .cloned()
    .unwrap_or_default()
}

impl Attack for CovisAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Recipe }
    }

    /// Requirements depend on how many fake users will click the target.
    fn is_incremental(&self) -> bool {
        false
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        if self.list_length == 0 {
            return Err(AttackError::Parameter {
                name: "list_length",
                got: "0".into(),
                expected: "at least 1",
            });
        }
        ctx.check()?;
        refuse_low_ratings(goal, known)?;
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        if self.form == Form::Sequence {
            return pairs(goal, budget, known, sample, ctx);
        }
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let data = sample.binarize();
        let pushed: Vec<ItemId> = frame.fixed().iter().map(|entry| entry.0).collect();
        let scene = Scene {
            data: &data,
            frame: &frame,
            pushed: &pushed,
            recipe: &neighborhood_of(known),
            audience: &goal.audience,
            fake_users: budget.fake_users,
        };
        let mut rng = ctx.seed.child("plan").rng();
        let anchors = if frame.room == 0 || budget.fake_users == 0 || data.is_empty() {
            vec![Vec::new(); budget.fake_users]
        } else {
            let first = self.plan(&scene, &data, &mut rng, ctx)?;
            // What is planned changes the lists that it competes with: once more with its own counts.
            self.plan(&scene, &with_rows(&data, &pushed, &first), &mut rng, ctx)?
        };
        let popular = frame.only_fillers(most_popular(known.items, Fraction::ONE, ctx));
        let drawn_from = self.popular_fraction.round_of(known.items.n_items());
        let scores = Scores::new(known.items, Model::PerItem);
        frame.craft(budget, ctx, |v, rng| {
            let mut fillers = anchors[v].clone();
            if self.pad == Pad::Popular {
                let missing = frame.room - fillers.len();
                let unused = popular.iter().copied().filter(|item| !fillers.contains(item));
                let pool: Vec<ItemId> = unused.take(missing.max(drawn_from)).collect();
                fillers.extend(draw_from(rng, &pool, missing)?);
            }
            Ok(scores.rate(fillers, rng))
        })
    }
}

/// Sequences of pairs: an item of a random one of the audience, then a target.
fn pairs(
    goal: &Goal,
    budget: &Budget,
    known: &Knowledge<'_>,
    sample: &Interactions,
    ctx: &Ctx<'_>,
) -> Result<FakeProfiles, AttackError> {
    let sequences = Sequences::new(goal, budget, known, Model::PerItem)?;
    let has_items =
        |user: &UserId| !sequences.others(sample.row(*user).items().iter().copied(), &[]).is_empty();
    let users: Vec<UserId> =
        sample.users().filter(|&user| heard(&goal.audience, user)).filter(has_items).collect();
    sequences.craft(budget, ctx, |_, rng| {
        let mut anchors: Vec<ItemId> = Vec::new();
        // Users whose items are all used are drawn in vain: a bounded number of times.
        for _ in 0..8 * sequences.length {
            if anchors.len() == sequences.length || users.is_empty() {
                break;
            }
            let user = users[rng.random_range(0..users.len() as u64) as usize];
            let left = sequences.others(sample.row(user).items().iter().copied(), &anchors);
            if !left.is_empty() {
                anchors.push(left[rng.random_range(0..left.len() as u64) as usize]);
            }
        }
        Ok(in_turns(&anchors, &sequences.targets(rng)))
    })
}

/// `data` with a row for each fake user: the pushed items and its anchors.
fn with_rows(data: &Interactions, pushed: &[ItemId], anchors: &[Vec<ItemId>]) -> Interactions {
    let profile = |items: &Vec<ItemId>| Profile {
        entries: pushed.iter().chain(items).map(|&item| (item, 1.0)).collect(),
    };
    let fakes = FakeProfiles { profiles: anchors.iter().map(profile).collect(), ..FakeProfiles::default() };
    data.append(&fakes).expect("invariant: anchors are distinct items of the catalogue and not pushed")
}

impl Described for CovisAttack {
    const CARD: Card = Card {
        name: "covis",
        summary: "fake co-visitations: targets beside the items on whose lists they are seen most",
        doc: include_str!("../../../../docs/attacks/covis.md"),
        reference: "G. Yang, N. Z. Gong, Y. Cai: Fake co-visitation injection attacks to recommender systems. \
                    NDSS 2017",
    };

    fn capabilities(&self) -> Capabilities {
        match self.form {
            Form::Plan => Capabilities { rates_targets: true, explicit: PROMOTE, implicit: BOTH },
            Form::Sequence => Capabilities::SEQUENCES,
        }
    }
}

#[cfg(test)]
mod tests;
