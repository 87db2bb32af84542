//! SGLD: fake users sampled from a posterior that weighs looking genuine against the utility.

use rand::RngExt;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, ItemId, ItemStats, Knowledge, Needs, Rng,
};

use crate::catalogue::{Capabilities, Described};
use crate::mf::{FakeRow, Mode};
use crate::nuclear::{Printed, SigmaGrad};
use crate::pga::{Choices, ModelChoice, Normalise, Relaxed, Scene, Step, at_least_zero, refused};

/// What an item's prior is fitted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// All users, those without a rating at the centre of the scale: popular items stand out.
    #[default]
    ZeroFilled,
    /// The users who rated the item.
    ObservedOnly,
}

/// What the model is trained on in every iteration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrainOn {
    /// The profiles as they would be injected now.
    #[default]
    Projected,
    /// All scores: every fake user rates every item.
    Dense,
}

/// Stochastic gradient Langevin dynamics on all scores of fake users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SgldAttack {
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
    /// Weight of the utility against the prior.
    pub beta: f64,
    /// What the prior is fitted to.
    pub prior: Prior,
    /// What the model is trained on.
    pub train_on: TrainOn,
    /// Whether steps and noise are scaled by the prior's variance, item by item.
    pub precondition: bool,
    /// Steps.
    pub iterations: usize,
    /// First step size; it decays as t^(-0.55).
    pub step: f64,
}

impl Default for SgldAttack {
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
            beta: 0.6,
            prior: Prior::ZeroFilled,
            train_on: TrainOn::Projected,
            precondition: true,
            iterations: 100,
            step: 0.1,
        }
    }
}

/// Smallest deviation of a prior: rare items would otherwise allow no step at all.
const LEAST_DEVIATION: f64 = 0.05;

/// Exponent of the decay of steps (Welling and Teh, ICML 2011).
const DECAY: f64 = -0.55;

/// Independent normals, one an item, on the scale whose centre is 0.
struct Normals {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Normals {
    /// Scores lie around `centre`; without ratings a score is 1 where the user has the item.
    fn of(stats: &ItemStats, prior: Prior, centre: f64, reads_ratings: bool) -> Self {
        let users = stats.users.max(1) as f64;
        let item = |j: usize| {
            let n = f64::from(stats.count[j]);
            let (mean, std) = if reads_ratings { (stats.mean[j] - centre, stats.std[j]) } else { (1.0, 0.0) };
            let (mean, variance) = match prior {
                Prior::ObservedOnly => (mean, std * std),
                // The mean square over all users less the squared mean over all users.
                Prior::ZeroFilled if n > 0.0 => {
                    // One rating has no deviation, whatever is borrowed for it elsewhere.
                    let std = if n > 1.0 { std } else { 0.0 };
                    let all = mean * n / users;
                    (all, (std * std + mean * mean) * n / users - all * all)
                }
                Prior::ZeroFilled => (0.0, 0.0),
            };
            (mean, variance.max(LEAST_DEVIATION * LEAST_DEVIATION))
        };
        let (mean, variance) = (0..stats.n_items()).map(item).unzip();
        Self { mean, variance }
    }
}

/// The chain: one dense row of scores a fake user, around 0, and the generator of its noise.
struct Chain {
    scores: Vec<Vec<f64>>,
    noise: Vec<Rng>,
}

impl SgldAttack {
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
        self.sample(&mut scene, budget, known, ctx)
    }

