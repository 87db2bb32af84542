//! What PGA and SGLD have in common besides the model: what every fake user holds, and how relaxed scores become profiles.

use shillproof_core::{
    AttackError, Budget, Ctx, FakeProfiles, Goal, Interactions, ItemId, Knowledge, Objective, Rng,
};

use super::model::{MfModel, ModelChoice, RelaxedModel};
use super::utility::{Normalise, Utility};
use crate::craft::{Frame, Model, Scores};
use crate::mf::{FakeRow, Mode, Solver};
use crate::nuclear::{Gradient, NuclearModel, Printed};
use crate::surrogate::{Recipe, VictimCopy, nuclear_norm};

/// Most rivals of a target that is to be demoted without ratings.
const COMPETITORS: usize = 10;

/// Parameters that both attacks have, by reference.
#[derive(Clone, Copy)]
pub(crate) struct Choices {
    pub(crate) model: ModelChoice,
    pub(crate) mu1: Option<f64>,
    pub(crate) mu2: Option<f64>,
    pub(crate) target_weight: f64,
    pub(crate) normalise: Normalise,
    pub(crate) grad: Mode,
    pub(crate) printed: Printed,
    pub(crate) damping: f64,
    pub(crate) force_targets: bool,
}

impl Choices {
    pub(crate) fn check(&self) -> Result<(), AttackError> {
        for (name, value) in [
            ("mu1", self.mu1.unwrap_or(0.0)),
            ("mu2", self.mu2.unwrap_or(0.0)),
            ("target_weight", self.target_weight),
        ] {
            if !value.is_finite() {
                return Err(refused(name, value, "a finite number"));
            }
        }
        if !(self.printed.tau.is_finite() && self.printed.tau > 0.0) {
            return Err(refused("tau", self.printed.tau, "a finite number above 0"));
        }
        at_least_zero("damping", self.damping)
    }
}

pub(crate) fn refused(name: &'static str, got: f64, expected: &'static str) -> AttackError {
    AttackError::Parameter { name, got: got.to_string(), expected }
}

pub(crate) fn at_least_zero(name: &'static str, value: f64) -> Result<(), AttackError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(refused(name, value, "a finite number of at least 0"))
    }
}

/// Fake users with real-valued ratings, before they are rounded to legal ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relaxed {
    /// One list of (item, rating) a fake user; without ratings, a number from 0 to 1 says how much the item is wanted.
    pub profiles: Vec<Vec<(ItemId, f64)>>,
    /// What happened in each iteration.
    pub trace: Vec<Step>,
}

/// One iteration.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Step {
    /// The utility of the model retrained with the fake users of this iteration.
    pub utility: f64,
    /// How the linear system was solved, where there is one.
    pub solve: Option<super::model::Solve>,
}

/// Everything an attack of this family works with.
pub(crate) struct Scene<'a> {
    pub(crate) frame: Frame,
    pub(crate) model: Box<dyn RelaxedModel>,
    pub(crate) utility: Utility,
    known: &'a Knowledge<'a>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        choices: &Choices,
        goal: &Goal,
        budget: &Budget,
        known: &'a Knowledge<'a>,
        ctx: &Ctx<'_>,
    ) -> Result<Self, AttackError> {
        choices.check()?;
        ctx.check()?;
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        let frame = if choices.force_targets {
            Frame::new(goal, budget, known, COMPETITORS, ctx)?
        } else {
            Frame::free(budget, known)?
        };
        let model = choices.build(known, sample, ctx)?;
        let mu2 = match goal.objective {
            Objective::Promote => 1.0,
            Objective::Demote => -1.0,
        };
        let mu = (choices.mu1.unwrap_or(0.0), choices.mu2.unwrap_or(mu2));
        let utility = Utility::new(
            goal,
            mu,
            choices.target_weight,
            choices.normalise,
            model.genuine(),
            model.n_items(),
        );
        Ok(Self { frame, model, utility, known })
    }

    /// The cells that every fake user has, in the model's units.
    pub(crate) fn fixed(&self) -> FakeRow {
        let score = |rating: f32| {
            if self.model.reads_ratings() {
                f64::from(rating) - self.model.offset()
            } else {
                self.model.range().1
            }
        };
        let fixed = self.frame.fixed();
        FakeRow {
            items: fixed.iter().map(|e| e.0.0).collect(),
            scores: fixed.iter().map(|e| score(e.1)).collect(),
        }
    }

    /// Rows in the model's units as ratings.
    pub(crate) fn relaxed(&self, rows: &[FakeRow], trace: Vec<Step>) -> Relaxed {
        let offset = self.model.offset();
        let profile = |row: &FakeRow| {
            row.items.iter().zip(&row.scores).map(|(&item, &score)| (ItemId(item), score + offset)).collect()
        };
        Relaxed { profiles: rows.iter().map(profile).collect(), trace }
    }

    /// Legal profiles: scores rounded where the model reads ratings; else the most wanted fillers, rated as the item is rated.
    pub(crate) fn profiles(
        &self,
        relaxed: &Relaxed,
        budget: &Budget,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let held = self.frame.fixed().len();
        self.frame.craft(budget, ctx, |v, rng| {
            let fillers = &relaxed.profiles[v][held..];
            let scale = self.known.items.scale.filter(|_| self.model.reads_ratings());
            Ok(match scale {
                Some(scale) => fillers.iter().map(|&(item, score)| (item, scale.nearest(score))).collect(),
                None => self.most_wanted(fillers, rng),
            })
        })
    }

    fn most_wanted(&self, fillers: &[(ItemId, f64)], rng: &mut Rng) -> Vec<(ItemId, f32)> {
        let mut ranked = fillers.to_vec();
        // Ties stay in the order in which they were drawn.
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(self.frame.room);
        Scores::new(self.known.items, Model::PerItem).rate(ranked.into_iter().map(|e| e.0).collect(), rng)
    }
}

impl Choices {
    fn build(
        &self,
        known: &Knowledge<'_>,
        sample: &Interactions,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn RelaxedModel>, AttackError> {
        let ctx = ctx.at(ctx.seed.child("surrogate"));
        let granted = nuclear_norm(known);
        let nuclear = match self.model {
            ModelChoice::Recipe => granted.filter(|_| sample.is_explicit()),
            ModelChoice::NuclearNorm => Some(granted.unwrap_or_default()),
            ModelChoice::Als => None,
        };
        if let Some(recipe) = nuclear {
            let solver = Solver { damping: self.damping, tolerance: 1e-3, ..Solver::default() };
            let how = Gradient { mode: self.grad, printed: self.printed, solver };
            return Ok(Box::new(NuclearModel::new(recipe, sample, how, &ctx)?));
        }
        let recipe = match self.model {
            ModelChoice::Recipe | ModelChoice::NuclearNorm => Recipe::of(known, &ctx)?,
            ModelChoice::Als => {
                match Recipe::of(known, &shillproof_core::Ctx { observer: &shillproof_core::Silent, ..ctx })?
                {
                    als @ Recipe::Als(_) => als,
                    Recipe::Wrmf(_) => Recipe::Als(shillproof_victims::Als::default()),
                }
            }
        };
        let copy = VictimCopy::fit(recipe, sample, &ctx)?;
        Ok(Box::new(MfModel::new(copy, self.grad, self.damping, &ctx)?))
    }
}
