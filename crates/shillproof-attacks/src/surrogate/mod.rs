//! The attacker's own copy of the victim: what the recipe says, as an objective that can be differentiated.

mod copy;

use shillproof_core::{AttackError, Ctx, FitError, Interactions, Knowledge, VictimAccess};
use shillproof_victims::{Als, Center, Gmf, Mlp, NeuMf, NuclearNorm, Wrmf, WrmfSolver};

use crate::mf::{Rows, Weights};
pub(crate) use copy::VictimCopy;

/// The recipes that attacks can differentiate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Recipe {
    /// Explicit matrix factorisation.
    Als(Als),
    /// Weighted matrix factorisation of implicit feedback.
    Wrmf(Wrmf),
}

impl Recipe {
    /// What the attacker has been granted. A recipe that cannot be differentiated, or not on this data, gives way to the
    /// customary one (`als` with ratings, `wrmf` without), and the observer is told.
    pub(crate) fn of(known: &Knowledge<'_>, ctx: &Ctx<'_>) -> Result<Self, AttackError> {
        let VictimAccess::Recipe(victim) = known.victim else {
            return Err(AttackError::Ungranted("the victim's algorithm and hyper-parameters"));
        };
        let explicit = known.items.scale.is_some();
        let any = victim.as_any();
        if let Some(als) = any.and_then(|v| v.downcast_ref::<Als>()).filter(|_| explicit) {
            return Ok(Self::Als(als.clone()));
        }
        if let Some(wrmf) = any.and_then(|v| v.downcast_ref::<Wrmf>()) {
            if wrmf.solver == WrmfSolver::Adam {
                ctx.observer.note("the attacker trains its copy of the victim by least squares, not by Adam");
            }
            return Ok(Self::Wrmf(wrmf.clone()));
        }
        let (copy, name) =
            if explicit { (Self::Als(Als::default()), "als") } else { (Self::Wrmf(Wrmf::default()), "wrmf") };
        ctx.observer.note(&format!(
            "the attacker cannot differentiate the victim's recipe on this data and trains `{name}` instead"
        ));
        Ok(copy)
    }
}

/// The recipe of nuclear-norm completion, if that is what the attacker has been granted.
pub(crate) fn nuclear_norm(known: &Knowledge<'_>) -> Option<NuclearNorm> {
    let VictimAccess::Recipe(victim) = known.victim else { return None };
    victim.as_any()?.downcast_ref().cloned()
}

/// The neural recipe that the attacker has been granted, a part of it as the whole without the other one. Any other recipe gives way to
/// `neumf` with its defaults, and the observer is told.
pub(crate) fn neumf(known: &Knowledge<'_>, ctx: &Ctx<'_>) -> Result<NeuMf, AttackError> {
    let VictimAccess::Recipe(victim) = known.victim else {
        return Err(AttackError::Ungranted("the victim's algorithm and hyper-parameters"));
    };
    let any = victim.as_any();
    if let Some(whole) = any.and_then(|v| v.downcast_ref::<NeuMf>()) {
        return Ok(whole.clone());
    }
    if let Some(gmf) = any.and_then(|v| v.downcast_ref::<Gmf>()) {
        return Ok(gmf.clone().into());
    }
    if let Some(mlp) = any.and_then(|v| v.downcast_ref::<Mlp>()) {
        return Ok(mlp.clone().into());
    }
    ctx.observer.note("the victim is no neural recommender: the attacker trains `neumf` instead");
    Ok(NeuMf::default())
}

/// A matrix factorisation to train on what the attacker knows.
#[derive(Clone, Debug)]
pub(crate) struct MfSurrogate {
    /// Genuine cells, less `offset`.
    pub(crate) genuine: Rows,
    pub(crate) weights: Weights,
    /// What the model adds to `x·y`.
    pub(crate) offset: f64,
    /// Lowest and highest relaxed score, less `offset`: the legal ratings, or 0 to 1 where ratings are not read.
    pub(crate) range: (f64, f64),
}

