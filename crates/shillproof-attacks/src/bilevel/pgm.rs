//! The probabilistic model of incomplete and perturbed data (Zhang et al., KDD 2021, section 3.2).
//!
//! Two hidden variables a cell: δ¹ (is the interaction kept in what the attacker sees?) and δ² (is it genuine?). A lost
//! interaction is 0 for sure; a perturbed one is around r̄, a genuine one around the model's prediction:
//! `P(δ¹) = (κ_u + κ_i)/2`, `P(δ²) = (γ_u + γ_i)/2`, `r ~ N(r̄, σ²)` or `N(r̂, σ²)`.

use pulp::{Arch, Simd, WithSimd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_kernels::{Lane, exp};

/// What the expectations of hidden variables become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Em {
    /// 0 or 1, by whether they reach one half: δ¹ in every step, δ² in the end.
    #[default]
    Hard,
    /// Themselves.
    Soft,
}

/// The model's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pgm {
    /// What expectations become.
    pub em: Em,
    /// σ: deviation of an interaction around its mean; above 0.
    pub sigma: f32,
    /// r̄: mean of a perturbed interaction.
    pub noise_mean: f32,
    /// κ and γ before the first step; between 0 and 1.
    pub start: f32,
}

/// κ and γ of one side, a number each for every row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares {
    pub(super) kept: Vec<f32>,
    pub(super) genuine: Vec<f32>,
}

impl Shares {
    pub(super) fn new(n: usize, start: f32) -> Self {
        Self { kept: vec![start; n], genuine: vec![start; n] }
    }

    /// Those of at most 16 rows from `first`, and zeros.
    pub(super) fn lanes(&self, first: usize) -> [Lane; 2] {
        [&self.kept, &self.genuine].map(|of| {
            let mut lane = Lane::ZERO;
            for (cell, &value) in lane.0.iter_mut().zip(&of[first..]) {
                *cell = value;
            }
            lane
        })
    }
}

/// Keeps quotients of vanishing densities finite.
const SMALLEST: f32 = 1e-30;

impl Pgm {
    /// Factor that makes a bell a density.
    fn height(self) -> f32 {
        1.0 / (self.sigma * (2.0 * std::f32::consts::PI).sqrt())
    }

    #[inline(always)]
    fn density(self, distance: f32) -> f32 {
        self.height() * exp(distance * distance * (-0.5 / (self.sigma * self.sigma)))
    }

    #[inline(always)]
    fn cut(self, expectation: f32) -> f32 {
        match self.em {
            Em::Soft => expectation,
            Em::Hard => f32::from(u8::from(expectation >= 0.5)),
        }
    }

    /// Expectations of δ¹ (cut if hard) and of δ² given δ¹ (never cut here) for a cell that is 0 or 1, by its score and
    /// the means K of κ and Γ of γ.
    #[inline(always)]
    pub(super) fn expectations(self, value: f32, score: f32, kept: f32, genuine: f32) -> [f32; 2] {
        let of_model = genuine * self.density(value - score);
        let both = of_model + (1.0 - genuine) * self.density(value - self.noise_mean);
        let of_genuine = of_model / both.max(SMALLEST);
        if value > 0.0 {
            return [1.0, of_genuine];
        }
        let seen = kept * both;
        [self.cut(seen / (seen + (1.0 - kept)).max(SMALLEST)), of_genuine]
    }

    /// The mask of a cell, from its expectations: δ¹δ².
    #[inline(always)]
    pub(super) fn mask(self, [kept, genuine]: [f32; 2]) -> f32 {
        kept * self.cut(genuine)
    }

    /// Replaces the scores of cells that are 0 by the expectation of δ¹, and writes that of δ² to `second`.
    ///
    /// # Shapes
    /// `scores`, `second`: one lane a column. `rows`: shares of the lane's rows.
    pub(super) fn of_zeros(
        self,
        rows: &[Lane; 2],
        columns: &Shares,
        scores: &mut [Lane],
        second: &mut [Lane],
    ) {
        Arch::new().dispatch(Zeros { pgm: self, rows, columns, scores, second });
    }
}

struct Zeros<'a> {
    pgm: Pgm,
    rows: &'a [Lane; 2],
    columns: &'a Shares,
    scores: &'a mut [Lane],
    second: &'a mut [Lane],
}

impl WithSimd for Zeros<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Zeros { pgm, rows, columns, scores, second } = self;
        let height = pgm.height();
        let (slope, hard) = (-0.5 / (pgm.sigma * pgm.sigma), pgm.em == Em::Hard);
        let of_noise = pgm.density(pgm.noise_mean);
        let columns = columns.kept.iter().zip(&columns.genuine);
        for ((scores, second), (&kept, &genuine)) in scores.iter_mut().zip(second).zip(columns) {
            for k in 0..16 {
                let score = scores.0[k];
                let kept = 0.5 * (rows[0].0[k] + kept);
                let genuine = 0.5 * (rows[1].0[k] + genuine);
                let of_model = genuine * (height * exp(score * score * slope));
                let both = of_model + (1.0 - genuine) * of_noise;
                let seen = kept * both;
                let first = seen / (seen + (1.0 - kept)).max(SMALLEST);
                let cut = if first >= 0.5 { 1.0 } else { 0.0 };
                scores.0[k] = if hard { cut } else { first };
                second.0[k] = of_model / both.max(SMALLEST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PGM: Pgm = Pgm { em: Em::Soft, sigma: 0.3, noise_mean: 0.5, start: 0.8 };

    /// Bayes' rule over the three ways a cell comes about, in f64.
    fn by_hand(value: f64, score: f64, kept: f64, genuine: f64) -> [f64; 2] {
        let density = |x: f64| (-x * x / 0.18).exp() / (0.3 * (2.0 * std::f64::consts::PI).sqrt());
        let lost = if value == 0.0 { 1.0 - kept } else { 0.0 };
        let (model, noise) =
            (kept * genuine * density(value - score), kept * (1.0 - genuine) * density(value - 0.5));
        [(model + noise) / (lost + model + noise), model / (model + noise)]
    }

    #[test]
    fn expectations_are_bayes_rule() {
        let rows = [Lane([0.7; 16]), Lane([0.9; 16])];
        let columns = Shares { kept: vec![0.5], genuine: vec![0.4] };
        for (k, value) in (-8..20).flat_map(|k| [(k, 0.0f32), (k, 1.0)]) {
            let score = k as f32 * 0.1;
            let want = by_hand(f64::from(value), f64::from(score), 0.6, 0.65);
            let mut got = PGM.expectations(value, score, 0.6, 0.65);
            let close = |got: [f32; 2]| (0..2).all(|n| (f64::from(got[n]) - want[n]).abs() < 1e-5);
            assert!(close(got), "{got:?} for {want:?}");
            if value == 0.0 {
                let (mut scores, mut second) = ([Lane([score; 16])], [Lane::ZERO]);
                PGM.of_zeros(&rows, &columns, &mut scores, &mut second);
                got = [scores[0].0[3], second[0].0[3]];
                assert!(close(got), "{got:?} for {want:?}");
            }
            let hard = Pgm { em: Em::Hard, ..PGM };
            let mask = hard.mask(hard.expectations(value, score, 0.6, 0.65));
            assert_eq!(mask, f32::from(u8::from(want[0] >= 0.5 && want[1] >= 0.5)));
        }
    }
}
