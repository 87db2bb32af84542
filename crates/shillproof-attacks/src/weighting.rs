//! The weighted form of the S-attack: everybody's list counts, by the user's influence on the target.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, Knowledge, Needs, Objective,
};

use crate::catalogue::{BOTH, Capabilities, Described};
use crate::influence::InfluenceOrder;
use crate::mf::Mode;
use crate::s_attack::{Fillers, Settings, craft};

/// As the S-attack on all users, each weighted by H_u = π(u, t)/Σ_k π(k, t) (Fang, Gong and Liu, WWW 2020, eq. 30 and 31).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeightingAttack {
    /// What the weights sum to.
    pub weight_scale: WeightScale,
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

/// What the weights of all users sum to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WeightScale {
    /// The number of users, so that η weighs as much as in the S-attack.
    #[default]
    Users,
    /// One, as printed.
    Literal,
}

impl Default for WeightingAttack {
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
            weight_scale: WeightScale::default(),
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

impl WeightingAttack {
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
}

impl Attack for WeightingAttack {
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
        craft(&self.settings(), goal, budget, known, ctx, |copy, eligible| {
            let influence = copy.influence_on(&goal.targets, self.order, ctx)?;
            let total: f64 = eligible.iter().map(|u| influence[u.index()]).sum();
            let scale = match self.weight_scale {
                WeightScale::Users => eligible.len() as f64,
                WeightScale::Literal => 1.0,
            };
            let weight =
                |pi: f64| if total > 0.0 { scale * pi / total } else { scale / eligible.len() as f64 };
            Ok(eligible.iter().map(|&user| (user, weight(influence[user.index()]))).collect())
        })
    }
}

impl Described for WeightingAttack {
    const CARD: Card = Card {
        name: "weighting",
        summary: "the S-attack on all users, each weighted by the own influence on the target",
        doc: include_str!("../../../docs/attacks/weighting.md"),
        reference: "M. Fang, N. Z. Gong, J. Liu: Influence function based data poisoning attacks to top-N recommender \
                    systems. WWW 2020, §7.2",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: BOTH, implicit: &[Objective::Promote] }
    }
}
