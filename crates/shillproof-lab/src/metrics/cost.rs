//! What the attack spends.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::FakeProfiles;

/// The price of one attack to the attacker.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Fake users.
    pub users: usize,
    /// Interactions of all fake users, targets included.
    pub interactions: usize,
    /// Queries that were spent on the victim.
    pub queries: u64,
    /// Seconds that crafting took. The only number here that a clock decides.
    pub seconds: f64,
}

impl Cost {
    /// The cost of `fakes`, crafted in `time`.
    pub fn of(fakes: &FakeProfiles, time: Duration) -> Self {
        Self {
            users: fakes.profiles.len(),
            interactions: fakes.interactions(),
            queries: fakes.queries,
            seconds: time.as_secs_f64(),
        }
    }
}
