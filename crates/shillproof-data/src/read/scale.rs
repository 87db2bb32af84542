//! The rating scale that ratings show by themselves.

use std::path::Path;

use hashbrown::HashSet;
use shillproof_core::RatingScale;

use crate::error::{DataError, Place};

/// Minimum, maximum and smallest gap of the ratings seen, given by their bits.
pub(crate) fn observed_scale(
    levels: &HashSet<u32>,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<RatingScale, DataError> {
    let mut levels: Vec<f32> = levels.iter().map(|&bits| f32::from_bits(bits)).collect();
    levels.sort_unstable_by(f32::total_cmp);
    let (min, max) = (levels[0], levels[levels.len() - 1]);
    let gap = levels.windows(2).map(|pair| decimal_gap(pair[0], pair[1])).fold(f64::INFINITY, f64::min);
    let Ok(scale) = RatingScale::new(min, max, gap as f32) else {
        let (found, expected) = if levels.len() == 1 {
            (
                format!("the rating {min} in every row"),
                "at least two different ratings, to see the rating scale",
            )
        } else {
            (
                format!("ratings from {min} to {max} that no scale spans"),
                "ratings within what 32-bit floats tell apart",
            )
        };
        return Err(DataError::Malformed {
            place: Place::file(path),
            found,
            expected: expected.into(),
            hint: "add `--implicit` if a row only says that an interaction took place, or give the scale, \
                   for example `--rating-scale 1:5:1`"
                .into(),
        });
    };
    notes.push(format!(
        "rating scale {min}:{max}:{} as observed (state it with `--rating-scale`)",
        scale.step
    ));
    if let Some(off) = levels.iter().find(|&&level| !scale.contains(level)) {
        notes.push(format!(
            "ratings are unevenly spaced: {off} is not {min} plus a multiple of {}",
            scale.step
        ));
    }
    Ok(scale)
}

/// The distance of two ratings as a person wrote them: 3.7 - 3.6 is 0.1, not 0.10000014.
fn decimal_gap(a: f32, b: f32) -> f64 {
    let decimal = |x: f32| x.to_string().parse::<f64>().unwrap_or(f64::from(x));
    let gap = decimal(b) - decimal(a);
    format!("{gap:.6e}").parse().unwrap_or(gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(levels: &[f32]) -> (Result<RatingScale, DataError>, Vec<String>) {
        let mut notes = Vec::new();
        let levels = levels.iter().map(|level| level.to_bits()).collect();
        (observed_scale(&levels, Path::new("ratings.csv"), &mut notes), notes)
    }

    #[test]
    fn the_scale_is_what_was_written() {
        let (scale, notes) = observe(&[5.0, 1.0, 3.0, 4.0]);
        assert_eq!(scale.unwrap(), RatingScale::new(1.0, 5.0, 1.0).unwrap());
        assert_eq!(notes.len(), 1);
        // In 32-bit floats 3.7 - 3.6 is 0.10000014.
        let (scale, _) = observe(&[3.6, 3.7, 4.0]);
        assert_eq!(scale.unwrap().step, 0.1);
        let (scale, notes) = observe(&[-2.0, 2.0, 0.5]);
        assert_eq!(scale.unwrap(), RatingScale::new(-2.0, 2.0, 1.5).unwrap());
        assert!(notes[1].contains("unevenly spaced"), "{notes:?}");
    }

    #[test]
    fn one_rating_and_the_ends_of_floats_are_no_scale() {
        let (one, _) = observe(&[4.0]);
        assert!(one.unwrap_err().to_string().contains("the rating 4 in every row"));
        // The gap of neighbouring denormals rounds to a positive number; that of the extremes overflows nothing.
        assert!(observe(&[0.0, f32::from_bits(1)]).0.is_ok());
        assert!(observe(&[f32::MIN, f32::MAX]).0.is_err());
    }
}
