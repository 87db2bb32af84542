//! What the attacker trains in the victim's place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{AttackError, Ctx, Grant, Knowledge, VictimAccess};
use shillproof_victims::{Wrmf, WrmfSolver};

use super::training::{Optimizer, Training};

/// Where the settings of the surrogate come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Surrogate {
    /// The victim's recipe if it is a `wrmf`, the attack's own parameters if not.
    #[default]
    Recipe,
    /// The attack's own parameters: nothing of the victim need be known.
    Own,
}

impl Surrogate {
    /// What the attacker must know of the victim.
    pub(crate) fn grant(self) -> Grant {
        match self {
            Self::Recipe => Grant::Recipe,
            Self::Own => Grant::Hidden,
        }
    }

    /// The settings to train with, out of the attack's own ones.
    ///
    /// Least squares minimises `loss + λ‖θ‖²`, whose gradient has `2λθ`: that is the weight decay here.
    pub(crate) fn training(
        self,
        own: Training,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Training, AttackError> {
        check(&own)?;
        let VictimAccess::Recipe(victim) = known.victim else { return Ok(own) };
        if self == Self::Own {
            return Ok(own);
        }
        let Some(wrmf) = victim.as_any().and_then(|recipe| recipe.downcast_ref::<Wrmf>()) else {
            ctx.observer
                .note("the victim is no `wrmf`: the attacker trains one with its own parameters instead");
            return Ok(own);
        };
        let like_victim = Training { factors: wrmf.factors, weight: wrmf.weight, ..own };
        let training = match wrmf.solver {
            WrmfSolver::Als => {
                ctx.observer.note(
                    "the attacker trains its copy of the victim by gradient descent, not by least squares",
                );
                Training { weight_decay: 2.0 * wrmf.regularization, ..like_victim }
            }
            WrmfSolver::Adam => Training {
                optimizer: Optimizer::Adam,
                learning_rate: wrmf.learning_rate,
                weight_decay: wrmf.weight_decay,
                batch_size: wrmf.batch_size,
                // The victim counts epochs from 0.
                epochs: wrmf.epochs + 1,
                unroll: like_victim.unroll.min(wrmf.epochs + 1),
                pgm: like_victim.pgm.map(|(pgm, last)| (pgm, last.min(wrmf.epochs + 1))),
                ..like_victim
            },
        };
        check(&training)?;
        Ok(training)
    }
}

/// The same training as a recipe of its own.
pub(crate) fn adam_of(training: &Training) -> Wrmf {
    Wrmf {
        factors: training.factors,
        weight: training.weight,
        solver: WrmfSolver::Adam,
        epochs: training.epochs - 1,
        learning_rate: training.learning_rate,
        batch_size: training.batch_size,
        weight_decay: training.weight_decay,
        ..Wrmf::default()
    }
}

fn check(training: &Training) -> Result<(), AttackError> {
    let refused = |name, got: String, expected| Err(AttackError::Parameter { name, got, expected });
    for (name, value) in
        [("factors", training.factors), ("batch_size", training.batch_size), ("epochs", training.epochs)]
    {
        at_least_one(name, value)?;
    }
    for (name, value) in [("weight", training.weight), ("learning_rate", training.learning_rate)] {
        above_zero(name, value)?;
    }
    if !(training.weight_decay.is_finite() && training.weight_decay >= 0.0) {
        return refused("weight_decay", training.weight_decay.to_string(), "a finite number of at least 0");
    }
    if training.unroll == 0 || training.unroll > training.epochs {
        return refused("unroll", training.unroll.to_string(), "at least 1 and at most `epochs`");
    }
    if let Some((pgm, last)) = &training.pgm {
        above_zero("sigma", pgm.sigma)?;
        if !pgm.noise_mean.is_finite() {
            return refused("noise_mean", pgm.noise_mean.to_string(), "a finite number");
        }
        if !(0.0..=1.0).contains(&pgm.start) {
            return refused("start_share", pgm.start.to_string(), "a number from 0 to 1");
        }
        if *last > training.unroll {
            return refused("pgm_epochs", last.to_string(), "at most `unroll`");
        }
    }
    Ok(())
}

pub(crate) fn at_least_one(name: &'static str, value: usize) -> Result<(), AttackError> {
    if value == 0 {
        return Err(AttackError::Parameter { name, got: "0".into(), expected: "at least 1" });
    }
    Ok(())
}

pub(crate) fn above_zero(name: &'static str, value: f32) -> Result<(), AttackError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(AttackError::Parameter { name, got: value.to_string(), expected: "a finite number above 0" })
    }
}
