//! What the S-attack and its weighted form have in common.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::AttackError;

use crate::mf::Mode;

/// What chooses the fillers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fillers {
    /// The largest relaxed scores.
    #[default]
    Optimised,
    /// Chance: the control that shows what the optimisation is worth. Nothing is trained.
    Random,
}

/// The parameters of the descent, as the attacks' fields of the same names document them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) grad: Mode,
    pub(crate) fillers: Fillers,
    pub(crate) eta: f64,
    pub(crate) width: f64,
    pub(crate) list_length: usize,
    pub(crate) skip_raters: bool,
    pub(crate) iterations: usize,
    pub(crate) step: f64,
    pub(crate) batch: usize,
    pub(crate) list_refresh: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grad: Mode::default(),
            fillers: Fillers::default(),
            eta: 0.01,
            width: 0.5,
            list_length: 10,
            skip_raters: true,
            iterations: 10,
            step: 0.1,
            batch: 10,
            list_refresh: 1,
        }
    }
}

impl Settings {
    /// Trainings of the copy: one to begin with, and one a step of each batch.
    pub(crate) fn trainings(&self, fake_users: usize) -> usize {
        if self.fillers == Fillers::Random || fake_users == 0 {
            return 0;
        }
        1 + fake_users.div_ceil(self.batch.max(1)) * self.iterations
    }

    /// Refuses parameters out of range.
    pub(crate) fn check(&self) -> Result<(), AttackError> {
        at_least_one("list_length", self.list_length)?;
        at_least_one("iterations", self.iterations)?;
        at_least_one("batch", self.batch)?;
        at_least_one("list_refresh", self.list_refresh)?;
        finite("eta", self.eta, self.eta >= 0.0, "a finite number of at least 0")?;
        finite("width", self.width, self.width > 0.0, "a finite number above 0")?;
        finite("step", self.step, self.step > 0.0, "a finite number above 0")
    }
}

/// Refuses a count of 0.
pub(crate) fn at_least_one(name: &'static str, value: usize) -> Result<(), AttackError> {
    if value > 0 { Ok(()) } else { Err(refused(name, value, "at least 1")) }
}

fn finite(name: &'static str, value: f64, fits: bool, expected: &'static str) -> Result<(), AttackError> {
    if value.is_finite() && fits { Ok(()) } else { Err(refused(name, value, expected)) }
}

fn refused(name: &'static str, got: impl Display, expected: &'static str) -> AttackError {
    AttackError::Parameter { name, got: got.to_string(), expected }
}
