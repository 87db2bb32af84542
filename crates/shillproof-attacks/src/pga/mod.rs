//! PGA: projected gradient ascent on the scores of fake users.

mod model;
mod scene;
mod utility;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, Knowledge, Needs};

use crate::catalogue::{Capabilities, Described};
use crate::mf::{FakeRow, Mode};
use crate::nuclear::{Printed, SigmaGrad};

pub use model::{Evaluation, ModelChoice, RelaxedModel, Solve};
pub(crate) use scene::{Choices, Scene, at_least_zero, refused};
pub use scene::{Relaxed, Step};
pub use utility::{Normalise, Slope, Utility};

/// Random fillers whose scores climb the utility of a model that is retrained in every iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PgaAttack {
    /// Which model the attacker trains.
    pub model: ModelChoice,
    /// μ₁, the weight of availability; 0 if not given.
    pub mu1: Option<f64>,
    /// μ₂, the weight of integrity; if not given 1 to promote and -1 to demote.
    pub mu2: Option<f64>,
    /// w of a target.
    pub target_weight: f64,
    /// How the two parts of the utility are put on one scale.
    pub normalise: Normalise,
    /// Which answers of the model to a changed score are followed.
    pub grad: Mode,
    /// How singular values answer in nuclear-norm completion with `grad = paper`.
    pub sigma_grad: SigmaGrad,
    /// τ, the ridge of the items' answers there.
    pub tau: f64,
    /// μ of the damped solve behind `grad = implicit`.
    pub damping: f64,
    /// Whether every fake user rates every target, at the end of the scale that serves the objective.
    pub force_targets: bool,
    /// Most iterations.
    pub iterations: usize,
    /// Largest change of a score in the first iteration, as a share of half the rating range.
    pub step: f64,
    /// Stops when the utility changes by less than this share of it three times in a row.
    pub tolerance: f64,
    /// Fillers a fake user chooses from where ratings are not read, as a multiple of its profile size.
    pub candidates: usize,
}

impl Default for PgaAttack {
    fn default() -> Self {
        Self {
            model: ModelChoice::Recipe,
            mu1: None,
            mu2: None,
            target_weight: 2.0,
            normalise: Normalise::PaperRaw,
            grad: Mode::Implicit,
            sigma_grad: SigmaGrad::Perturbation,
            tau: 0.1,
            damping: 0.1,
            force_targets: true,
            iterations: 50,
            step: 0.2,
            tolerance: 1e-4,
            candidates: 5,
        }
    }
}

/// Iterations without progress before the end.
const PATIENCE: usize = 3;

impl PgaAttack {
    /// The fake users before their ratings are rounded: what the figures of the paper are made of.
    ///
    /// # Errors
    /// As [`Attack::craft`].
    pub fn relax(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Relaxed, AttackError> {
        let mut scene = self.scene(goal, budget, known, ctx)?;
        self.climb(&mut scene, budget, ctx)
    }

    fn scene<'a>(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &'a Knowledge<'a>,
        ctx: &Ctx<'_>,
    ) -> Result<Scene<'a>, AttackError> {
        at_least_zero("tolerance", self.tolerance)?;
        if !(self.step.is_finite() && self.step > 0.0) {
            return Err(refused("step", self.step, "a finite number above 0"));
        }
        for (name, value) in [("iterations", self.iterations), ("candidates", self.candidates)] {
            if value == 0 {
                return Err(refused(name, 0.0, "at least 1"));
            }
        }
        let choices = Choices {
            model: self.model,
            mu1: self.mu1,
            mu2: self.mu2,
            target_weight: self.target_weight,
            normalise: self.normalise,
            grad: self.grad,
            printed: Printed { sigma_grad: self.sigma_grad, tau: self.tau },
            damping: self.damping,
            force_targets: self.force_targets,
        };
        Scene::new(&choices, goal, budget, known, ctx)
    }

    fn climb(&self, scene: &mut Scene<'_>, budget: &Budget, ctx: &Ctx<'_>) -> Result<Relaxed, AttackError> {
        let (low, high) = scene.model.range();
        let mut rows = self.draw(scene, budget, ctx)?;
        let held = scene.frame.fixed().len();
        let (mut trace, mut still, mut length) = (Vec::<Step>::new(), 0, None);
        if budget.fake_users == 0 || scene.frame.room == 0 {
            return Ok(scene.relaxed(&rows, trace));
        }
        for iteration in 0..self.iterations {
            ctx.check()?;
            let at = scene.model.evaluate(&rows, &scene.utility, ctx)?;
            if let Some(last) = trace.last() {
                let small = (at.utility - last.utility).abs() < self.tolerance * last.utility.abs();
                still = if small { still + 1 } else { 0 };
            }
            trace.push(Step { utility: at.utility, solve: at.solve });
            ctx.observer.progress("pga", iteration as u64 + 1, self.iterations as u64);
            if still == PATIENCE {
                break;
            }
            let steepest =
                at.gradient.iter().flat_map(|row| &row[held..]).fold(0.0f64, |m, g| m.max(g.abs()));
            let length = *length.get_or_insert(if steepest > 0.0 {
                self.step * (high - low) / 2.0 / steepest
            } else {
                0.0
            });
            let length = length / ((iteration + 1) as f64).sqrt();
            for (row, slope) in rows.iter_mut().zip(&at.gradient) {
                for (score, slope) in row.scores.iter_mut().zip(slope).skip(held) {
                    *score = (*score + length * slope).clamp(low, high);
                }
            }
        }
        Ok(scene.relaxed(&rows, trace))
    }

    /// The start: fillers and their scores, uniform.
    fn draw(&self, scene: &Scene<'_>, budget: &Budget, ctx: &Ctx<'_>) -> Result<Vec<FakeRow>, AttackError> {
        let (low, high) = scene.model.range();
        let room = scene.frame.room * if scene.model.reads_ratings() { 1 } else { self.candidates };
        let seed = ctx.seed.child("start");
        let one = |v: usize| {
            ctx.check()?;
            let mut rng = seed.index(v as u64).rng();
            let mut row = scene.fixed();
            for item in scene.frame.draw_at_most(&mut rng, room)? {
                row.items.push(item.0);
                row.scores.push(low + (high - low) * rng.random::<f64>());
            }
            Ok(row)
        };
        (0..budget.fake_users).map(one).collect()
    }
}

impl Attack for PgaAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Recipe }
    }

    /// All fake users climb together.
    fn is_incremental(&self) -> bool {
        false
    }

    fn trainings(&self, fake_users: usize) -> usize {
        if fake_users == 0 { 0 } else { 1 + self.iterations }
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let mut scene = self.scene(goal, budget, known, ctx)?;
        let relaxed = self.climb(&mut scene, budget, ctx)?;
        scene.profiles(&relaxed, budget, ctx)
    }
}

impl Described for PgaAttack {
    const CARD: Card = Card {
        name: "pga",
        summary: "random fillers whose ratings climb the victim's own answer to them",
        doc: include_str!("../../../../docs/attacks/pga.md"),
        reference: "B. Li, Y. Wang, A. Singh, Y. Vorobeychik: Data poisoning attacks on factorization-based \
                    collaborative filtering. NIPS 2016",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: self.force_targets, ..Capabilities::ALL }
    }
}
