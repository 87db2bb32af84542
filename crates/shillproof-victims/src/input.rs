//! Checks that all victims share: what a fit is given, before it starts.

use std::borrow::Cow;

use shillproof_core::{FitError, FitJob, Fraction, Interactions};

/// The interactions an implicit victim learns from: those with a positive rating, without the ratings.
pub(crate) fn positives(train: &Interactions) -> Result<Cow<'_, Interactions>, FitError> {
    let data = if train.is_explicit() { Cow::Owned(train.binarize()) } else { Cow::Borrowed(train) };
    if data.is_empty() { Err(FitError::Empty) } else { Ok(data) }
}

/// The weight of each row, if there are weights: one a row, finite, none negative.
pub(crate) fn user_weight<'a>(job: &FitJob<'a>) -> Result<Option<&'a [f32]>, FitError> {
    let Some(weights) = job.user_weight else { return Ok(None) };
    let rows = job.train.n_users();
    let got = if weights.len() == rows {
        match weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            None => return Ok(Some(weights)),
            Some(bad) => bad.to_string(),
        }
    } else {
        format!("{} weights for {rows} users", weights.len())
    };
    Err(FitError::Parameter { name: "user_weight", got, expected: "one finite weight of at least 0 a user" })
}

/// Weights that are not all 1, and the interactions that train under them: users of weight 0 do not.
pub(crate) fn weighted<'a>(
    job: &FitJob<'a>,
    data: &'a Interactions,
) -> Result<(Option<&'a [f32]>, Cow<'a, Interactions>), FitError> {
    // Weights of one are no weights, to the last bit.
    let weights = user_weight(job)?.filter(|w| w.iter().any(|&w| w != 1.0));
    let silent = weights.filter(|w| w.contains(&0.0));
    let learned =
        silent.map_or(Cow::Borrowed(data), |w| Cow::Owned(data.filter(|user, _, _| w[user.index()] > 0.0)));
    Ok((weights, learned))
}

/// A count that must not be zero.
pub(crate) fn at_least_one(name: &'static str, value: usize) -> Result<(), FitError> {
    if value > 0 {
        Ok(())
    } else {
        Err(FitError::Parameter { name, got: value.to_string(), expected: "at least 1" })
    }
}

/// A step or weight that must be above zero.
pub(crate) fn positive(name: &'static str, value: f32) -> Result<(), FitError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(FitError::Parameter { name, got: value.to_string(), expected: "a finite number above 0" })
    }
}

/// A penalty that may be zero.
pub(crate) fn not_negative(name: &'static str, value: f32) -> Result<(), FitError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(FitError::Parameter { name, got: value.to_string(), expected: "a finite number of at least 0" })
    }
}

/// A share of change below which training stops; 0 never does.
pub(crate) fn tolerance(value: f64) -> Result<(), FitError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(FitError::Parameter {
            name: "tolerance",
            got: value.to_string(),
            expected: "a finite number of at least 0",
        })
    }
}

/// A share that must leave something.
pub(crate) fn below_one(name: &'static str, value: Fraction) -> Result<(), FitError> {
    if value < Fraction::ONE {
        Ok(())
    } else {
        Err(FitError::Parameter { name, got: value.to_string(), expected: "a fraction below 1" })
    }
}
