//! The S-attack: fillers that a factorisation says would raise the targets most.

mod optimise;
mod relaxed;
mod settings;
#[cfg(test)]
mod tests;
mod wmw;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, Knowledge, Needs, Objective, UserId,
};

use crate::catalogue::{BOTH, Capabilities, Described};
use crate::craft::draw_from;
use crate::influence::{InfluenceOrder, most_influential};
use crate::mf::Mode;
use crate::surrogate::VictimCopy;
pub(crate) use optimise::craft;
pub use settings::Fillers;
pub(crate) use settings::{Settings, at_least_one};

/// Fake users one batch after another, each from relaxed scores that descend on the loss of the chosen users' lists
/// (Fang, Gong and Liu, WWW 2020, Algorithm 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SAttack {
    /// Whose lists the loss looks at: U-TNA, S-TNA-Rand or S-TNA-Inf.
    pub users: Users,
    /// Δ: how many users `rand` and `influential` choose; at least 1.
    pub selected_users: usize,
    /// How influence is computed.
    pub order: InfluenceOrder,
    /// How the loss is differentiated through the victim's training.
    pub grad: Mode,
    /// What chooses the fillers.
    pub fillers: Fillers,
    /// η: weight of the sum of the relaxed scores; at least 0.
    pub eta: f64,
    /// b: width of the loss, in units of predicted scores; above 0.
    pub width: f64,
    /// N: length of a list; at least 1.
    pub list_length: usize,
    /// Leaves out users who have the target: they cannot be recommended it.
    pub skip_raters: bool,
    /// Descent steps a batch; at least 1.
    pub iterations: usize,
    /// The largest change of a relaxed score in the first step, as a share of the highest score; above 0.
    pub step: f64,
    /// Fake users optimised together; at least 1.
    pub batch: usize,
    /// Descent steps between two looks at the lists; at least 1.
    pub list_refresh: usize,
}

/// Whose lists the loss looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Users {
    /// Everybody's (U-TNA).
    All,
    /// Those of users drawn at random (S-TNA-Rand).
    Rand,
    /// Those of the users with the largest influence on the target (S-TNA-Inf).
    #[default]
    Influential,
}

impl Default for SAttack {
    fn default() -> Self {
        let Settings {
            grad,
            fillers,
            eta,
            width,
            list_length,
            skip_raters,
            iterations,
            step,
            batch,
            list_refresh,
        } = Settings::default();
        Self {
            users: Users::default(),
            selected_users: 400,
            order: InfluenceOrder::default(),
            grad,
            fillers,
            eta,
            width,
            list_length,
            skip_raters,
            iterations,
            step,
            batch,
            list_refresh,
        }
    }
}

impl SAttack {
    fn settings(&self) -> Settings {
        Settings {
            grad: self.grad,
            fillers: self.fillers,
            eta: self.eta,
            width: self.width,
            list_length: self.list_length,
            skip_raters: self.skip_raters,
            iterations: self.iterations,
            step: self.step,
            batch: self.batch,
            list_refresh: self.list_refresh,
        }
    }

    fn chosen(
        &self,
        copy: &VictimCopy,
        eligible: &[UserId],
        goal: &Goal,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<UserId>, AttackError> {
        match self.users {
            Users::All => Ok(eligible.to_vec()),
            Users::Rand => {
                let mut rng = ctx.seed.child("users").rng();
                let mut users = draw_from(&mut rng, eligible, self.selected_users.min(eligible.len()))?;
                users.sort_unstable();
                Ok(users)
            }
            Users::Influential => {
                let influence = copy.influence_on(&goal.targets, self.order, ctx)?;
                let ties = ctx.seed.child("users");
                Ok(most_influential(&influence, eligible, self.selected_users, ties))
            }
        }
    }
}

impl Attack for SAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Recipe }
    }

    fn trainings(&self, fake_users: usize) -> usize {
        self.settings().trainings(fake_users)
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        at_least_one("selected_users", self.selected_users)?;
        craft(&self.settings(), goal, budget, known, ctx, |copy, eligible| {
            let chosen = self.chosen(copy, eligible, goal, ctx)?;
            Ok(chosen.into_iter().map(|user| (user, 1.0)).collect())
        })
    }
}

impl Described for SAttack {
    const CARD: Card = Card {
        name: "s-attack",
        summary: "fillers that, by the victim's own factorisation, lift the targets into users' lists",
        doc: include_str!("../../../../docs/attacks/s-attack.md"),
        reference: "M. Fang, N. Z. Gong, J. Liu: Influence function based data poisoning attacks to top-N recommender \
                    systems. WWW 2020",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: BOTH, implicit: &[Objective::Promote] }
    }
}