impl MfSurrogate {
    pub(crate) fn of(recipe: &Recipe, sample: &Interactions) -> Result<Self, AttackError> {
        match recipe {
            Recipe::Als(als) => {
                let scale = sample.scale().ok_or(FitError::NeedsRatings)?;
                let offset = match als.center {
                    Center::None => 0.0,
                    Center::Global => shillproof_core::ItemStats::of(sample).global_mean,
                };
                let ridge = |own: Option<f32>| positive(own.unwrap_or(als.regularization));
                let weights = Weights {
                    observed: 1.0,
                    base: 0.0,
                    user_ridge: ridge(als.user_regularization)?,
                    item_ridge: ridge(als.item_regularization)?,
                };
                Ok(Self {
                    genuine: Rows::of(sample, offset, 1.0),
                    weights,
                    offset,
                    range: (f64::from(scale.min) - offset, f64::from(scale.max) - offset),
                })
            }
            Recipe::Wrmf(wrmf) => {
                let (weight, ridge) = (f64::from(wrmf.weight), positive(wrmf.regularization)?);
                let liked = if sample.is_explicit() { &sample.binarize() } else { sample };
                Ok(Self {
                    genuine: Rows::of(liked, 0.0, weight),
                    weights: Weights { observed: weight, base: 1.0, user_ridge: ridge, item_ridge: ridge },
                    offset: 0.0,
                    range: (0.0, 1.0),
                })
            }
        }
    }

    /// Whether scores are ratings; otherwise a cell of a fake user is there or not.
    pub(crate) fn reads_ratings(&self) -> bool {
        self.weights.base == 0.0
    }
}

fn positive(ridge: f32) -> Result<f64, FitError> {
    if ridge.is_finite() && ridge > 0.0 {
        Ok(f64::from(ridge))
    } else {
        Err(FitError::Parameter {
            name: "regularization",
            got: ridge.to_string(),
            expected: "a finite number above 0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Feedback, FitJob, ItemStats, Observer, Recommender, Seed, Victim};
    use shillproof_testkit::fixtures::Planted;
    use std::sync::Mutex;

    struct Opaque;

    impl Victim for Opaque {
        fn feedback(&self) -> Feedback {
            Feedback::Either
        }

        fn fit(&self, _: &FitJob<'_>, _: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
            Err(FitError::Empty)
        }
    }

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Observer for Notes {
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(text.into());
        }
    }

    fn recipe(victim: VictimAccess<'_>, explicit: bool) -> (Result<Recipe, AttackError>, Vec<String>) {
        let planted = Planted { users: 9, items: 12, clusters: 3, per_user: 4, affinity: 0.8 };
        let seed = Seed::new(1);
        let data = if explicit { planted.explicit(seed) } else { planted.implicit(seed) };
        let (items, notes) = (ItemStats::of(&data), Notes::default());
        let ctx = Ctx { observer: &notes, ..Ctx::new(seed) };
        let known = Knowledge { items: &items, sample: Some(&data), victim };
        let found = Recipe::of(&known, &ctx);
        (found, notes.0.into_inner().unwrap())
    }

    #[test]
    fn a_recipe_is_read_and_what_cannot_be_differentiated_is_replaced_aloud() {
        let als = Als { factors: 7, ..Als::default() };
        let (found, notes) = recipe(VictimAccess::Recipe(&als), true);
        assert_eq!((found.unwrap(), notes.len()), (Recipe::Als(als.clone()), 0));
        // Ratings cannot be had from data without them.
        let (found, notes) = recipe(VictimAccess::Recipe(&als), false);
        assert_eq!((found.unwrap(), notes.len()), (Recipe::Wrmf(Wrmf::default()), 1));
        let (found, notes) = recipe(VictimAccess::Recipe(&Opaque), true);
        assert_eq!(found.unwrap(), Recipe::Als(Als::default()));
        assert!(notes[0].contains("`als`"), "{notes:?}");
        let adam = Wrmf { solver: WrmfSolver::Adam, ..Wrmf::default() };
        let (found, notes) = recipe(VictimAccess::Recipe(&adam), true);
        assert_eq!((found.unwrap(), notes.len()), (Recipe::Wrmf(adam), 1));
        assert!(matches!(recipe(VictimAccess::Hidden, true).0, Err(AttackError::Ungranted(_))));
    }

    #[test]
    fn wrmf_reads_ratings_as_presence_and_centered_als_takes_the_mean_off() {
        let planted = Planted { users: 9, items: 12, clusters: 3, per_user: 4, affinity: 0.8 };
        let data = planted.explicit(Seed::new(1));
        let wrmf = MfSurrogate::of(&Recipe::Wrmf(Wrmf::default()), &data).unwrap();
        assert!(!wrmf.reads_ratings() && wrmf.genuine.value(0).iter().all(|&v| v == 1.0));
        let als = Als { center: Center::Global, ..Als::default() };
        let als = MfSurrogate::of(&Recipe::Als(als), &data).unwrap();
        let sum: f64 = (0..9).flat_map(|u| als.genuine.value(u).to_vec()).sum();
        assert!(als.reads_ratings() && sum.abs() < 1e-9);
        assert!(
            (als.range.0 + als.offset - 1.0).abs() < 1e-12 && (als.range.1 + als.offset - 5.0).abs() < 1e-12
        );
    }
}