    fn scene<'a>(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &'a Knowledge<'a>,
        ctx: &Ctx<'_>,
    ) -> Result<Scene<'a>, AttackError> {
        at_least_zero("beta", self.beta)?;
        if !(self.step > 0.0 && self.step <= 1.0) {
            return Err(refused("step", self.step, "a number above 0 and at most 1"));
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

    fn sample(
        &self,
        scene: &mut Scene<'_>,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Relaxed, AttackError> {
        let (low, high) = scene.model.range();
        let reads_ratings = scene.model.reads_ratings();
        // The centre of the scale in the model's units; presence is measured from absence.
        let centre = if reads_ratings { f64::midpoint(low, high) } else { 0.0 };
        let normals = Normals::of(known.items, self.prior, centre + scene.model.offset(), reads_ratings);
        let mut chain = Chain::start(&normals, budget.fake_users, ctx)?;
        let mut trace = Vec::new();
        let nothing = budget.fake_users == 0 || scene.frame.room == 0;
        for iteration in 0..if nothing { 0 } else { self.iterations } {
            ctx.check()?;
            let rows: Vec<FakeRow> =
                chain.scores.iter().map(|scores| self.rated(scene, scores, centre, (low, high))).collect();
            let at = scene.model.evaluate(&rows, &scene.utility, ctx)?;
            trace.push(Step { utility: at.utility, solve: at.solve });
            let step = self.step * ((iteration + 1) as f64).powf(DECAY);
            chain.step(&normals, step, self, &rows, &at.gradient);
            ctx.observer.progress("sgld", iteration as u64 + 1, self.iterations as u64);
        }
        let rows: Vec<FakeRow> =
            chain.scores.iter().map(|scores| projected(scene, scores, centre, (low, high))).collect();
        Ok(scene.relaxed(&rows, trace))
    }

    /// What the model is trained on.
    fn rated(&self, scene: &Scene<'_>, scores: &[f64], centre: f64, range: (f64, f64)) -> FakeRow {
        match self.train_on {
            TrainOn::Projected => projected(scene, scores, centre, range),
            TrainOn::Dense => {
                let all = (0..scores.len() as u32).filter(|&j| scene.frame.is_filler(ItemId(j)));
                holding(scene, all, scores, centre, range)
            }
        }
    }
}

/// The fixed cells and the fillers of largest |score|, clipped to legal scores.
fn projected(scene: &Scene<'_>, scores: &[f64], centre: f64, range: (f64, f64)) -> FakeRow {
    let mut order: Vec<u32> =
        (0..scores.len() as u32).filter(|&j| scene.frame.is_filler(ItemId(j))).collect();
    // A continuous density has no ties.
    let size = |j: &u32| scores[*j as usize].abs();
    let room = scene.frame.room.min(order.len());
    if room > 0 && room < order.len() {
        order.select_nth_unstable_by(room - 1, |a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
    }
    order.truncate(room);
    order.sort_unstable();
    holding(scene, order.into_iter(), scores, centre, range)
}

fn holding(
    scene: &Scene<'_>,
    items: impl Iterator<Item = u32>,
    scores: &[f64],
    centre: f64,
    (low, high): (f64, f64),
) -> FakeRow {
    let mut row = scene.fixed();
    for j in items {
        row.items.push(j);
        row.scores.push((scores[j as usize] + centre).clamp(low, high));
    }
    row
}

impl Chain {
    /// A sample of the prior.
    fn start(normals: &Normals, fakes: usize, ctx: &Ctx<'_>) -> Result<Self, AttackError> {
        let seed = ctx.seed.child("chain");
        let mut out = Self { scores: Vec::new(), noise: Vec::new() };
        for v in 0..fakes {
            ctx.check()?;
            let mut rng = seed.index(v as u64).rng();
            let draw = |(mean, variance): (&f64, &f64)| {
                let z: f64 = rng.sample(StandardNormal);
                mean + variance.sqrt() * z
            };
            out.scores.push(normals.mean.iter().zip(&normals.variance).map(draw).collect());
            out.noise.push(rng);
        }
        Ok(out)
    }

    /// One step of Langevin dynamics (Li et al., NIPS 2016, eq. 17): ascent of the log posterior, and noise.
    fn step(
        &mut self,
        normals: &Normals,
        step: f64,
        attack: &SgldAttack,
        rows: &[FakeRow],
        gradient: &[Vec<f64>],
    ) {
        for (((scores, rng), row), slopes) in
            self.scores.iter_mut().zip(&mut self.noise).zip(rows).zip(gradient)
        {
            let mut pull = vec![0.0; scores.len()];
            for (&j, slope) in row.items.iter().zip(slopes) {
                pull[j as usize] = attack.beta * slope;
            }
            for j in 0..scores.len() {
                let variance = normals.variance[j];
                let drift = (normals.mean[j] - scores[j]) / variance + pull[j];
                let metric = if attack.precondition { variance } else { 1.0 };
                let z: f64 = rng.sample(StandardNormal);
                scores[j] += step / 2.0 * metric * drift + (step * metric).sqrt() * z;
            }
        }
    }
}

impl Attack for SgldAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ratings: false, victim: Grant::Recipe }
    }

    /// The model sees all fake users together.
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
        let relaxed = self.sample(&mut scene, budget, known, ctx)?;
        scene.profiles(&relaxed, budget, ctx)
    }
}

