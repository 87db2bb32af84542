//! The segment attack.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Audience, Budget, Ctx, FakeProfiles, Fraction, Goal, Interactions, ItemId,
    Knowledge, Needs, Row,
};

use crate::catalogue::{Capabilities, Described};
use crate::craft::Frame;

/// A segment of items that the targets' audience likes, rated high; random fillers, rated low.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentAttack {
    /// Items in the segment; they count as fillers, so a smaller profile has a smaller segment.
    pub segment_size: usize,
    /// How much the audience likes an item.
    pub affinity: Affinity,
}

/// How much an audience likes an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Affinity {
    /// By how many of its members do.
    Count,
    /// By the cosine between its members and all users who do.
    Cosine,
}

impl Default for SegmentAttack {
    fn default() -> Self {
        Self { segment_size: 5, affinity: Affinity::Count }
    }
}

impl SegmentAttack {
    /// Items by how much the audience likes them, best first; those nobody in it likes by popularity.
    fn ranked(
        &self,
        sample: &Interactions,
        goal: &Goal,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Vec<ItemId> {
        let mut audience = vec![matches!(goal.audience, Audience::All); sample.n_users()];
        match &goal.audience {
            Audience::All => {
                for (member, row) in audience.iter_mut().zip(sample.rows()) {
                    *member = goal.targets.iter().any(|&t| row.contains(t));
                }
            }
            Audience::Users(users) => {
                for user in users.iter().filter(|u| u.index() < sample.n_users()) {
                    audience[user.index()] = true;
                }
            }
        }
        let (mut inside, mut all) = (vec![0u32; sample.n_items()], vec![0u32; sample.n_items()]);
        for (&member, row) in audience.iter().zip(sample.rows()) {
            for item in liked(row) {
                inside[item.index()] += u32::from(member);
                all[item.index()] += 1;
            }
        }
        let affinity = |i: ItemId| {
            let (inside, all) = (f64::from(inside[i.index()]), f64::from(all[i.index()]));
            match self.affinity {
                Affinity::Count => inside,
                // The size of the audience is the same for every item.
                Affinity::Cosine => inside / all.max(1.0).sqrt(),
            }
        };
        let ties = ctx.seed.child("ties");
        let mut ranked: Vec<ItemId> = (0..sample.n_items() as u32).map(ItemId).collect();
        ranked.sort_by_cached_key(|&i| {
            let popularity = known.items.count[i.index()];
            // Affinities are not negative, so their bits are in their order.
            (Reverse(affinity(i).to_bits()), Reverse(popularity), ties.index(u64::from(i.0)).value())
        });
        ranked
    }
}

/// Items that a user rates at least as high as the user's mean rating; all of them in implicit data.
fn liked(row: Row<'_>) -> impl Iterator<Item = ItemId> {
    let mean = row.iter().map(|e| f64::from(e.1)).sum::<f64>() / row.len().max(1) as f64;
    row.iter().filter(move |e| f64::from(e.1) >= mean).map(|e| e.0)
}

impl Attack for SegmentAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ..Needs::STATISTICS }
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        // Demoting on implicit data: the segment itself is what competes with the targets.
        let frame = Frame::new(goal, budget, known, 0, ctx)?;
        let mut segment = frame.only_fillers(self.ranked(sample, goal, known, ctx));
        segment.truncate(self.segment_size.min(frame.room));
        let (high, low) = known.items.scale.map_or((1.0, 1.0), |scale| (scale.max, scale.min));
        let frame = frame.holding(&segment, high);
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
            Ok(fillers.into_iter().map(|item| (item, low)).collect())
        })
    }
}

impl Described for SegmentAttack {
    const CARD: Card = Card {
        name: "segment",
        summary: "items that the targets' audience likes, rated high, and random fillers, rated low",
        doc: include_str!("../../../docs/attacks/segment.md"),
        reference: "B. Mobasher, R. Burke, R. Bhaumik, C. Williams: Toward trustworthy recommender systems. \
                    ACM TOIT 7(4), 2007",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
