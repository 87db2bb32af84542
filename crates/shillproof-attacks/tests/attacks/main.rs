//! What every attack must keep, and the mistakes of public tools that ours must not make.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod catalogue;
mod contract;
mod effects;
mod field_bugs;
mod nuclear;
mod pga;
mod poison;
mod shapes;
mod targets;

use shillproof_core::{
    Audience, Budget, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, ThreatCase,
    VictimAccess,
};
use shillproof_testkit::fixtures::Planted;

fn planted() -> Planted {
    Planted { users: 60, items: 45, clusters: 3, per_user: 12, affinity: 0.8 }
}

fn ratings() -> Interactions {
    planted().explicit(Seed::new(8))
}

fn goal(targets: &[u32], objective: Objective) -> Goal {
    Goal { targets: targets.iter().copied().map(ItemId).collect(), objective, audience: Audience::All }
}

/// A case in which the attacker knows all the data and may ask no questions.
fn case<'a>(goal: Goal, budget: Budget, items: &'a ItemStats, sample: &'a Interactions) -> ThreatCase<'a> {
    ThreatCase {
        goal,
        budget,
        known: Knowledge { items, sample: Some(sample), victim: VictimAccess::Hidden },
    }
}

fn budget(fake_users: usize, profile_size: usize) -> Budget {
    Budget { fake_users, profile_size, targets_included: false }
}