impl Described for SgldAttack {
    const CARD: Card = Card {
        name: "sgld",
        summary: "fake users sampled between looking genuine and moving the victim's predictions",
        doc: include_str!("../../../docs/attacks/sgld.md"),
        reference: "B. Li, Y. Wang, A. Singh, Y. Vorobeychik: Data poisoning attacks on factorization-based \
                    collaborative filtering. NIPS 2016",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: self.force_targets, ..Capabilities::ALL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, RatingScale, Seed, Triples};

    fn stats() -> ItemStats {
        let data = Interactions::from_triples(
            4,
            3,
            Triples {
                users: vec![0, 1, 2, 0],
                items: vec![0, 0, 0, 1],
                ratings: Some(vec![5.0, 5.0, 2.0, 1.0]),
                times: None,
            },
            Some(RatingScale::new(1.0, 5.0, 1.0).unwrap()),
        );
        ItemStats::of(&data.unwrap())
    }

    /// By hand, around 3: item 0 has 2, 2, -1 and one user without; item 1 has -2 and three without.
    #[test]
    fn priors_are_moments_over_all_users_or_over_raters() {
        let filled = Normals::of(&stats(), Prior::ZeroFilled, 3.0, true);
        assert!((filled.mean[0] - 0.75).abs() < 1e-12 && (filled.mean[1] + 0.5).abs() < 1e-12);
        assert!((filled.variance[0] - (9.0 / 4.0 - 0.5625)).abs() < 1e-12);
        assert!((filled.variance[1] - 0.75).abs() < 1e-12);
        assert!(filled.mean[2] == 0.0 && (filled.variance[2] - 0.0025).abs() < 1e-12);
        let seen = Normals::of(&stats(), Prior::ObservedOnly, 3.0, true);
        assert!((seen.mean[0] - 1.0).abs() < 1e-12 && (seen.variance[0] - 2.0).abs() < 1e-12);
        // Presence: a share p of users, variance p(1 − p).
        let present = Normals::of(&stats(), Prior::ZeroFilled, 0.0, false);
        assert!((present.mean[0] - 0.75).abs() < 1e-12 && (present.variance[0] - 0.1875).abs() < 1e-12);
    }

    /// Without a utility the chain must stay in its prior: the invariant distribution of Langevin dynamics.
    #[test]
    fn without_utility_the_chain_keeps_the_prior() {
        let normals = Normals { mean: vec![1.0, -0.5], variance: vec![2.0, 0.25] };
        let ctx = Ctx::new(Seed::new(1));
        for precondition in [true, false] {
            let attack = SgldAttack { beta: 0.0, precondition, ..SgldAttack::default() };
            let mut chain = Chain::start(&normals, 4000, &ctx).unwrap();
            let none = vec![FakeRow::default(); 4000];
            for _ in 0..200 {
                chain.step(&normals, 0.02, &attack, &none, &vec![Vec::new(); 4000]);
            }
            for j in 0..2 {
                let mean = chain.scores.iter().map(|s| s[j]).sum::<f64>() / 4000.0;
                let spread = chain.scores.iter().map(|s| (s[j] - mean).powi(2)).sum::<f64>() / 4000.0;
                assert!((mean - normals.mean[j]).abs() < 0.1, "mean {mean}");
                assert!((spread / normals.variance[j] - 1.0).abs() < 0.1, "variance {spread}");
            }
        }
    }
}
