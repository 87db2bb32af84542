//! Whose lists count.

use std::path::PathBuf;

use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Audience, Seed, UserId};

use super::{SelectError, labels};

/// A rule that selects the users whose lists count: `all`, `random:20`, `ids:L1,L2` or `@file`.
///
/// ```
/// use shillproof_attacks::AudienceSpec;
/// assert_eq!("random:20".parse::<AudienceSpec>()?, AudienceSpec::Random { count: 20 });
/// # Ok::<(), shillproof_attacks::SelectError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AudienceSpec {
    /// All genuine users.
    #[default]
    All,
    /// Uniform over them.
    Random {
        /// How many.
        count: usize,
    },
    /// These labels.
    Ids(Vec<String>),
    /// The labels in this file, one a line.
    File(PathBuf),
}

impl AudienceSpec {
    /// The audience, drawn from a child of `seed` of its own; users in ascending order.
    ///
    /// # Shapes
    /// `n_users`: genuine users; `label`: the label of one.
    ///
    /// # Errors
    /// If a label is unknown or named twice, no user is asked for, or more than there are.
    pub fn select<'l>(
        &self,
        n_users: usize,
        label: &dyn Fn(UserId) -> &'l str,
        seed: Seed,
    ) -> Result<Audience, SelectError> {
        let labels = || (0..n_users as u32).map(|u| label(UserId(u))).collect::<Vec<_>>();
        let mut users = match self {
            Self::All => return Ok(Audience::All),
            Self::Random { count: 0 } => {
                return Err(SelectError::Number {
                    rule: self.to_string(),
                    got: "0".into(),
                    expected: "at least one user",
                });
            }
            Self::Random { count } if *count > n_users => {
                return Err(SelectError::TooFew {
                    rule: self.to_string(),
                    wanted: *count,
                    found: n_users,
                    what: "users",
                });
            }
            Self::Random { count } => {
                let mut rng = seed.child("audience").rng();
                index::sample(&mut rng, n_users, *count).into_iter().map(|u| u as u32).collect()
            }
            Self::Ids(wanted) => labels::find("user", wanted, &labels())?,
            Self::File(path) => labels::read("user", path, &labels())?,
        };
        users.sort_unstable();
        Ok(Audience::Users(users.into_iter().map(UserId).collect()))
    }
}
