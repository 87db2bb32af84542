//! Detectors on data whose truth the lab knows: examples to learn from, suspicions, and how right they are.

mod examples;

pub use examples::{Examples, OTHERS, train_attacks};

use shillproof_core::{
    Ctx, DetectError, Detector, FakeProfiles, FittedDetector, Interactions, LabelledProfiles, Suspicion,
};

use crate::metrics::Detection;
use crate::trial::{Setup, TrialError};

/// Makes `detector` ready: one that learns is taught with `examples` crafted on the log of genuine users.
///
/// # Errors
/// If examples cannot be crafted, or the detector cannot be fitted.
pub fn fit(
    detector: &dyn Detector,
    examples: &Examples<'_>,
    setup: &Setup,
    ctx: &Ctx<'_>,
) -> Result<Box<dyn FittedDetector>, TrialError> {
    let at = ctx.at(setup.root.child("detector"));
    if detector.examples() == 0 {
        return Ok(detector.fit(None, &at)?);
    }
    let genuine = setup.log(examples.threat.objective, examples.victim);
    let blocks = examples.craft(detector.examples(), setup, ctx)?;
    Ok(detector.fit(Some(&LabelledProfiles { genuine, blocks: &blocks }), &at)?)
}

/// Lets `detector` look at `log`, with the child "detector" of the context's seed.
///
/// # Errors
/// If the detector fails.
pub fn suspicion(
    detector: &dyn FittedDetector,
    log: &Interactions,
    ctx: &Ctx<'_>,
) -> Result<Suspicion, DetectError> {
    detector.inspect(log, &ctx.at(ctx.seed.child("detector")))
}

/// Lets `detector` look at the genuine log with `fakes` behind it and judges what it says. `clean` is what it said without
/// the fakes: that is where thresholds are calibrated. The detector is told nothing but the log.
///
/// # Errors
/// If the fake users do not fit the log, or the detector fails.
pub fn judge(
    detector: &dyn FittedDetector,
    genuine: &Interactions,
    clean: &Suspicion,
    fakes: &FakeProfiles,
    ctx: &Ctx<'_>,
) -> Result<(Suspicion, Detection), DetectError> {
    let log = genuine.append(fakes)?;
    let found = suspicion(detector, &log, ctx)?;
    let active: Vec<bool> = log.rows().map(|row| !row.is_empty()).collect();
    let detection = Detection::of(&found, &active, genuine.n_users(), Some(clean));
    Ok((found, detection))
}
